#include "t/unit/ws_life/life.hpp"

#include "ngx_ws_filter/ws_life/end_clock.hpp"

using unit::Outside;
using ws::Deadlines;
using ws::EndClock;

namespace {

constexpr ws::Millis timeout = 100;
constexpr ws::Millis most = 1000;

struct Ending {
    Deadlines deadlines;
    Outside outside;
    EndClock clock{timeout, most, deadlines};

    Ending() { clock.begin(outside, 5000); }
    bool is_over(ws::Millis now, bool waits = true) { return clock.is_over(waits, outside, now); }
};

void is_over_when_nothing_moves(void **) {
    Ending ending;
    unit::equal(ending.deadlines.next(), 5100);
    unit::check(!ending.is_over(5099));
    unit::check(ending.is_over(5100));
}

void goes_on_while_either_side_moves(void **) {
    Ending ending;
    ending.outside.client.moved = 1;
    unit::check(!ending.is_over(5100));
    unit::equal(ending.deadlines.next(), 5200);
    ending.outside.backend.moved = 1;
    unit::check(!ending.is_over(5200));
    unit::check(ending.is_over(5300));
}

// Movement is no reason to wait for a side that has nothing to take any more.
void is_over_when_nobody_is_waited_for(void **) {
    Ending ending;
    ending.outside.client.moved = 1;
    unit::check(ending.is_over(5100, false));
}

void takes_no_more_than_its_time_in_all(void **) {
    Ending ending;
    for (ws::Millis now = 5100; now < 6000; now += 100) {
        ++ending.outside.client.moved;
        unit::check(!ending.is_over(now));
    }
    ++ending.outside.client.moved;
    unit::check(ending.is_over(6000));
    unit::check(ending.is_over(6001));
}

void has_its_timeout_anew_with_each_step_but_not_its_time(void **) {
    Ending ending;
    ending.clock.restart(ending.outside, 5950);
    unit::equal(ending.deadlines.next(), 6000);
    unit::check(!ending.is_over(5999));
    unit::check(ending.is_over(6000));
}

// What moved before the step is not taken for what moves behind it.
void looks_at_what_moved_when_a_step_began(void **) {
    Ending ending;
    ending.outside.backend.moved = 9;
    ending.clock.restart(ending.outside, 5050);
    unit::check(!ending.is_over(5149));
    unit::check(ending.is_over(5150));
}

void looks_at_what_had_moved_when_the_end_began(void **) {
    Deadlines deadlines;
    Outside outside;
    outside.backend.moved = 9;
    EndClock clock(timeout, most, deadlines);
    clock.begin(outside, 5000);
    unit::check(clock.is_over(true, outside, 5100));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(is_over_when_nothing_moves),
        cmocka_unit_test(goes_on_while_either_side_moves),
        cmocka_unit_test(is_over_when_nobody_is_waited_for),
        cmocka_unit_test(takes_no_more_than_its_time_in_all),
        cmocka_unit_test(has_its_timeout_anew_with_each_step_but_not_its_time),
        cmocka_unit_test(looks_at_what_moved_when_a_step_began),
        cmocka_unit_test(looks_at_what_had_moved_when_the_end_began),
    };
    return unit::run("ws_life/end_clock", tests);
}
