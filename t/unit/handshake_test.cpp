#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>

#include "ngx_ws_filter/ws_handshake/handshake.hpp"
#include "t/unit/random_text.hpp"

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

ws::UpgradeRequest request(Lines lines) {
    ws::UpgradeRequest request;
    for (const Line &line : lines) {
        request.take(line.name, line.value);
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

void answers_each_verdict_with_its_status(void **) {
    constexpr struct {
        Handshake verdict;
        unsigned status;
    } answers[] = {
        {Handshake::accepted, 101},
        {Handshake::upgrade_missing, 426},
        {Handshake::http_2, 505},
        {Handshake::http_1_0, 400},
        {Handshake::method_not_get, 405},
        {Handshake::connection_missing, 400},
        {Handshake::version_missing, 400},
        {Handshake::version_unsupported, 426},
        {Handshake::key_missing, 400},
        {Handshake::key_malformed, 400},
        {Handshake::body_present, 400},
        {Handshake::subprotocol_malformed, 400},
        {Handshake::subprotocol_missing, 400},
    };
    for (const auto &answer : answers) {
        unit::equal(ws::http_status(answer.verdict), answer.status);
    }
}

void describes_each_verdict_in_its_own_words(void **) {
    constexpr auto last = static_cast<unsigned>(Handshake::subprotocol_missing);
    for (unsigned i = 0; i <= last; i++) {
        const std::string_view text = ws::words(static_cast<Handshake>(i));
        unit::check(!text.empty() && text != "unknown" && text.back() != '.');
        for (unsigned other = 0; other < i; other++) {
            unit::check(ws::words(static_cast<Handshake>(other)) != text);
        }
    }
}

// What is chosen from the offers, a field line each; "malformed" if they are.
std::string_view choice(std::initializer_list<std::string_view> accepted,
                        std::initializer_list<std::string_view> offers) {
    ws::SubprotocolChoice choice({accepted.begin(), accepted.size()});
    for (const std::string_view offer : offers) {
        choice.offer(offer);
    }
    if (choice.malformed()) {
        unit::equal(choice.chosen(), ""sv);
        return "malformed";
    }
    return choice.chosen();
}

void chooses_the_clients_first_offer_that_is_accepted(void **) {
    unit::equal(choice({"mqtt", "binary"}, {"mqtt, binary"}), "mqtt"sv);
    unit::equal(choice({"mqtt", "binary"}, {"binary, mqtt"}), "binary"sv);
    unit::equal(choice({"mqtt", "binary"}, {"chat,binary,mqtt"}), "binary"sv);
    unit::equal(choice({"binary"}, {"mqtt, binary"}), "binary"sv);
}

void chooses_the_clients_first_offer_if_all_are_accepted(void **) {
    unit::equal(choice({}, {"mqtt, binary"}), "mqtt"sv);
    unit::equal(choice({}, {" binary "}), "binary"sv);
    unit::equal(choice({}, {", ,\tbinary,"}), "binary"sv);
}

void collects_offers_over_repeated_lines(void **) {
    unit::equal(choice({"binary"}, {"mqtt", "chat, binary"}), "binary"sv);
    unit::equal(choice({}, {"mqtt", "binary"}), "mqtt"sv);
    unit::equal(choice({}, {"", "binary"}), "binary"sv);
}

void chooses_nothing_that_was_not_offered(void **) {
    unit::equal(choice({"mqtt"}, {}), ""sv);
    unit::equal(choice({}, {}), ""sv);
    unit::equal(choice({}, {""}), ""sv);
    unit::equal(choice({"mqtt"}, {"binary, chat"}), ""sv);
}

void compares_subprotocols_whole_and_with_case(void **) {
    unit::equal(choice({"mqtt"}, {"mqttv3.1, xmqtt, mqt, MQTT, mq"}), ""sv);
    unit::equal(choice({"MQTT"}, {"mqtt, MQTT"}), "MQTT"sv);
}

void never_chooses_the_name_of_resume(void **) {
    unit::equal(choice({}, {"v1.resume.ngx-ws-filter"}), ""sv);
    unit::equal(choice({}, {"v1.resume.ngx-ws-filter, mqtt"}), "mqtt"sv);
    unit::equal(choice({"v1.resume.ngx-ws-filter"}, {"v1.resume.ngx-ws-filter"}), ""sv);
    unit::equal(choice({}, {"V1.resume.ngx-ws-filter"}), "V1.resume.ngx-ws-filter"sv);
}

void tolerates_repeated_offers(void **) {
    unit::equal(choice({"mqtt"}, {"chat, chat, mqtt", "mqtt"}), "mqtt"sv);
}

void refuses_offers_that_are_no_tokens(void **) {
    for (const auto offer : {"a b"sv, "\"mqtt\""sv, "mqtt;q=1"sv, "a/b"sv, "\"a,b"sv, "m\xc3\xb6"sv,
                             "a\0b"sv, "a\r\nX: y"sv}) {
        unit::equal(choice({}, {offer}), "malformed"sv);
        unit::equal(choice({"mqtt"}, {"mqtt", offer}), "malformed"sv);
        unit::equal(choice({"mqtt"}, {offer, "mqtt"}), "malformed"sv);
    }
}

void chooses_a_token_or_nothing_from_random_offers(void **) {
    constexpr std::array pieces = {"mqtt"sv, "binary"sv, ","sv, ", "sv, " "sv, "\t"sv,
                                   "\""sv,   "\\"sv,     "/"sv, "\0"sv, "\n"sv};
    std::mt19937 random(2);
    int chosen = 0;
    for (int round = 0; round < 20000; round++) {
        const unit::RandomText text(random, pieces, 8);
        const std::string_view got = choice({"mqtt"}, {text.view()});
        unit::check(got.empty() || got == "malformed" || got == "mqtt");
        chosen += got == "mqtt";
    }
    unit::check(chosen > 100);
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
        cmocka_unit_test(answers_each_verdict_with_its_status),
        cmocka_unit_test(describes_each_verdict_in_its_own_words),
        cmocka_unit_test(chooses_the_clients_first_offer_that_is_accepted),
        cmocka_unit_test(chooses_the_clients_first_offer_if_all_are_accepted),
        cmocka_unit_test(collects_offers_over_repeated_lines),
        cmocka_unit_test(chooses_nothing_that_was_not_offered),
        cmocka_unit_test(compares_subprotocols_whole_and_with_case),
        cmocka_unit_test(never_chooses_the_name_of_resume),
        cmocka_unit_test(tolerates_repeated_offers),
        cmocka_unit_test(refuses_offers_that_are_no_tokens),
        cmocka_unit_test(chooses_a_token_or_nothing_from_random_offers),
    };
    return unit::run("handshake", tests);
}
