#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "ngx_ws_filter/ws_handshake/proxy_protocol.hpp"

using namespace std::string_view_literals;
using ws::AddressFamily;
using ws::ProxiedAddress;
using ws::ProxiedConnection;
using ws::ProxiedTls;

namespace {

using Writes = std::size_t (*)(std::span<std::uint8_t, ws::max_proxy_header_size>,
                               const ProxiedConnection &) noexcept;

std::string_view written(Writes write, const ProxiedConnection &connection) {
    // Behind a guard, which must stay.
    static std::array<std::uint8_t, ws::max_proxy_header_size + 1> room;
    room.fill(0xee);
    const std::size_t size = write(std::span(room).first<ws::max_proxy_header_size>(), connection);
    unit::check(size <= ws::max_proxy_header_size);
    unit::equal(room[size], 0xee);
    return unit::text({room.data(), size});
}

std::string_view v1(const ProxiedConnection &connection) {
    return written(ws::write_proxy_v1, connection);
}

std::string_view v2(const ProxiedConnection &connection) {
    return written(ws::write_proxy_v2, connection);
}

ProxiedAddress ipv4(std::string_view bytes, std::uint16_t port) {
    return {AddressFamily::ipv4, port, unit::bytes(bytes)};
}

ProxiedAddress ipv6(std::string_view bytes, std::uint16_t port) {
    return {AddressFamily::ipv6, port, unit::bytes(bytes)};
}

ProxiedAddress local(std::string_view path) {
    return {AddressFamily::local, 0, unit::bytes(path)};
}

constexpr auto client4 = "\xc0\x00\x02\x07"sv;
constexpr auto server4 = "\xc6\x33\x64\x01"sv;
constexpr auto client6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"sv;
constexpr auto server6 = "\x20\x01\x0d\xb8\0\0\0\x01\0\0\0\x02\0\x03\0\x04"sv;
constexpr auto mapped_server4 = "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x01"sv;
constexpr auto unspecified6 = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
constexpr auto signature = "\r\n\r\n\0\r\nQUIT\n"sv;

// The text that follows `before`, which must be there.
std::string_view after(std::string_view text, std::string_view before) {
    unit::equal(text.substr(0, before.size()), before);
    return text.substr(before.size());
}

// What is behind the fixed part of a header of version 2, whose length must be right.
std::string_view behind_head(std::string_view header, char family) {
    std::string_view rest = after(header, signature);
    unit::equal(rest.substr(0, 2), std::string_view(std::array{'\x21', family}.data(), 2));
    const auto high = static_cast<std::uint8_t>(rest[2]);
    const auto low = static_cast<std::uint8_t>(rest[3]);
    rest = rest.substr(4);
    unit::equal(rest.size(), high * 256U + low);
    return rest;
}

void v1_names_both_ends_of_tcp_over_ipv4(void **) {
    unit::equal(v1({.source = ipv4(client4, 56324), .destination = ipv4(server4, 443)}),
                "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n");
}

void v1_is_as_long_as_the_longest_line_and_no_longer(void **) {
    const auto all = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv;
    unit::equal(
        v1({.source = ipv4(all.substr(0, 4), 65535), .destination = ipv4(all.substr(0, 4), 65535)})
            .size(),
        56U);
    unit::equal(v1({.source = ipv6(all, 65535), .destination = ipv6(all, 65535)}).size(), 104U);
}

void v1_writes_ipv6_in_its_short_form(void **) {
    unit::equal(v1({.source = ipv6(client6, 1), .destination = ipv6(server6, 0)}),
                "PROXY TCP6 2001:db8::7 2001:db8:0:1:0:2:3:4 1 0\r\n");
}

void v1_maps_ipv4_beside_ipv6(void **) {
    unit::equal(v1({.source = ipv6(client6, 9), .destination = ipv4(server4, 80)}),
                "PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 9 80\r\n");
    unit::equal(v1({.source = ipv4(server4, 9), .destination = ipv6(client6, 80)}),
                "PROXY TCP6 ::ffff:198.51.100.1 2001:db8::7 9 80\r\n");
}

void v1_keeps_the_source_where_the_destination_is_a_unix_socket(void **) {
    unit::equal(v1({.source = ipv4(client4, 0), .destination = local("/run/s")}),
                "PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n");
    unit::equal(v1({.source = ipv6(client6, 5), .destination = {}}),
                "PROXY TCP6 2001:db8::7 :: 5 0\r\n");
}

void v1_has_no_word_for_unix_sockets(void **) {
    unit::equal(v1({.source = local(""), .destination = local("/run/s")}), "PROXY UNKNOWN\r\n");
    unit::equal(v1({.source = local(""), .destination = ipv4(server4, 1)}), "PROXY UNKNOWN\r\n");
    unit::equal(v1({}), "PROXY UNKNOWN\r\n");
}

void v1_says_nothing_of_the_facts_of_v2(void **) {
    const ProxiedTls tls{.version = "TLSv1.3", .cipher = "C"};
    unit::equal(v1({.source = ipv4(client4, 1),
                    .destination = ipv4(server4, 2),
                    .alpn = "http/1.1",
                    .authority = "a\r\nb",
                    .unique_id = "id",
                    .tls = &tls}),
                "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n");
}

void v2_names_both_ends_of_tcp_over_ipv4(void **) {
    const auto header = v2({.source = ipv4(client4, 0x1234), .destination = ipv4(server4, 443)});
    std::string_view rest = behind_head(header, 0x11);
    rest = after(after(rest, client4), server4);
    unit::equal(rest, "\x12\x34\x01\xbb"sv);
}

void v2_names_both_ends_of_tcp_over_ipv6(void **) {
    const auto header = v2({.source = ipv6(client6, 1), .destination = ipv6(server6, 0xffff)});
    std::string_view rest = behind_head(header, 0x21);
    unit::equal(after(after(rest, client6), server6), "\x00\x01\xff\xff"sv);
}

void v2_maps_ipv4_beside_ipv6(void **) {
    const auto header = v2({.source = ipv6(client6, 1), .destination = ipv4(server4, 2)});
    std::string_view rest = behind_head(header, 0x21);
    unit::equal(after(after(rest, client6), mapped_server4), "\x00\x01\x00\x02"sv);
}

void v2_keeps_the_source_where_the_destination_is_a_unix_socket(void **) {
    const auto header = v2({.source = ipv6(client6, 1), .destination = local("/run/s")});
    std::string_view rest = behind_head(header, 0x21);
    unit::equal(after(after(rest, client6), unspecified6), "\x00\x01\x00\x00"sv);
}

void v2_pads_the_paths_of_unix_sockets(void **) {
    const std::array<char, 200> longer = [] {
        std::array<char, 200> text{};
        text.fill('x');
        return text;
    }();
    const auto header =
        v2({.source = local({longer.data(), longer.size()}), .destination = local("/run/s")});
    std::string_view rest = behind_head(header, 0x31);
    unit::equal(rest.size(), 216U);
    rest = after(after(rest, {longer.data(), 108}), "/run/s"sv);
    unit::check(std::all_of(rest.begin(), rest.end(), [](char c) { return c == 0; }));
}

// A socket that was never bound has no path.
void v2_leaves_the_path_of_an_unbound_unix_socket_empty(void **) {
    const auto header =
        v2({.source = {.family = AddressFamily::local}, .destination = local("/run/s")});
    std::string_view rest = behind_head(header, 0x31);
    unit::equal(rest.size(), 216U);
    unit::check(std::all_of(rest.begin(), rest.begin() + 108, [](char c) { return c == 0; }));
    (void)after(rest.substr(108), "/run/s\0"sv);
}

void v2_of_unknown_addresses_has_none(void **) {
    unit::equal(behind_head(v2({.source = local("/a"), .destination = ipv4(server4, 1)}), 0x00),
                "");
    unit::equal(behind_head(v2({.unique_id = "u"}), 0x00), "\x05\x00\x01u"sv);
}

ProxiedConnection between_known_ends() {
    return {.source = ipv4(client4, 1), .destination = ipv4(server4, 2)};
}

std::string_view facts(const ProxiedConnection &connection) {
    return behind_head(v2(connection), 0x11).substr(12);
}

void v2_tells_facts_as_type_length_value(void **) {
    ProxiedConnection connection = between_known_ends();
    connection.alpn = "http/1.1";
    connection.authority = "a.example";
    connection.unique_id = "0123";
    unit::equal(facts(connection),
                "\x05\x00\x04"
                "0123"
                "\x01\x00\x08http/1.1"
                "\x02\x00\x09"
                "a.example"sv);
}

void v2_tells_of_tls_without_a_certificate(void **) {
    const ProxiedTls tls{.version = "TLSv1.3", .cipher = "TLS_X", .verify_result = 1};
    ProxiedConnection connection = between_known_ends();
    connection.tls = &tls;
    unit::equal(facts(connection),
                "\x20\x00\x17\x01\x00\x00\x00\x01"
                "\x21\x00\x07TLSv1.3"
                "\x23\x00\x05TLS_X"sv);
}

void v2_tells_of_the_clients_certificate(void **) {
    ProxiedTls tls{.client_name = "me", .verify_result = 0, .certificate = true};
    ProxiedConnection connection = between_known_ends();
    connection.tls = &tls;
    unit::equal(facts(connection), "\x20\x00\x0a\x07\x00\x00\x00\x00\x22\x00\x02me"sv);
    tls.resumed = true;
    tls.verify_result = 0x0102030a;
    unit::equal(facts(connection), "\x20\x00\x0a\x05\x01\x02\x03\x0a\x22\x00\x02me"sv);
}

void v2_leaves_out_what_is_too_long_and_keeps_the_rest(void **) {
    static std::array<char, 70000> room;
    room.fill('x');
    for (const std::size_t size : {128U, 129U, 300U, 505U, 506U, 509U, 600U, 65535U, 70000U}) {
        const std::string_view text{room.data(), size};
        ProxiedConnection connection = between_known_ends();
        connection.authority = text;
        connection.unique_id = text;
        const std::string_view told = facts(connection);
        const bool has_id = size <= 128;
        const bool has_authority = size <= 536 - 16 - 12 - 3;
        unit::equal(told.size(), (has_id ? 131U : 0U) + (has_authority ? 3U + size : 0U));
    }
}

// Its type, length and first fields are 8 bytes, and tell something without the texts.
void v2_tells_of_tls_as_long_as_there_is_room(void **) {
    static std::array<char, 600> room;
    room.fill('x');
    const ProxiedTls tls{.version = "TLSv1.3"};
    ProxiedConnection connection = between_known_ends();
    connection.tls = &tls;
    constexpr std::size_t left = ws::max_proxy_header_size - 16 - 12;
    for (std::size_t alpn = 480; alpn <= left - 3; ++alpn) {
        connection.alpn = {room.data(), alpn};
        const std::size_t behind = left - 3 - alpn;
        const std::string_view told = facts(connection).substr(3 + alpn);
        unit::equal(told.size(), behind >= 18 ? 18U : behind >= 8 ? 8U : 0U);
    }
}

void v2_fits_whatever_its_facts_are(void **) {
    static std::array<char, 600> room;
    room.fill('x');
    for (std::size_t size = 0; size <= room.size(); ++size) {
        const std::string_view text{room.data(), size};
        const ProxiedTls tls{.version = text.substr(0, size / 2),
                             .cipher = text.substr(0, size / 3),
                             .client_name = text};
        for (const auto &[source, destination] :
             {std::pair{local("/a"), local("/b")}, {ipv6(client6, 1), ipv6(server6, 2)}}) {
            (void)v2({.source = source,
                      .destination = destination,
                      .alpn = text.substr(0, size / 4),
                      .authority = text,
                      .unique_id = text.substr(0, size / 5),
                      .tls = &tls});
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(v1_names_both_ends_of_tcp_over_ipv4),
        cmocka_unit_test(v1_is_as_long_as_the_longest_line_and_no_longer),
        cmocka_unit_test(v1_writes_ipv6_in_its_short_form),
        cmocka_unit_test(v1_maps_ipv4_beside_ipv6),
        cmocka_unit_test(v1_keeps_the_source_where_the_destination_is_a_unix_socket),
        cmocka_unit_test(v1_has_no_word_for_unix_sockets),
        cmocka_unit_test(v1_says_nothing_of_the_facts_of_v2),
        cmocka_unit_test(v2_names_both_ends_of_tcp_over_ipv4),
        cmocka_unit_test(v2_names_both_ends_of_tcp_over_ipv6),
        cmocka_unit_test(v2_maps_ipv4_beside_ipv6),
        cmocka_unit_test(v2_keeps_the_source_where_the_destination_is_a_unix_socket),
        cmocka_unit_test(v2_pads_the_paths_of_unix_sockets),
        cmocka_unit_test(v2_leaves_the_path_of_an_unbound_unix_socket_empty),
        cmocka_unit_test(v2_of_unknown_addresses_has_none),
        cmocka_unit_test(v2_tells_facts_as_type_length_value),
        cmocka_unit_test(v2_tells_of_tls_without_a_certificate),
        cmocka_unit_test(v2_tells_of_the_clients_certificate),
        cmocka_unit_test(v2_leaves_out_what_is_too_long_and_keeps_the_rest),
        cmocka_unit_test(v2_tells_of_tls_as_long_as_there_is_room),
        cmocka_unit_test(v2_fits_whatever_its_facts_are),
    };
    return unit::run("proxy_protocol", tests);
}
