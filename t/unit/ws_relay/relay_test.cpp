// Bytes on their way between a client and a backend.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;
using unit::plain;
using ws::Phase;

namespace {

constexpr unsigned max_reads = 8;

// --- the 101

void reads_nobody_before_the_101_is_sent(void **) {
    Joined joined;
    joined.host.answer = ws::Answer::pending;
    joined.client_says(unit::data, "hello");
    joined.backend.says("hi");
    unit::check(joined.turn());
    joined.is_in(Phase::connecting);
    unit::equal(joined.client.reads + joined.backend.reads, 0);
    joined.host.answer = ws::Answer::sent;
    unit::check(joined.turn());
    joined.is_in(Phase::open);
    unit::equal(joined.backend.written, "hello"sv);
    unit::equal(joined.client_gets(), "binary hi; "sv);
}

void has_a_client_lost_that_the_101_does_not_reach(void **) {
    Joined joined;
    joined.host.answer = ws::Answer::failed;
    unit::check(!joined.turn());
    joined.is_in(Phase::over);
    unit::equal(joined.facts().ended_by, ws::Side::client);
    unit::equal(joined.facts().close_code, ws::CloseCode::abnormal);
}

void has_a_client_lost_that_does_not_take_the_101(void **) {
    Joined joined;
    joined.host.answer = ws::Answer::pending;
    unit::check(joined.turn());
    unit::equal(joined.relay->wake_at(), joined.now + 1000);
    unit::check(!joined.turn_after(1000));
    unit::equal(joined.facts().why, "client takes no data"sv);
    unit::equal(joined.host.told, "late 1000; "sv);
}

// --- both ways

void passes_bytes_both_ways(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(0x81, " world");
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "hello world"sv);
    unit::equal(joined.client_gets(), "binary one; binary two; "sv);
    unit::equal(joined.facts().bytes_in, 11);
    unit::equal(joined.facts().bytes_out, 6);
    unit::equal(joined.facts().frames_in, 2);
    unit::equal(joined.facts().frames_out, 2);
    unit::equal(joined.host.lent, 0);
    unit::equal(joined.host.comes_back, 0);
}

void reads_nothing_where_nothing_has_come(void **) {
    Joined joined;
    unit::check(joined.turn());
    joined.client.pauses();
    joined.backend.pauses();
    unit::check(joined.turn());
    unit::equal(joined.client.reads + joined.backend.reads, 0);
}

// A source may seem to have something and then have nothing.
void reads_once_in_vain(void **) {
    Joined joined;
    joined.client.seems_readable = true;
    joined.backend.seems_readable = true;
    unit::check(joined.turn());
    unit::equal(joined.client.reads, 1);
    unit::equal(joined.backend.reads, 1);
}

// A message that is not whole reaches the backend later, and yet the client is not idle.
void takes_what_a_framing_holds_for_movement(void **) {
    const ws::FramingSettings u32{.kind = ws::FramingKind::length};
    ws::Framer framer(u32);
    unit::OneLoan loan(framer);
    ws::RelayOptions options = plain();
    options.tunnel.liveness.idle_timeout = 500;
    Joined joined(framer, loan, 1000, options);
    unit::check(joined.turn());
    joined.client_says(0x02, "half");
    unit::check(joined.turn_after(400));
    unit::equal(joined.relay->wake_at(), joined.now + 500);
}

// --- turns

void reads_a_bounded_number_of_times_a_turn(void **) {
    Joined joined;
    for (unsigned i = 0; i < max_reads + 2; ++i) {
        joined.client_says(unit::data, "c");
        joined.backend.says("b");
    }
    unit::check(joined.turn());
    unit::equal(joined.client.reads, max_reads);
    unit::equal(joined.backend.reads, max_reads);
    unit::equal(joined.host.comes_back, 2);
    unit::equal(joined.facts().bytes_in, max_reads);
    unit::equal(joined.facts().bytes_out, max_reads);
    unit::check(joined.turn());
    unit::equal(joined.facts().bytes_in, max_reads + 2);
    unit::equal(joined.facts().bytes_out, max_reads + 2);
    unit::equal(joined.host.comes_back, 2);
}

