#include "t/unit/unit.hpp"

#include <algorithm>

#include "ngx_ws_filter/ws_frames/frame.hpp"

using ws::CloseCode;
using ws::Opcode;
using ws::Violation;

namespace {

constexpr auto last_violation = static_cast<unsigned>(Violation::subprotocol_broken);

Violation violation(unsigned number) {
    return static_cast<Violation>(number);
}

void tells_control_frames_from_data(void **) {
    for (const Opcode opcode : {Opcode::continuation, Opcode::text, Opcode::binary}) {
        unit::check(!ws::is_control(opcode));
    }
    for (const Opcode opcode : {Opcode::close, Opcode::ping, Opcode::pong}) {
        unit::check(ws::is_control(opcode));
    }
}

void closes_with_1007_for_text_that_is_not_utf8(void **) {
    unit::equal(ws::close_code(Violation::text_not_utf8), CloseCode::invalid_payload);
    unit::equal(ws::close_code(Violation::close_reason_not_utf8), CloseCode::invalid_payload);
}

void closes_with_1007_for_a_compressed_message_that_is_broken(void **) {
    unit::equal(ws::close_code(Violation::deflate_broken), CloseCode::invalid_payload);
}

void closes_with_1007_for_a_line_end_in_a_message_that_is_one_line(void **) {
    unit::equal(ws::close_code(Violation::line_end_inside), CloseCode::invalid_payload);
}

void closes_with_1009_for_a_message_or_a_line_that_is_too_big(void **) {
    unit::equal(ws::close_code(Violation::message_too_big), CloseCode::message_too_big);
    unit::equal(ws::close_code(Violation::line_too_long), CloseCode::message_too_big);
}

void closes_with_1002_for_every_other_violation(void **) {
    unsigned others = 0;
    for (unsigned number = 1; number <= last_violation; ++number) {
        if (ws::close_code(violation(number)) == CloseCode::protocol_error) {
            ++others;
        }
    }
    constexpr unsigned with_codes_of_their_own = 7;
    unit::equal(others, last_violation - with_codes_of_their_own);
}

void closes_with_1000_if_nothing_is_wrong(void **) {
    unit::equal(ws::close_code(Violation::none), CloseCode::normal);
}

void says_something_else_about_each_violation(void **) {
    unit::check(ws::words(Violation::none).empty());
    for (unsigned number = 1; number <= last_violation; ++number) {
        const std::string_view words = ws::words(violation(number));
        unit::check(!words.empty());
        for (unsigned other = 1; other < number; ++other) {
            unit::check(words != ws::words(violation(other)));
        }
    }
}

void words_fit_into_the_reason_of_a_close(void **) {
    for (unsigned number = 1; number <= last_violation; ++number) {
        const std::string_view words = ws::words(violation(number));
        unit::check(words.size() <= ws::max_close_reason);
        unit::check(std::ranges::all_of(words, [](char c) { return c >= ' ' && c <= '~'; }));
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_control_frames_from_data),
        cmocka_unit_test(closes_with_1007_for_text_that_is_not_utf8),
        cmocka_unit_test(closes_with_1007_for_a_compressed_message_that_is_broken),
        cmocka_unit_test(closes_with_1007_for_a_line_end_in_a_message_that_is_one_line),
        cmocka_unit_test(closes_with_1009_for_a_message_or_a_line_that_is_too_big),
        cmocka_unit_test(closes_with_1002_for_every_other_violation),
        cmocka_unit_test(closes_with_1000_if_nothing_is_wrong),
        cmocka_unit_test(says_something_else_about_each_violation),
        cmocka_unit_test(words_fit_into_the_reason_of_a_close),
    };
    return unit::run("frame", tests);
}
