#include "ngx_ws_filter/ws_handshake/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace ws {

namespace {

constexpr std::size_t max_unique_id_size = 128;
constexpr std::size_t unix_path_size = 108;

// Sections 2.2 and 2.2.6.
enum class Tlv : std::uint8_t {
    alpn = 0x01,
    authority = 0x02,
    unique_id = 0x05,
    ssl = 0x20,
    ssl_version = 0x21,
    ssl_cn = 0x22,
    ssl_cipher = 0x23,
};

constexpr unsigned client_ssl = 0x01;
constexpr unsigned client_cert_conn = 0x02;
constexpr unsigned client_cert_sess = 0x04;

// Bytes in room that is known to be enough.
class Writer {
public:
    explicit Writer(std::span<std::uint8_t> room) noexcept : room_(room) {}

    void append(std::span<const std::uint8_t> bytes) noexcept {
        assert(bytes.size() <= left());
        if (!bytes.empty()) {
            std::memcpy(room_.data() + size_, bytes.data(), bytes.size());
            size_ += bytes.size();
        }
    }

    void append(std::string_view text) noexcept {
        append({reinterpret_cast<const std::uint8_t *>(text.data()), text.size()});
    }

    void append_number(std::uint32_t number, std::size_t size) noexcept {
        for (std::size_t i = size; i > 0; --i) {
            append_byte(static_cast<std::uint8_t>(number >> (8 * (i - 1))));
        }
    }

    void append_byte(std::uint8_t byte) noexcept { append({&byte, 1}); }

