// A side under whose way more is than the path holds.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;

namespace {

void takes_nothing_for_a_full_backend_until_it_is_less_full(void **) {
    Joined joined;
    joined.backend.full = true;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, ""sv);
    joined.backend.full = false;
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "hello"sv);
}

void takes_nothing_for_a_full_client_until_it_is_less_full(void **) {
    Joined joined;
    joined.client.full = true;
    joined.backend.says("hello");
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), ""sv);
    joined.client.full = false;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "binary hello; "sv);
}

void knows_whose_connection_has_no_room(void **) {
    Joined joined;
    joined.client.takes = 1;
    joined.backend.says("hello");
    unit::check(joined.turn());
    unit::check(joined.relay->waits_for_room(ws::Side::client));
    unit::check(!joined.relay->waits_for_room(ws::Side::backend));
}

// No event tells when it is less.
void looks_again_soon(void **) {
    Joined joined;
    joined.client.full = true;
    joined.backend.says("hello");
    unit::check(joined.turn());
    unit::check(joined.relay->wake_at() <= joined.now + 2);
    joined.client.full = false;
    unit::check(joined.turn());
    unit::check(joined.relay->wake_at() > joined.now + 5);
}

// A peer that is gone acknowledges nothing for long.
void looks_less_often_while_nothing_changes(void **) {
    Joined joined;
    joined.client.full = true;
    joined.backend.says("hello");
    unit::check(joined.turn());
    for (unsigned looks = 0; looks < 10; ++looks) {
        unit::check(joined.turn_after(joined.relay->wake_at() - joined.now));
    }
    unit::equal(joined.relay->wake_at(), joined.now + 16);
    // Other events are no reason.
    unit::check(joined.turn_after(1));
    unit::equal(joined.relay->wake_at(), joined.now + 16);
    joined.client.full = false;
    unit::check(joined.turn());
    joined.client.full = true;
    joined.backend.says("hello");
    unit::check(joined.turn());
    unit::equal(joined.relay->wake_at(), joined.now + 2);
}

void asks_nothing_where_nothing_is_to_be_read(void **) {
    Joined joined;
    joined.client.full = joined.backend.full = true;
    unit::check(joined.turn());
    unit::check(joined.relay->wake_at() > joined.now + 5);
}

void a_full_side_that_acknowledges_nothing_is_given_up(void **) {
    Joined joined;
    joined.backend.full = true;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    unit::check(joined.turn_after(999));
    unit::equal(joined.facts().why, ""sv);
    (void)joined.turn_after(1);
    unit::check(joined.facts().why != ""sv);
    unit::check(joined.facts().stalled_by_backend >= 1000);
}

void a_full_side_that_acknowledges_has_its_time_anew(void **) {
    Joined joined;
    joined.backend.full = true;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    for (unsigned times = 0; times < 5; ++times) {
        ++joined.backend.acks;
        unit::check(joined.turn_after(999));
        unit::check(joined.turn_after(1));
    }
    unit::equal(joined.facts().why, ""sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_nothing_for_a_full_backend_until_it_is_less_full),
        cmocka_unit_test(takes_nothing_for_a_full_client_until_it_is_less_full),
        cmocka_unit_test(knows_whose_connection_has_no_room),
        cmocka_unit_test(looks_again_soon),
        cmocka_unit_test(looks_less_often_while_nothing_changes),
        cmocka_unit_test(asks_nothing_where_nothing_is_to_be_read),
        cmocka_unit_test(a_full_side_that_acknowledges_nothing_is_given_up),
        cmocka_unit_test(a_full_side_that_acknowledges_has_its_time_anew),
    };
    return unit::run("ws_relay/relay_full", tests);
}