void does_not_come_back_for_nothing(void **) {
    Joined joined;
    for (unsigned i = 0; i < max_reads; ++i) {
        joined.client_says(unit::data, "c");
        joined.backend.says("b");
    }
    unit::check(joined.turn());
    unit::equal(joined.host.comes_back, 0);
}

void reads_no_more_than_its_buffers_hold(void **) {
    Joined joined(plain(), 100);
    joined.backend.says(std::string(250, 'x'));
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 3);
    unit::equal(joined.facts().bytes_out, 250);
}

void reads_no_more_of_a_client_than_the_backend_has_room_for(void **) {
    Joined joined;
    joined.backend.wants = 3;
    joined.client_says(unit::data, "hello");  // 11 bytes on the wire
    unit::check(joined.turn());
    unit::equal(joined.client.reads, 4);
    unit::equal(joined.backend.written, "hello"sv);
}

// --- a destination that is full

void leaves_a_client_unread_while_the_backend_is_full(void **) {
    Joined joined;
    joined.backend.takes = 2;
    joined.client_says(unit::data, "hello").client_says(unit::data, " world");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "he"sv);
    unit::equal(joined.client.reads, 1);
    unit::check(joined.relay->is_stuck());
    unit::equal(joined.host.lent, 1);
    joined.backend.takes = 1;
    unit::check(joined.turn());
    unit::equal(joined.client.reads, 1);
    joined.backend.takes = unit::unbounded;
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "hello world"sv);
    unit::check(!joined.relay->is_stuck());
    unit::equal(joined.host.lent, 0);
    unit::equal(joined.relay->to_backend().written(), 11);
}

void leaves_a_backend_unread_while_the_client_is_full(void **) {
    Joined joined;
    joined.client.takes = 3;
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 1);
    unit::equal(joined.relay->to_client().written(), 1);
    joined.client.takes = unit::unbounded;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "binary one; binary two; "sv);
}

void counts_for_how_long_each_side_kept_the_other_waiting(void **) {
    Joined joined;
    joined.client.takes = 0;
    joined.backend.takes = 0;
    joined.client_says(unit::data, "hello");
    joined.backend.says("hi");
    unit::check(joined.turn());
    joined.client.takes = unit::unbounded;
    unit::check(joined.turn_after(70));
    joined.backend.takes = unit::unbounded;
    unit::check(joined.turn_after(30));
    unit::equal(joined.facts().stalled_by_client, 70);
    unit::equal(joined.facts().stalled_by_backend, 100);
}

void ends_when_its_driver_says_so(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").backend.says("yo").pauses();
    joined.relay->expire_at(joined.now + 500);
    unit::check(joined.turn());
    unit::equal(joined.relay->wake_at(), joined.now + 500);
    unit::equal(joined.relay->unacknowledged(ws::Side::backend), 5);
    unit::equal(joined.relay->unacknowledged(ws::Side::client), 2);
    joined.backend.acks = 3;
    unit::equal(joined.relay->unacknowledged(ws::Side::backend), 2);
    (void)joined.client_gets();
    joined.relay->end(ws::CloseCode{4029}, "displaced by a newer session", joined.now);
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "close 4029 displaced by a newer session; "sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_when_its_driver_says_so),
        cmocka_unit_test(reads_nobody_before_the_101_is_sent),
        cmocka_unit_test(has_a_client_lost_that_the_101_does_not_reach),
        cmocka_unit_test(has_a_client_lost_that_does_not_take_the_101),
        cmocka_unit_test(passes_bytes_both_ways),
        cmocka_unit_test(reads_nothing_where_nothing_has_come),
        cmocka_unit_test(reads_once_in_vain),
        cmocka_unit_test(takes_what_a_framing_holds_for_movement),
        cmocka_unit_test(reads_a_bounded_number_of_times_a_turn),
        cmocka_unit_test(does_not_come_back_for_nothing),
        cmocka_unit_test(reads_no_more_than_its_buffers_hold),
        cmocka_unit_test(reads_no_more_of_a_client_than_the_backend_has_room_for),
        cmocka_unit_test(leaves_a_client_unread_while_the_backend_is_full),
        cmocka_unit_test(leaves_a_backend_unread_while_the_client_is_full),
        cmocka_unit_test(counts_for_how_long_each_side_kept_the_other_waiting),
    };
    return unit::run("ws_relay/relay", tests);
}
