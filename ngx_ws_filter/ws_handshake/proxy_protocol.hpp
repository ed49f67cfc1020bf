// The PROXY protocol, versions 1 and 2, its sender's side: who the proxied client is, written
// before anything else. Section numbers are those of HAProxy's doc/proxy-protocol.txt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

enum class AddressFamily : std::uint8_t { unknown, ipv4, ipv6, local };

// One end of the client's connection.
struct ProxiedAddress {
    AddressFamily family = AddressFamily::unknown;
    std::uint16_t port = 0;
    // In network byte order, 4 or 16 bytes; of a unix socket its path, which may be empty.
    std::span<const std::uint8_t> bytes;
};

// What the client's TLS connection is, section 2.2.6. What is empty is left out.
struct ProxiedTls {
    std::string_view version;
    std::string_view cipher;
    std::string_view client_name;     // the common name of the client's certificate
    std::uint32_t verify_result = 1;  // 0: there is a certificate, and it was verified
    bool certificate = false;         // in the session
    bool resumed = false;             // the session, whose certificate was not shown again
};

// Both families of the internet may meet: IPv4 is then written as mapped into IPv6. A destination
// of another kind than the source is written as the unspecified address, so that the source is not
// lost. What is empty is left out. Facts lie with the caller, and are copied as they are: bytes
// that a client chose stay such bytes.
struct ProxiedConnection {
    ProxiedAddress source;
    ProxiedAddress destination;
    // Facts for version 2, sections 2.2.1, 2.2.2 and 2.2.5.
    std::string_view alpn;
    std::string_view authority;
    std::string_view unique_id;
    const ProxiedTls *tls = nullptr;  // null: no TLS
};

// Section 2: a header fits into the smallest TCP segment, so that it is never cut.
inline constexpr std::size_t max_proxy_header_size = 536;

// Each returns the size of what it wrote, and none can fail. Version 1, section 2.1, has words for
// TCP only.
[[nodiscard]] std::size_t write_proxy_v1(std::span<std::uint8_t, max_proxy_header_size> to,
                                         const ProxiedConnection &connection) noexcept;

// Section 2.2. A fact for which there is no room left is left out.
[[nodiscard]] std::size_t write_proxy_v2(std::span<std::uint8_t, max_proxy_header_size> to,
                                         const ProxiedConnection &connection) noexcept;

}  // namespace ws
