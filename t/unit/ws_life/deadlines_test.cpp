#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/deadlines.hpp"

using ws::Deadline;
using ws::Deadlines;

namespace {

constexpr Deadline all[] = {Deadline::client, Deadline::backend, Deadline::ask,
                            Deadline::ping,   Deadline::pong,    Deadline::acknowledgement,
                            Deadline::idle,   Deadline::close,   Deadline::end,
                            Deadline::expiry};

void has_none_at_first(void **) {
    const Deadlines deadlines;
    unit::equal(deadlines.next(), Deadlines::never);
    for (const Deadline which : all) {
        unit::check(!deadlines.is_set(which));
        unit::check(!deadlines.is_over(which, Deadlines::never - 1));
    }
}

void is_over_at_its_time_and_not_before(void **) {
    for (const Deadline which : all) {
        Deadlines deadlines;
        deadlines.set(which, 500);
        unit::check(deadlines.is_set(which));
        unit::check(!deadlines.is_over(which, 499));
        unit::check(deadlines.is_over(which, 500));
        unit::check(deadlines.is_over(which, 501));
    }
}

// Whatever is over by the time that next() names is found by is_over(): nobody wakes in vain.
void wakes_for_the_first_and_each_alone(void **) {
    for (const Deadline which : all) {
        Deadlines deadlines;
        for (const Deadline other : all) {
            deadlines.set(other, 900);
        }
        deadlines.set(which, 500);
        unit::equal(deadlines.next(), 500);
        for (const Deadline other : all) {
            unit::equal(deadlines.is_over(other, 500), other == which);
        }
        deadlines.clear(which);
        unit::check(!deadlines.is_set(which));
        unit::equal(deadlines.next(), 900);
    }
}

void moves_when_it_is_set_again(void **) {
    Deadlines deadlines;
    deadlines.set(Deadline::idle, 500);
    deadlines.set(Deadline::idle, 700);
    unit::check(!deadlines.is_over(Deadline::idle, 600));
    unit::equal(deadlines.next(), 700);
}

void tells_for_how_long_was_waited(void **) {
    Deadlines deadlines;
    deadlines.set(Deadline::pong, 1300);  // since 1000
    unit::equal(deadlines.waited(Deadline::pong, 300, 1300), 300);
    unit::equal(deadlines.waited(Deadline::pong, 300, 1350), 350);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(has_none_at_first),
        cmocka_unit_test(is_over_at_its_time_and_not_before),
        cmocka_unit_test(wakes_for_the_first_and_each_alone),
        cmocka_unit_test(moves_when_it_is_set_again),
        cmocka_unit_test(tells_for_how_long_was_waited),
    };
    return unit::run("ws_life/deadlines", tests);
}
