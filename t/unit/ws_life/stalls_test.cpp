#include "t/unit/ws_life/life.hpp"

#include "ngx_ws_filter/ws_life/stalls.hpp"

using unit::Outside;
using ws::Deadline;
using ws::Deadlines;
using ws::Side;
using ws::Stalls;

namespace {

constexpr ws::Millis timeout = 100;

struct Watched {
    Deadlines deadlines;
    Outside outside;
    Stalls stalls{timeout, deadlines};

    void watch(ws::Millis now) { stalls.watch(outside.stands, outside, now); }
    bool is_over(Side side, ws::Millis now) { return stalls.is_over(side, outside, now); }
};

void sets_no_deadline_while_nobody_is_blocked(void **) {
    Watched watched;
    watched.watch(1000);
    unit::equal(watched.deadlines.next(), Deadlines::never);
    unit::check(!watched.is_over(Side::client, 10'000));
    unit::check(!watched.is_over(Side::backend, 10'000));
}

void is_over_when_a_blocked_side_takes_nothing(void **) {
    for (const Side side : {Side::client, Side::backend}) {
        Watched watched;
        watched.outside.stands.to_client_blocked = side == Side::client;
        watched.outside.stands.to_backend_blocked = side == Side::backend;
        watched.watch(1000);
        unit::equal(watched.deadlines.next(), 1100);
        unit::check(!watched.is_over(side, 1099));
        unit::check(watched.is_over(side, 1100));
        unit::equal(watched.outside.told, "late 100; silent 0; ");
        unit::check(!watched.is_over(side == Side::client ? Side::backend : Side::client, 1100));
    }
}

void begins_anew_with_each_byte_that_is_written(void **) {
    Watched watched;
    watched.outside.stands.to_client_blocked = true;
    watched.outside.stands.to_backend_blocked = true;
    watched.watch(1000);
    watched.outside.stands.to_client = 1;
    watched.watch(1050);
    unit::check(!watched.is_over(Side::client, 1149));
    unit::check(watched.is_over(Side::client, 1150));
    unit::check(watched.is_over(Side::backend, 1100));
}

void does_not_begin_anew_when_looked_at(void **) {
    Watched watched;
    watched.outside.stands.to_backend_blocked = true;
    watched.watch(1000);
    watched.watch(1090);
    unit::check(watched.is_over(Side::backend, 1100));
}

void ends_with_the_blocking(void **) {
    Watched watched;
    watched.outside.stands.to_backend_blocked = true;
    watched.outside.stands.to_client_blocked = true;
    watched.watch(1000);
    watched.outside.stands = {};
    watched.watch(1050);
    unit::equal(watched.deadlines.next(), Deadlines::never);
    watched.outside.stands.to_backend_blocked = true;
    watched.watch(1090);
    unit::equal(watched.deadlines.next(), 1190);
}

// What is under way in the kernels moves too, and the next time begins with what was seen then.
void is_not_over_while_the_kernel_moves_anything(void **) {
    for (const Side side : {Side::client, Side::backend}) {
        Watched watched;
        watched.outside.stands.to_client_blocked = side == Side::client;
        watched.outside.stands.to_backend_blocked = side == Side::backend;
        Outside::Connection &connection =
            side == Side::client ? watched.outside.client : watched.outside.backend;
        connection.moved = 7;
        watched.watch(1000);
        connection.moved = 8;
        unit::check(!watched.is_over(side, 1100));
        unit::equal(watched.deadlines.next(), 1200);
        unit::check(watched.is_over(side, 1200));
    }
}

// What the kernel had moved before the side was blocked is no excuse.
void counts_from_when_the_deadline_was_set(void **) {
    Watched watched;
    watched.outside.stands.to_backend_blocked = true;
    watched.watch(1000);
    watched.outside.stands.to_backend = 10;
    watched.outside.backend.moved = 10;
    watched.watch(1050);
    unit::check(watched.is_over(Side::backend, 1150));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sets_no_deadline_while_nobody_is_blocked),
        cmocka_unit_test(is_over_when_a_blocked_side_takes_nothing),
        cmocka_unit_test(begins_anew_with_each_byte_that_is_written),
        cmocka_unit_test(does_not_begin_anew_when_looked_at),
        cmocka_unit_test(ends_with_the_blocking),
        cmocka_unit_test(is_not_over_while_the_kernel_moves_anything),
        cmocka_unit_test(counts_from_when_the_deadline_was_set),
    };
    return unit::run("ws_life/stalls", tests);
}