    void append_zeros(std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            append_byte(0);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t left() const noexcept { return room_.size() - size_; }

private:
    std::span<std::uint8_t> room_;
    std::size_t size_ = 0;
};

[[nodiscard]] bool is_internet(const ProxiedAddress &address) noexcept {
    return address.family == AddressFamily::ipv4 || address.family == AddressFamily::ipv6;
}

// The one family in which both addresses can be written.
[[nodiscard]] AddressFamily common_family(const ProxiedConnection &connection) noexcept {
    const ProxiedAddress &source = connection.source;
    const ProxiedAddress &destination = connection.destination;
    if (source.family == destination.family) {
        return source.family;
    }
    if (!is_internet(source)) {
        return AddressFamily::unknown;
    }
    return is_internet(destination) ? AddressFamily::ipv6 : source.family;
}

using Ip = std::array<std::uint8_t, 16>;

[[nodiscard]] constexpr std::size_t ip_size(AddressFamily family) noexcept {
    return family == AddressFamily::ipv4 ? 4 : 16;
}

// The address in `family`, of which the first ip_size() bytes count.
[[nodiscard]] Ip ip_of(const ProxiedAddress &address, AddressFamily family) noexcept {
    Ip ip{};
    if (!is_internet(address)) {
        return ip;
    }
    assert(address.bytes.size() == ip_size(address.family));
    if (address.family == family) {
        std::copy(address.bytes.begin(), address.bytes.end(), ip.begin());
    } else {
        ip[10] = ip[11] = 0xff;
        std::copy(address.bytes.begin(), address.bytes.end(), ip.begin() + 12);
    }
    return ip;
}

[[nodiscard]] std::uint16_t port_of(const ProxiedAddress &address) noexcept {
    return is_internet(address) ? address.port : 0;
}

void append_ip_text(Writer &writer, const ProxiedAddress &address, AddressFamily family) noexcept {
    const Ip ip = ip_of(address, family);
    std::array<char, INET6_ADDRSTRLEN> text;
    const int kind = family == AddressFamily::ipv4 ? AF_INET : AF_INET6;
    const char *written = inet_ntop(kind, ip.data(), text.data(), text.size());
    assert(written != nullptr);
    writer.append(std::string_view(written));
}

void append_port_text(Writer &writer, const ProxiedAddress &address) noexcept {
    std::array<char, 5> text;
    const auto [end, error] =
        std::to_chars(text.data(), text.data() + text.size(), port_of(address));
    assert(error == std::errc());
    writer.append(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
}

void append_path(Writer &writer, const ProxiedAddress &address) noexcept {
    const auto path = address.bytes.first(std::min(address.bytes.size(), unix_path_size));
    writer.append(path);
    writer.append_zeros(unix_path_size - path.size());
}

void append_addresses(Writer &writer, const ProxiedConnection &connection,
                      AddressFamily family) noexcept {
    if (family == AddressFamily::unknown) {
        return;
    }
    if (family == AddressFamily::local) {
        append_path(writer, connection.source);
        append_path(writer, connection.destination);
        return;
    }
    for (const ProxiedAddress *address : {&connection.source, &connection.destination}) {
        const Ip ip = ip_of(*address, family);
        writer.append(std::span(ip).first(ip_size(family)));
    }
    for (const ProxiedAddress *address : {&connection.source, &connection.destination}) {
        writer.append_number(port_of(*address), 2);
    }
}

constexpr std::size_t tlv_header_size = 3;

void append_tlv_header(Writer &writer, Tlv type, std::size_t size) noexcept {
    writer.append_byte(static_cast<std::uint8_t>(type));
    writer.append_number(static_cast<std::uint32_t>(size), 2);
}

void append_tlv(Writer &writer, Tlv type, std::string_view value) noexcept {
    if (!value.empty() && value.size() + tlv_header_size <= writer.left()) {
        append_tlv_header(writer, type, value.size());
        writer.append(value);
    }
}

void append_tls(Writer &writer, const ProxiedTls &tls) noexcept {
    constexpr std::size_t fixed_size = 5;
    if (writer.left() < tlv_header_size + fixed_size) {
        return;
    }
    std::array<std::uint8_t, max_proxy_header_size> room;
    Writer value(std::span<std::uint8_t>(room).first(writer.left() - tlv_header_size));
    unsigned client = client_ssl;
    if (tls.certificate) {
        client |= client_cert_sess | (tls.resumed ? 0U : client_cert_conn);
    }
    value.append_byte(static_cast<std::uint8_t>(client));
    value.append_number(tls.verify_result, 4);
    append_tlv(value, Tlv::ssl_version, tls.version);
    append_tlv(value, Tlv::ssl_cipher, tls.cipher);
    append_tlv(value, Tlv::ssl_cn, tls.client_name);

    append_tlv_header(writer, Tlv::ssl, value.size());
    writer.append(std::span(room).first(value.size()));
}

// The bytes 13 and 14: version 2 and "proxied", then the family and "stream".
[[nodiscard]] std::uint8_t family_byte(AddressFamily family) noexcept {
    switch (family) {
        case AddressFamily::ipv4:
            return 0x11;
        case AddressFamily::ipv6:
            return 0x21;
        case AddressFamily::local:
            return 0x31;
        case AddressFamily::unknown:
            break;
    }
    return 0x00;
}

}  // namespace

std::size_t write_proxy_v1(std::span<std::uint8_t, max_proxy_header_size> to,
                           const ProxiedConnection &connection) noexcept {
    Writer writer(to);
    const AddressFamily family = common_family(connection);
    if (family != AddressFamily::ipv4 && family != AddressFamily::ipv6) {
        writer.append("PROXY UNKNOWN\r\n");
        return writer.size();
    }
    writer.append(family == AddressFamily::ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ");
    append_ip_text(writer, connection.source, family);
    writer.append(" ");
    append_ip_text(writer, connection.destination, family);
    writer.append(" ");
    append_port_text(writer, connection.source);
    writer.append(" ");
    append_port_text(writer, connection.destination);
    writer.append("\r\n");
    return writer.size();
}

std::size_t write_proxy_v2(std::span<std::uint8_t, max_proxy_header_size> to,
                           const ProxiedConnection &connection) noexcept {
    constexpr std::array<std::uint8_t, 13> begin{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
                                                 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21};
    constexpr std::size_t fixed_size = begin.size() + 3;

    const AddressFamily family = common_family(connection);
    Writer rest(to.subspan<fixed_size>());
    append_addresses(rest, connection, family);
    if (connection.unique_id.size() <= max_unique_id_size) {
        append_tlv(rest, Tlv::unique_id, connection.unique_id);
    }
    append_tlv(rest, Tlv::alpn, connection.alpn);
    if (connection.tls != nullptr) {
        append_tls(rest, *connection.tls);
    }
    append_tlv(rest, Tlv::authority, connection.authority);

    Writer head(to.first<fixed_size>());
    head.append(begin);
    head.append_byte(family_byte(family));
    head.append_number(static_cast<std::uint32_t>(rest.size()), 2);
    return fixed_size + rest.size();
}

}  // namespace ws
