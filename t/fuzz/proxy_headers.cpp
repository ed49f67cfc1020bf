// write_proxy_v1() and write_proxy_v2() with texts that a client chose: what comes out is one whole
// header, in which a plain reading finds nothing but these texts.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_handshake/proxy_protocol.hpp"

using fuzz::Input;
using fuzz::require;
using ws::AddressFamily;
using ws::ProxiedAddress;

namespace {

using Writes = std::size_t (*)(std::span<std::uint8_t, ws::max_proxy_header_size>,
                               const ws::ProxiedConnection &) noexcept;

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n\x21", 13);

std::string written(Writes write, const ws::ProxiedConnection &connection) {
    const fuzz::Block room(ws::max_proxy_header_size);
    const std::size_t size = write(room.span().first<ws::max_proxy_header_size>(), connection);
    require(size <= room.span().size());
    return std::string(fuzz::text(room.span().first(size)));
}

[[nodiscard]] std::size_t number_at(std::string_view text, std::size_t at) {
    require(text.size() >= at + 2);
    return static_cast<std::uint8_t>(text[at]) * 256U + static_cast<std::uint8_t>(text[at + 1]);
}

// Takes one type-length-value off the front; its type and value.
[[nodiscard]] std::pair<unsigned, std::string_view> take_fact(std::string_view &rest) {
    const std::size_t size = number_at(rest, 1);
    require(rest.size() >= 3 + size);
    const auto type = static_cast<std::uint8_t>(rest[0]);
    const std::string_view value = rest.substr(3, size);
    rest.remove_prefix(3 + size);
    return {type, value};
}

void check_tls(std::string_view rest, const ws::ProxiedTls &tls) {
    require(rest.size() >= 5 && (rest[0] & 0x01) != 0);
    require(((rest[0] & 0x06) != 0) == tls.certificate);
    for (rest.remove_prefix(5); !rest.empty();) {
        const auto [type, value] = take_fact(rest);
        require(type == 0x21 || type == 0x22 || type == 0x23);
        require(value == (type == 0x21   ? tls.version
                          : type == 0x22 ? tls.client_name
                                         : tls.cipher));
    }
}

void check_v2(const std::string &header, const ws::ProxiedConnection &connection) {
    require(header.starts_with(signature) && number_at(header, 14) == header.size() - 16);
    constexpr std::size_t sizes[] = {0, 12, 36, 216};
    const unsigned family = static_cast<std::uint8_t>(header[13]) >> 4U;
    require(family < std::size(sizes) && header.size() >= 16 + sizes[family]);
    std::string_view rest = std::string_view(header).substr(16 + sizes[family]);
    while (!rest.empty()) {
        const auto [type, value] = take_fact(rest);
        switch (type) {
            case 0x01:
                require(value == connection.alpn);
                break;
            case 0x02:
                require(value == connection.authority);
                break;
            case 0x05:
                require(value == connection.unique_id && value.size() <= 128);
                break;
            default:
                require(type == 0x20 && connection.tls != nullptr);
                check_tls(value, *connection.tls);
        }
    }
}

[[nodiscard]] ProxiedAddress choose_address(Input &input, fuzz::Bytes path) {
    static constexpr std::uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 1};
    const auto port = static_cast<std::uint16_t>(input.choice() * 257);
    switch (input.choice() % 4) {
        case 0:
            return {};
        case 1:
            return {AddressFamily::ipv4, port, std::span{bytes}.first(4)};
        case 2:
            return {AddressFamily::ipv6, port, bytes};
        default:
            return {AddressFamily::local, 0, path};
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const auto text = [&] { return fuzz::text(input.take(4 * input.choice())); };
    ws::ProxiedTls tls{.certificate = input.choice() % 2 == 1, .resumed = input.choice() % 2 == 1};
    ws::ProxiedConnection connection;
    connection.source = choose_address(input, input.take(input.choice()));
    connection.destination = choose_address(input, input.take(input.choice()));
    connection.unique_id = text();
    connection.alpn = text();
    tls.version = text();
    tls.cipher = text();
    tls.client_name = text();
    connection.authority = text();
    connection.tls = input.choice() % 4 == 0 ? nullptr : &tls;

    const std::string line = written(ws::write_proxy_v1, connection);
    require(line.starts_with("PROXY ") && line.size() <= 107 &&
            line.find("\r\n") == line.size() - 2);
    check_v2(written(ws::write_proxy_v2, connection), connection);
    return 0;
}
