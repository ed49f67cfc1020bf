#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>
#include <string>

#include "ngx_ws_filter/ws_handshake/upgrade_request.hpp"

using namespace std::string_view_literals;
using ws::Handshake;

namespace {

struct Line {
    std::string_view name;
    std::string_view value;
};
using Lines = std::initializer_list<Line>;

constexpr Line host{"Host", "example.org"};
constexpr Line upgrade{"Upgrade", "websocket"};
constexpr Line connection{"Connection", "Upgrade"};
constexpr Line version{"Sec-WebSocket-Version", "13"};
constexpr Line key{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="};

constexpr ws::UpgradeRequest::RequestLine get_1_1{
    .http_version = 1001, .get = true, .has_body = false};
constexpr ws::UpgradeRequest::RequestLine post_1_1{
    .http_version = 1001, .get = false, .has_body = false};

// Memory for the lines of fields that stand on several.
std::array<ws::FieldLine, 8> memory;

struct Memory {
    std::size_t left = memory.size();

    ws::FieldLine *operator()() {
        if (left == 0) {
            return nullptr;
        }
        memory[--left] = {};
        return &memory[left];
    }
};

ws::UpgradeRequest request(Lines lines) {
    ws::UpgradeRequest request;
    Memory lines_left;
    for (const Line &line : lines) {
        unit::check(request.take<Memory &>(line.name, line.value, lines_left));
    }
    return request;
}

Handshake check(Lines lines, const ws::UpgradeRequest::RequestLine &line = get_1_1) {
    return request(lines).check(line);
}

Handshake check_version(std::string_view value) {
    return check({upgrade, connection, {"Sec-WebSocket-Version", value}, key});
}

Handshake check_key(std::string_view value) {
    return check({upgrade, connection, version, {"Sec-WebSocket-Key", value}});
}

Handshake check_upgrade(std::string_view value) {
    return check({{"Upgrade", value}, connection, version, key});
}

Handshake check_connection(std::string_view value) {
    return check({upgrade, {"Connection", value}, version, key});
}

void accepts_a_complete_request_in_any_order(void **) {
    unit::equal(check({host, upgrade, connection, version, key}), Handshake::accepted);
    unit::equal(check({key, version, connection, upgrade, host}), Handshake::accepted);
}

void tells_the_key(void **) {
    unit::equal(request({host, upgrade, connection, version, key}).key(), key.value);
    unit::equal(request({{"sec-websocket-key", " \tabc\t"}}).key(), "abc"sv);
    unit::equal(request({host}).key(), ""sv);
}

void accepts_field_names_in_any_case(void **) {
    unit::equal(check({{"UPGRADE", "websocket"},
                       {"connection", "upgrade"},
                       {"sec-websocket-version", "13"},
                       {"SEC-WEBSOCKET-KEY", key.value}}),
                Handshake::accepted);
}

void takes_field_names_whole(void **) {
    unit::equal(check({upgrade, connection, version, {"Sec", key.value}}), Handshake::key_missing);
    unit::equal(check({upgrade, connection, version, {"Sec-WebSocket-Key1", key.value}}),
                Handshake::key_missing);
    unit::equal(check({upgrade, connection, version, {"X-Sec-WebSocket-Key", key.value}}),
                Handshake::key_missing);
    unit::equal(check({upgrade, connection, version, {"", key.value}}), Handshake::key_missing);
    unit::equal(check({{"Upgrade-Insecure-Requests", "websocket"}, connection, version, key}),
                Handshake::upgrade_missing);
    unit::equal(check({upgrade, {"Proxy-Connection", "upgrade"}, version, key}),
                Handshake::connection_missing);
}

void passes_over_other_fields(void **) {
    unit::equal(check({{"Sec-WebSocket-Extensions", "permessage-deflate"},
                       {"Sec-WebSocket-Accept", "nonsense"},
                       upgrade,
                       connection,
                       version,
                       key,
                       {"Cookie", "a=\"b"}}),
                Handshake::accepted);
}

void finds_websocket_among_upgrades(void **) {
    unit::equal(check_upgrade("WebSocket"), Handshake::accepted);
    unit::equal(check_upgrade("h2c, websocket"), Handshake::accepted);
    unit::equal(check({{"Upgrade", "h2c"}, upgrade, connection, version, key}),
                Handshake::accepted);
    unit::equal(check({upgrade, {"Upgrade", "h2c"}, connection, version, key}),
                Handshake::accepted);
}

void asks_a_request_without_websocket_to_upgrade(void **) {
    unit::equal(check({host}), Handshake::upgrade_missing);
    unit::equal(check({connection, version, key}), Handshake::upgrade_missing);
    for (const auto value : {""sv, "h2c"sv, "websockets"sv, "web socket"sv, "websocket/13"sv,
                             "websocket;q=1"sv, "\"websocket\""sv}) {
        unit::equal(check_upgrade(value), Handshake::upgrade_missing);
        unit::check(!request({{"Upgrade", value}}).wants_websocket());
    }
}

// An origin check guards whatever asks for an upgrade, be it complete or not.
void tells_whether_an_upgrade_is_wanted(void **) {
    unit::check(request({upgrade}).wants_websocket());
    unit::check(!request({host, connection, version, key}).wants_websocket());
}

void finds_upgrade_among_connection_options(void **) {
    unit::equal(check_connection("keep-alive, Upgrade"), Handshake::accepted);
    unit::equal(check_connection("UPGRADE"), Handshake::accepted);
    unit::equal(check_connection(",\tupgrade ,"), Handshake::accepted);
    unit::equal(check({upgrade, {"Connection", "keep-alive"}, connection, version, key}),
                Handshake::accepted);
    unit::equal(check({upgrade, connection, {"Connection", "keep-alive"}, version, key}),
                Handshake::accepted);
}

void refuses_a_request_without_the_connection_option(void **) {
    unit::equal(check({upgrade, version, key}), Handshake::connection_missing);
    unit::equal(check_connection(""), Handshake::connection_missing);
    unit::equal(check_connection("keep-alive"), Handshake::connection_missing);
    unit::equal(check_connection("keep-alive Upgrade"), Handshake::connection_missing);
    unit::equal(check_connection("upgraded"), Handshake::connection_missing);
}

void accepts_version_13_with_blanks_around(void **) {
    unit::equal(check_version(" 13\t"), Handshake::accepted);
}

void refuses_every_other_version(void **) {
    for (const auto value :
         {""sv,      " "sv,     "0"sv,     "7"sv,   "8"sv,      "12"sv,  "14"sv,
          "1"sv,     "3"sv,     "013"sv,   "+13"sv, "13.0"sv,   "130"sv, "1 3"sv,
          "13, 8"sv, "8, 13"sv, "13,13"sv, "13,"sv, "\"13\""sv, "255"sv, "269"sv}) {
        unit::equal(check_version(value), Handshake::version_unsupported);
    }
}

void refuses_a_repeated_version(void **) {
    unit::equal(check({upgrade, connection, version, version, key}),
                Handshake::version_unsupported);
    unit::equal(check({upgrade, connection, {"Sec-WebSocket-Version", "8"}, version, key}),
                Handshake::version_unsupported);
}

void refuses_a_request_without_version(void **) {
    unit::equal(check({upgrade, connection, key}), Handshake::version_missing);
}

void names_the_version_before_the_key(void **) {
    unit::equal(check({upgrade, connection, {"Sec-WebSocket-Version", "8"}}),
                Handshake::version_unsupported);
    unit::equal(check({upgrade, connection}), Handshake::version_missing);
}

void refuses_a_request_without_key(void **) {
    unit::equal(check({upgrade, connection, version}), Handshake::key_missing);
}

void refuses_a_key_that_is_not_16_bytes_of_base64(void **) {
    for (const auto value :
         {""sv, "=="sv, "dGhlIHNhbXBsZSBub25jZQ"sv, "dGhlIHNhbXBsZSBub25jZ==="sv,
          "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="sv, "dGhlIHNhbXBsZSBub25jZQ= ="sv,
          "dGhlIHNhbXBsZSBub25-ZQ=="sv, "\"dGhlIHNhbXBsZSBub25jZQ==\""sv}) {
        unit::equal(check_key(value), Handshake::key_malformed);
    }
    unit::equal(check_key(" dGhlIHNhbXBsZSBub25jZQ== "), Handshake::accepted);
}

void refuses_a_repeated_key(void **) {
    unit::equal(check({upgrade, connection, version, key, key}), Handshake::key_malformed);
    unit::equal(check({upgrade, connection, version, {"Sec-WebSocket-Key", ""}, key}),
                Handshake::key_malformed);
}

void refuses_a_body(void **) {
    unit::equal(check({upgrade, connection, version, key},
                      {.http_version = 1001, .get = true, .has_body = true}),
                Handshake::body_present);
}

void refuses_methods_other_than_get_with_and_without_upgrade(void **) {
    unit::equal(check({upgrade, connection, version, key}, post_1_1), Handshake::method_not_get);
    unit::equal(check({host}, post_1_1), Handshake::method_not_get);
    unit::equal(check({upgrade, connection, version, key},
                      {.http_version = 1001, .get = false, .has_body = true}),
                Handshake::method_not_get);
}

void refuses_http_before_1_1_with_and_without_upgrade(void **) {
    for (const unsigned http_version : {9U, 1000U}) {
        const ws::UpgradeRequest::RequestLine line{
            .http_version = http_version, .get = true, .has_body = false};
        unit::equal(check({upgrade, connection, version, key}, line), Handshake::http_1_0);
        unit::equal(check({host}, line), Handshake::http_1_0);
    }
}

// No Upgrade field can come over HTTP/2: asking for one would lead nowhere.
void names_http_2_before_the_missing_upgrade(void **) {
    for (const unsigned http_version : {2000U, 3000U}) {
        for (const bool get : {true, false}) {
            const ws::UpgradeRequest::RequestLine line{
                .http_version = http_version, .get = get, .has_body = false};
            unit::equal(check({host}, line), Handshake::http_2);
            unit::equal(check({upgrade, connection, version, key}, line), Handshake::http_2);
        }
    }
}

void tells_origin_and_host(void **) {
    const ws::UpgradeRequest told = request({{"ORIGIN", "https://a.example"}, host});
    unit::equal(told.origins(), 1U);
    unit::equal(told.origin(), "https://a.example"sv);
    unit::equal(told.host(), "example.org"sv);
    unit::equal(request({upgrade}).origins(), 0U);
    unit::equal(request({upgrade}).host(), ""sv);
}

void counts_origins_and_tells_the_last(void **) {
    const ws::UpgradeRequest told = request({{"Origin", "a"}, {"X-Origin", "b"}, {"Origin", ""}});
    unit::equal(told.origins(), 2U);
    unit::equal(told.origin(), ""sv);
}

void tells_the_first_host(void **) {
    unit::equal(request({{"Host", "a"}, {"Host", "b"}}).host(), "a"sv);
}

// Lines with "|" between them.
std::string joined(const ws::FieldLines &lines) {
    std::string text;
    lines.each([&](std::string_view value) { (text += value) += '|'; });
    return text;
}

void keeps_all_lines_of_subprotocols_and_extensions_in_order(void **) {
    const ws::UpgradeRequest told = request({{"Sec-WebSocket-Protocol", "a, b"},
                                             {"sec-websocket-extensions", "x"},
                                             {"Sec-WebSocket-Protocol", ""},
                                             {"SEC-WEBSOCKET-PROTOCOL", "c"},
                                             {"Sec-WebSocket-Extensions", "y"},
                                             {"Sec-WebSocket-Protocol", "d"}});
    unit::equal(joined(told.subprotocols()), "a, b||c|d|"sv);
    unit::equal(joined(told.extensions()), "x|y|"sv);
    const ws::UpgradeRequest copy = told;
    unit::equal(joined(copy.subprotocols()), "a, b||c|d|"sv);
}

void tells_no_line_where_there_is_none(void **) {
    unit::equal(joined(request({upgrade}).subprotocols()), ""sv);
    unit::equal(joined(request({{"Sec-WebSocket-Extensions", ""}}).extensions()), "|"sv);
}

void says_that_there_is_no_memory_for_a_further_line(void **) {
    ws::UpgradeRequest request;
    Memory none{.left = 0};
    unit::check(request.take<Memory &>("Sec-WebSocket-Protocol", "a", none));
    unit::check(request.take<Memory &>("Sec-WebSocket-Extensions", "x", none));
    unit::check(request.take<Memory &>("Sec-WebSocket-Key", key.value, none));
    unit::check(!request.take<Memory &>("Sec-WebSocket-Protocol", "b", none));
    unit::check(!request.take<Memory &>("Sec-WebSocket-Extensions", "y", none));
}

void says_when_frames_may_follow(void **) {
    unit::check(request({upgrade}).may_precede_frames());
    unit::check(request({key}).may_precede_frames());
    unit::check(!request({host, connection, version}).may_precede_frames());
    unit::check(!request({{"Sec-WebSocket-Key", " "}}).may_precede_frames());
}

void says_whether_another_node_has_passed_it_on(void **) {
    unit::check(request({upgrade, {"ws-resume-node", "eu-1"}}).is_passed_on());
    unit::check(request({{"Ws-Resume-Node", ""}}).is_passed_on());
    unit::check(!request({upgrade, {"Ws-Resume-Nodes", "eu-1"}}).is_passed_on());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_complete_request_in_any_order),
        cmocka_unit_test(tells_the_key),
        cmocka_unit_test(accepts_field_names_in_any_case),
        cmocka_unit_test(takes_field_names_whole),
        cmocka_unit_test(passes_over_other_fields),
        cmocka_unit_test(finds_websocket_among_upgrades),
        cmocka_unit_test(asks_a_request_without_websocket_to_upgrade),
        cmocka_unit_test(tells_whether_an_upgrade_is_wanted),
        cmocka_unit_test(finds_upgrade_among_connection_options),
        cmocka_unit_test(refuses_a_request_without_the_connection_option),
        cmocka_unit_test(accepts_version_13_with_blanks_around),
        cmocka_unit_test(refuses_every_other_version),
        cmocka_unit_test(refuses_a_repeated_version),
        cmocka_unit_test(refuses_a_request_without_version),
        cmocka_unit_test(names_the_version_before_the_key),
        cmocka_unit_test(refuses_a_request_without_key),
        cmocka_unit_test(refuses_a_key_that_is_not_16_bytes_of_base64),
        cmocka_unit_test(refuses_a_repeated_key),
        cmocka_unit_test(refuses_a_body),
        cmocka_unit_test(refuses_methods_other_than_get_with_and_without_upgrade),
        cmocka_unit_test(refuses_http_before_1_1_with_and_without_upgrade),
        cmocka_unit_test(names_http_2_before_the_missing_upgrade),
        cmocka_unit_test(tells_origin_and_host),
        cmocka_unit_test(counts_origins_and_tells_the_last),
        cmocka_unit_test(tells_the_first_host),
        cmocka_unit_test(keeps_all_lines_of_subprotocols_and_extensions_in_order),
        cmocka_unit_test(tells_no_line_where_there_is_none),
        cmocka_unit_test(says_that_there_is_no_memory_for_a_further_line),
        cmocka_unit_test(says_when_frames_may_follow),
        cmocka_unit_test(says_whether_another_node_has_passed_it_on),
    };
    return unit::run("upgrade_request", tests);
}
