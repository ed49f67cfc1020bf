#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>
#include <random>

#include "ngx_ws_filter/ws_compression/deflate_offer.hpp"
#include "t/unit/random_text.hpp"

using namespace std::string_view_literals;
using ws::DeflateNegotiation;

namespace {

constexpr ws::DeflatePolicy generous{.window_bits = 15, .context_takeover = true};
constexpr ws::DeflatePolicy frugal{.window_bits = 10, .context_takeover = false};

// The answer to field lines; empty if no offer is taken.
void answers(std::initializer_list<std::string_view> lines, std::string_view wanted,
             const ws::DeflatePolicy &policy = generous) {
    DeflateNegotiation negotiation(policy);
    for (const std::string_view line : lines) {
        negotiation.take(line);
    }
    unit::equal(negotiation.agreed(), !wanted.empty());
    if (negotiation.agreed()) {
        std::array<char, DeflateNegotiation::max_answer_size> room;
        unit::equal(negotiation.write_answer(room), wanted);
    }
}

void declines(std::string_view parameters) {
    std::array<char, 200> line{};
    const std::string_view name = "permessage-deflate; ";
    name.copy(line.data(), name.size());
    parameters.copy(line.data() + name.size(), parameters.size());
    answers({{line.data(), name.size() + parameters.size()}}, "");
}

ws::DeflateParameters agree(std::string_view line, const ws::DeflatePolicy &policy = generous) {
    DeflateNegotiation negotiation(policy);
    negotiation.take(line);
    unit::check(negotiation.agreed());
    return negotiation.parameters();
}

void agrees_to_nothing_without_an_offer(void **) {
    answers({}, "");
    answers({"", " , ,"}, "");
    answers({"x-webkit-deflate-frame, permessage-bzip2; level=3"}, "");
    answers({"Permessage-Deflate"}, "");
    answers({"permessage-deflate2"}, "");
}

void takes_an_offer_without_parameters(void **) {
    answers({"permessage-deflate"}, "permessage-deflate");
    const ws::DeflateParameters agreed = agree("permessage-deflate");
    unit::equal(agreed.server_bits, 15);
    unit::equal(agreed.client_bits, 15);
    unit::check(!agreed.server_no_takeover && !agreed.client_no_takeover);
}

void repeats_the_wish_for_no_takeover(void **) {
    answers({"permessage-deflate; server_no_context_takeover"},
            "permessage-deflate; server_no_context_takeover");
    answers({"permessage-deflate; client_no_context_takeover"},
            "permessage-deflate; client_no_context_takeover");
    const auto agreed = agree("permessage-deflate; client_no_context_takeover");
    unit::check(agreed.client_no_takeover && !agreed.server_no_takeover);
}

void asks_for_no_takeover_by_policy(void **) {
    answers({"permessage-deflate"},
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            {.window_bits = 15, .context_takeover = false});
}

void obeys_the_servers_window_in_the_offer(void **) {
    constexpr std::array offers{
        std::pair{"permessage-deflate; server_max_window_bits=9"sv, 9U},
        std::pair{"permessage-deflate; server_max_window_bits=10"sv, 10U},
        std::pair{"permessage-deflate; server_max_window_bits=14"sv, 14U},
        std::pair{"permessage-deflate; server_max_window_bits=15"sv, 15U},
    };
    for (const auto &[offer, bits] : offers) {
        answers({offer}, offer);
        unit::equal(agree(offer).server_bits, bits);
        unit::equal(agree(offer, frugal).server_bits, std::min(bits, 10U));
    }
}

// It may be named without being offered (section 7.1.2.1).
void names_a_smaller_window_of_its_own(void **) {
    answers({"permessage-deflate"}, "permessage-deflate; server_max_window_bits=10",
            {.window_bits = 10, .context_takeover = true});
}

void asks_for_a_clients_window_only_if_that_is_offered(void **) {
    const ws::DeflatePolicy policy{.window_bits = 10, .context_takeover = true};
    answers({"permessage-deflate; client_max_window_bits"},
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10", policy);
    unit::equal(agree("permessage-deflate", policy).client_bits, 15);
    answers({"permessage-deflate; client_max_window_bits"}, "permessage-deflate");
    answers({"permessage-deflate; client_max_window_bits=15"}, "permessage-deflate");
}

void takes_the_smaller_of_two_client_windows(void **) {
    constexpr auto offer = "permessage-deflate; client_max_window_bits=12"sv;
    answers({offer}, offer);
    unit::equal(agree(offer).client_bits, 12);
    unit::equal(agree(offer, frugal).client_bits, 10);
    answers({"permessage-deflate; client_max_window_bits=8"},
            "permessage-deflate; client_max_window_bits=8");
}

void answers_with_everything_at_once(void **) {
    answers({"permessage-deflate; client_max_window_bits; server_max_window_bits=11; "
             "client_no_context_takeover; server_no_context_takeover"},
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10; client_max_window_bits=10",
            frugal);
}

void declines_a_window_that_zlib_does_not_have(void **) {
    declines("server_max_window_bits=8");
}

void declines_wrong_values(void **) {
    for (const std::string_view bits : {"=7", "=16", "=0", "=010", "=08", "=9a", "=a", "=115",
                                        "=-9", "=150", "=1", "=1-", "=1:", "=+9", "=\"16\""}) {
        for (const std::string_view name : {"server_max_window_bits", "client_max_window_bits"}) {
            std::array<char, 64> parameter{};
            name.copy(parameter.data(), name.size());
            bits.copy(parameter.data() + name.size(), bits.size());
            declines({parameter.data(), name.size() + bits.size()});
        }
    }
    declines("server_max_window_bits");
    declines("server_no_context_takeover=1");
    declines("client_no_context_takeover=true");
}

void declines_unknown_and_repeated_parameters(void **) {
    declines("level=1");
    declines("SERVER_NO_CONTEXT_TAKEOVER");
    declines("server_no_context_takeover; server_no_context_takeover");
    declines("client_no_context_takeover; client_no_context_takeover");
    declines("server_max_window_bits=10; server_max_window_bits=10");
    declines("client_max_window_bits; client_max_window_bits=10");
    declines("server_no_context_takeover; mode");
}

void takes_the_first_offer_that_can_be_kept(void **) {
    constexpr auto wanted = "permessage-deflate; server_max_window_bits=12"sv;
    answers({"permessage-deflate; server_max_window_bits=8, "
             "permessage-deflate; server_max_window_bits=12, permessage-deflate"},
            wanted);
    answers({"other, permessage-deflate; what", "permessage-deflate; server_max_window_bits=12",
             "permessage-deflate; server_max_window_bits=13"},
            wanted);
}

void reads_quoted_values(void **) {
    unit::equal(agree("permessage-deflate; server_max_window_bits=\"12\"").server_bits, 12);
    unit::equal(agree(R"(permessage-deflate; server_max_window_bits="\1\2")").server_bits, 12);
    unit::equal(agree("permessage-deflate; client_max_window_bits=\"9\"").client_bits, 9);
    answers({R"(other; x="a\,b", permessage-deflate)"}, "");  // a comma is no token
    answers({R"(other; x="a\-b", permessage-deflate)"}, "permessage-deflate");
}

void allows_blanks_around_separators(void **) {
    unit::equal(
        agree("\t permessage-deflate\t;\tserver_max_window_bits = 12 ;client_max_window_bits ,")
            .server_bits,
        12);
}

void ignores_a_line_of_broken_grammar(void **) {
    for (const std::string_view line : {
             "permessage-deflate;"sv,
             "permessage-deflate; ; client_max_window_bits"sv,
             "permessage-deflate; =1"sv,
             "permessage-deflate; x="sv,
             "permessage-deflate; x=\"\""sv,
             "permessage-deflate; x=\"12"sv,
             "permessage-deflate; x=\"12\\"sv,
             "permessage-deflate; x=\"1 2\""sv,
             "permessage-deflate; x=\"12\"3"sv,
             "permessage-deflate client_max_window_bits"sv,
             "permessage-deflate, x y"sv,
             "permessage-deflate, ;"sv,
             "permessage-deflate, @"sv,
             "permessage-deflate, other; \"quoted\""sv,
             "permessage-deflate, other; x=1;"sv,
             "permessage-deflate; x=\xc3\xa9"sv,
             "permessage-deflate\0"sv,
         }) {
        answers({line}, "");
        answers({line, "permessage-deflate"}, "permessage-deflate");
    }
}

void ignores_a_broken_line_behind_an_agreement(void **) {
    answers({"permessage-deflate", "permessage-deflate;"}, "permessage-deflate");
}

// What comes out is legal whatever came in, and no read goes beyond the text.
void survives_random_lines(void **) {
    constexpr std::array pieces{"permessage-deflate"sv,
                                "; "sv,
                                ", "sv,
                                "="sv,
                                "\""sv,
                                "\\"sv,
                                " "sv,
                                "server_no_context_takeover"sv,
                                "client_no_context_takeover"sv,
                                "server_max_window_bits"sv,
                                "client_max_window_bits"sv,
                                "8"sv,
                                "9"sv,
                                "15"sv,
                                "x"sv,
                                ";server_max_window_bits=10"sv,
                                ";client_max_window_bits"sv};
    std::mt19937 random(7692);
    unsigned agreed = 0;
    for (unsigned i = 0; i < 30'000; ++i) {
        const unit::RandomText line(random, pieces, 8);
        DeflateNegotiation negotiation(i % 2 == 0 ? generous : frugal);
        negotiation.take(line.view());
        if (!negotiation.agreed()) {
            continue;
        }
        ++agreed;
        const ws::DeflateParameters &parameters = negotiation.parameters();
        unit::check(parameters.server_bits >= 9 && parameters.server_bits <= 15);
        unit::check(parameters.client_bits >= 8 && parameters.client_bits <= 15);
        std::array<char, DeflateNegotiation::max_answer_size> room;
        unit::check(negotiation.write_answer(room).starts_with("permessage-deflate"));
    }
    unit::check(agreed > 300);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(agrees_to_nothing_without_an_offer),
        cmocka_unit_test(takes_an_offer_without_parameters),
        cmocka_unit_test(repeats_the_wish_for_no_takeover),
        cmocka_unit_test(asks_for_no_takeover_by_policy),
        cmocka_unit_test(obeys_the_servers_window_in_the_offer),
        cmocka_unit_test(names_a_smaller_window_of_its_own),
        cmocka_unit_test(asks_for_a_clients_window_only_if_that_is_offered),
        cmocka_unit_test(takes_the_smaller_of_two_client_windows),
        cmocka_unit_test(answers_with_everything_at_once),
        cmocka_unit_test(declines_a_window_that_zlib_does_not_have),
        cmocka_unit_test(declines_wrong_values),
        cmocka_unit_test(declines_unknown_and_repeated_parameters),
        cmocka_unit_test(takes_the_first_offer_that_can_be_kept),
        cmocka_unit_test(reads_quoted_values),
        cmocka_unit_test(allows_blanks_around_separators),
        cmocka_unit_test(ignores_a_line_of_broken_grammar),
        cmocka_unit_test(ignores_a_broken_line_behind_an_agreement),
        cmocka_unit_test(survives_random_lines),
    };
    return unit::run("deflate_offer", tests);
}
