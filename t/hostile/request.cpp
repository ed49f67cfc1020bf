#include "t/hostile/request.hpp"

#include <vector>

using namespace std::string_literals;

namespace hostile {

namespace {

using sim::Random;

// The RFC's sample, and others of 16 bytes.
constexpr std::string_view keys[] = {"dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==",
                                     "/////////////////////w==", "x3JJHMbDL1EzLkh9GBhXDw=="};

using Lines = std::vector<std::string>;

[[nodiscard]] std::string path_of(const Place &place, bool hasty) {
    return (hasty ? "/hasty/" : "/calm/") + std::string(place.name);
}

[[nodiscard]] Lines usual_lines(Random &random) {
    return {
        random.one_in(3) ? "host: localhost"s : "Host: localhost"s,
        random.one_in(3) ? "Upgrade: WebSocket"s : "Upgrade: websocket"s,
        random.one_in(3) ? "Connection: keep-alive, Upgrade"s : "Connection: Upgrade"s,
        "Sec-WebSocket-Key: " + std::string(random.one_of(keys)),
        "Sec-WebSocket-Version: 13"s,
    };
}

[[nodiscard]] std::string join(const std::string &first, const Lines &lines) {
    std::string text = first + "\r\n";
    for (const std::string &line : lines) {
        text += line + "\r\n";
    }
    return text + "\r\n";
}

void shuffle(Random &random, Lines &lines) {
    for (std::size_t i = lines.size(); i > 1; --i) {
        std::swap(lines[i - 1], lines[random.below(i)]);
    }
}

[[nodiscard]] std::string odd_bytes(Random &random, std::size_t size) {
    std::string bytes(size, '\0');
    for (char &byte : bytes) {
        byte = static_cast<char>(random.below(256));
    }
    return bytes;
}

void break_lines(Random &random, Lines &lines) {
    static constexpr std::string_view odd[] = {
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Version: 13, 14",
        "Sec-WebSocket-Key: short",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: a, b, , c/d",
        "Sec-WebSocket-Protocol: mqtt, binary",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"1",
        "Sec-WebSocket-Extensions: ;;,,=\"",
        "Upgrade: h2c",
        "Connection: close",
        "Content-Length: 5",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: ",
        "Host: other",
        "X: \x01\x80\xff",
        " folded",
        "no colon",
    };
    switch (random.below(4)) {
        case 0:
            lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(random.below(lines.size())));
            break;
        case 1:
            lines.push_back("X-Long: " + std::string(random.size(20'000), 'x'));
            break;
        case 2:
            for (std::size_t left = random.size(400); left > 0; --left) {
                lines.push_back("X-Many: " + std::to_string(left));
            }
            break;
        default:
            lines.emplace_back(random.one_of(odd));
    }
}

[[nodiscard]] std::string no_http(Random &random) {
    switch (random.below(5)) {
        case 0:
            return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s + odd_bytes(random, random.size(500));
        case 1:
            return "\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03"s + odd_bytes(random, 240);
        case 2:
            return "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n";
        case 3:
            return "";
        default:
            return odd_bytes(random, random.size(5000));
    }
}

// Of a session that is none, or of none that anybody could have.
[[nodiscard]] std::string odd_reconnect(Random &random) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string sid = "-";
    for (const unsigned size : {16, 16, 32}) {
        sid += '.';
        for (unsigned i = 0; i < size; ++i) {
            sid += digits[random.below(digits.size())];
        }
    }
    if (random.one_in(3)) {
        sid.resize(random.below(sid.size() + 1));
    }
    const std::string ack = std::to_string(UINT64_MAX >> random.below(64));
    return "?sid=" + sid + (random.one_in(4) ? "" : "&ack=" + ack);
}

}  // namespace

Request right_request(Random &random, const Place &place, bool hasty) {
    Lines lines = usual_lines(random);
    Request request;
    if (random.one_in(place.deflate ? 2 : 8)) {
        request.offers_deflate = place.deflate;
        lines.emplace_back(random.one_in(2)
                               ? "Sec-WebSocket-Extensions: permessage-deflate"
                               : "Sec-WebSocket-Extensions: permessage-deflate; "
                                 "client_max_window_bits, x-other; server_no_context_takeover");
    }
    const bool resumes = place.service == Service::resumed && !random.one_in(8);
    if (resumes) {
        static constexpr std::string_view names[] = {
            "v1.resume.ngx-ws-filter", "binary, v1.resume.ngx-ws-filter", "ssh",
            "relay.tunnel.cloudproxy.app", "ssh, v1.resume.ngx-ws-filter"};
        lines.push_back("Sec-WebSocket-Protocol: " + std::string(random.one_of(names)));
    } else if (random.one_in(4)) {
        lines.emplace_back("Sec-WebSocket-Protocol: binary, base64");
    }
    if (random.one_in(4)) {
        lines.emplace_back("Cookie: " + std::string(random.size(3000), 'c'));
    }
    shuffle(random, lines);
    std::string query = random.one_in(4) ? "?token=" + std::string(random.size(900), 't') : "";
    if (resumes && random.one_in(5)) {
        query = odd_reconnect(random);
    }
    request.text = join("GET " + path_of(place, hasty) + query + " HTTP/1.1", lines);
    return request;
}

std::string wrong_request(Random &random, const Place &place, bool hasty) {
    static constexpr std::string_view methods[] = {"POST", "HEAD",    "PUT", "OPTIONS",
                                                   "get",  "CONNECT", ""};
    static constexpr std::string_view versions[] = {"HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9",
                                                    ""};
    Lines lines = usual_lines(random);
    const std::string path = path_of(place, hasty);
    switch (random.below(6)) {
        case 0:
            return join(std::string(random.one_of(methods)) + " " + path + " HTTP/1.1", lines);
        case 1:
            return join("GET " + path + " " + std::string(random.one_of(versions)), lines);
        case 2:
            return "GET /calm/static HTTP/1.1\r\nHost: localhost\r\n\r\n" +
                   join("GET " + path + " HTTP/1.1", lines);
        case 3:
            return no_http(random);
        default:
            break_lines(random, lines);
            shuffle(random, lines);
            return join("GET " + path + " HTTP/1.1", lines);
    }
}

void spoil(Random &random, std::string &bytes) {
    static constexpr std::string_view tokens[] = {"\r\n",
                                                  "\n",
                                                  "\r\n\r\n",
                                                  std::string_view("\0", 1),
                                                  "\xff\xff\xff\xff",
                                                  " ",
                                                  ":",
                                                  "%00",
                                                  "%2e%2e/",
                                                  "\x88\x80\x01\x02\x03\x04",
                                                  "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"};
    for (std::size_t left = 1 + random.below(4); left > 0; --left) {
        const std::size_t place = random.below(bytes.size() + 1);
        const std::size_t size = std::min(bytes.size() - place, random.size(400));
        switch (random.below(7)) {
            case 0:
                bytes.erase(place, size);
                break;
            case 1:
                bytes.insert(place, bytes.substr(place, size));
                break;
            case 2:
                bytes.insert(place, random.one_of(tokens));
                break;
            case 3:
                bytes.insert(random.below(place + 1), bytes.substr(place, size));
                break;
            case 4:
                bytes.insert(place, odd_bytes(random, random.size(60)));
                break;
            default:
                if (place < bytes.size()) {
                    bytes[place] = static_cast<char>(bytes[place] ^ 1 << random.below(8));
                }
        }
    }
}

}  // namespace hostile
