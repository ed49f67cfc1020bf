#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>

#include "ngx_ws_filter/ws_handshake/field.hpp"
#include "t/unit/random_text.hpp"

using namespace std::string_view_literals;

namespace {

void lists(std::string_view value, std::initializer_list<std::string_view> wanted) {
    ws::ListReader list(value);
    std::string_view element;
    for (const std::string_view want : wanted) {
        unit::check(list.next(element));
        unit::equal(element, want);
    }
    unit::check(!list.next(element));
    unit::check(!list.next(element));
}

void takes_every_token_character(void **) {
    unit::check(ws::is_token("!#$%&'*+-.^_`|~09azAZ"));
    unit::check(ws::is_token("v1.example-protocol+json"));
}

void refuses_every_other_character_in_a_token(void **) {
    constexpr auto tokens =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"sv;
    for (int i = 0; i < 256; i++) {
        const char c = static_cast<char>(i);
        const std::array<char, 3> text = {'a', c, 'b'};
        unit::equal(ws::is_token({text.data(), text.size()}), tokens.find(c) != tokens.npos);
    }
}

void refuses_an_empty_token(void **) {
    unit::check(!ws::is_token(""));
    unit::check(!ws::is_token({}));
}

void compares_letters_without_case(void **) {
    unit::check(ws::equals_ignoring_case("WebSocket", "websocket"));
    unit::check(ws::equals_ignoring_case("", ""));
    unit::check(!ws::equals_ignoring_case("websocket", "websockets"));
    unit::check(!ws::equals_ignoring_case("websockets", "websocket"));
    unit::check(!ws::equals_ignoring_case("websocket", ""));
}

void keeps_the_case_bit_of_what_is_no_letter(void **) {
    unit::check(!ws::equals_ignoring_case("@", "`"));
    unit::check(!ws::equals_ignoring_case("[", "{"));
    unit::check(!ws::equals_ignoring_case("\xc4", "\xe4"));
}

void trims_blanks_and_tabs_only(void **) {
    unit::equal(ws::trim(" \t a b\t "), "a b"sv);
    unit::equal(ws::trim(" \t"), ""sv);
    unit::equal(ws::trim(""), ""sv);
    unit::equal(ws::trim("\ra\n"), "\ra\n"sv);
}

void trims_list_elements_and_skips_empty_ones(void **) {
    lists("keep-alive, Upgrade", {"keep-alive", "Upgrade"});
    lists("a,b,c", {"a", "b", "c"});
    lists(" ,, a ,\t, b\t, ", {"a", "b"});
    lists("a,", {"a"});
    lists("", {});
    lists(",", {});
    lists(" \t ", {});
}

void keeps_a_comma_in_quotes(void **) {
    lists(R"(a="1,2", b)", {R"(a="1,2")", "b"});
    lists(R"("," , ",")", {R"(",")", R"(",")"});
}

void keeps_an_escaped_quote_in_quotes(void **) {
    lists(R"(a="x\",y", b)", {R"(a="x\",y")", "b"});
    lists(R"(a="x\\", b)", {R"(a="x\\")", "b"});
}

void escapes_nothing_outside_quotes(void **) {
    lists(R"(a\,b)", {R"(a\)", "b"});
}

void ends_an_open_quote_with_the_value(void **) {
    lists(R"(a="1, upgrade)", {R"(a="1, upgrade)"});
    lists(R"(a="1\)", {R"(a="1\)"});
    lists(R"(")", {R"(")"});
}

void finds_only_whole_elements(void **) {
    unit::check(ws::list_has("keep-alive, Upgrade", "upgrade"));
    unit::check(ws::list_has("upgrade", "upgrade"));
    unit::check(!ws::list_has("upgrades, no-upgrade, up grade", "upgrade"));
    unit::check(!ws::list_has(R"("upgrade")", "upgrade"));
    unit::check(!ws::list_has(R"(x="a, upgrade, b")", "upgrade"));
    unit::check(!ws::list_has("", "upgrade"));
}

// What is left out between two elements is blank or a comma, and nothing is left out beyond that.
void covers_random_lists_with_their_elements(void **) {
    constexpr std::array pieces = {"a"sv,  "bc"sv, ","sv, ", "sv, " "sv,   "\t"sv,
                                   "\""sv, "\\"sv, "="sv, "\0"sv, "\xff"sv};
    std::mt19937 random(1);
    for (int round = 0; round < 20000; round++) {
        const unit::RandomText text(random, pieces, 12);
        const char *at = text.view().data();
        ws::ListReader list(text.view());
        for (std::string_view element; list.next(element);) {
            for (; at != element.data(); at++) {
                unit::check(" \t,"sv.find(*at) != std::string_view::npos);
            }
            unit::check(!element.empty());
            unit::equal(ws::trim(element), element);
            at += element.size();
        }
        for (; at != text.view().data() + text.view().size(); at++) {
            unit::check(" \t,"sv.find(*at) != std::string_view::npos);
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_token_character),
        cmocka_unit_test(refuses_every_other_character_in_a_token),
        cmocka_unit_test(refuses_an_empty_token),
        cmocka_unit_test(compares_letters_without_case),
        cmocka_unit_test(keeps_the_case_bit_of_what_is_no_letter),
        cmocka_unit_test(trims_blanks_and_tabs_only),
        cmocka_unit_test(trims_list_elements_and_skips_empty_ones),
        cmocka_unit_test(keeps_a_comma_in_quotes),
        cmocka_unit_test(keeps_an_escaped_quote_in_quotes),
        cmocka_unit_test(escapes_nothing_outside_quotes),
        cmocka_unit_test(ends_an_open_quote_with_the_value),
        cmocka_unit_test(finds_only_whole_elements),
        cmocka_unit_test(covers_random_lists_with_their_elements),
    };
    return unit::run("field", tests);
}
