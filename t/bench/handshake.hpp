// The opening handshake with the sample key of RFC 6455, section 1.3, so that neither end needs
// to compute the answer and both can check it.
#pragma once

#include <string_view>

namespace bench {

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::string_view end_of_head = "\r\n\r\n";

constexpr std::string_view switching_protocols =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

}  // namespace bench
