#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>
#include <string>

#include "ngx_ws_filter/ws_handshake/handshake.hpp"
#include "t/unit/random_text.hpp"

using namespace std::string_view_literals;
using ws::Handshake;

namespace {

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

// The fields as they stand in an answer.
std::string text(std::span<const ws::Field> fields) {
    std::string answer;
    for (const ws::Field &field : fields) {
        ((answer += field.name) += ": ") += field.value;
        answer += '\n';
    }
    return answer;
}

void names_the_fields_of_a_refusal(void **) {
    unit::equal(text(ws::refusal_fields(Handshake::upgrade_missing)),
                "Upgrade: websocket\nConnection: upgrade\n"sv);
    unit::equal(text(ws::refusal_fields(Handshake::version_unsupported)),
                "Upgrade: websocket\nConnection: upgrade\nSec-WebSocket-Version: 13\n"sv);
    unit::equal(text(ws::refusal_fields(Handshake::method_not_get)), "Allow: GET\n"sv);
    for (const auto verdict :
         {Handshake::accepted, Handshake::http_2, Handshake::http_1_0,
          Handshake::connection_missing, Handshake::version_missing, Handshake::key_missing,
          Handshake::key_malformed, Handshake::body_present, Handshake::subprotocol_malformed,
          Handshake::subprotocol_missing}) {
        unit::equal(text(ws::refusal_fields(verdict)), ""sv);
    }
}

std::string accepted(const ws::Agreement &agreement) {
    std::array<char, ws::accept_key_size> accept;
    std::array<ws::Field, ws::max_acceptance_fields> room;
    return text(ws::acceptance_fields(agreement, accept, room));
}

// The key and its answer are those of RFC 6455, section 1.3.
void names_the_fields_of_the_101(void **) {
    constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
    const std::string least =
        "Upgrade: websocket\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";
    unit::equal(accepted({.key = key, .subprotocol = {}, .extensions = {}}),
                std::string_view(least));
    unit::equal(accepted({.key = key, .subprotocol = "mqtt", .extensions = {}}),
                std::string_view(least + "Sec-WebSocket-Protocol: mqtt\n"));
    unit::equal(accepted({.key = key, .subprotocol = "mqtt", .extensions = "permessage-deflate"}),
                std::string_view(least + "Sec-WebSocket-Protocol: mqtt\n"
                                         "Sec-WebSocket-Extensions: permessage-deflate\n"));
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
        cmocka_unit_test(answers_each_verdict_with_its_status),
        cmocka_unit_test(describes_each_verdict_in_its_own_words),
        cmocka_unit_test(names_the_fields_of_a_refusal),
        cmocka_unit_test(names_the_fields_of_the_101),
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
