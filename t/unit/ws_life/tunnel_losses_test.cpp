// A side that is lost, cut, stuck or talks to nobody while the other still has its due.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Phase;
using ws::Side;
using ws::Use;

namespace {

constexpr std::uint64_t most_ignored = 8ULL << 20U;

// --- the stream to the backend

void ends_no_cut_stream_in_order(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.stands.held = 1;
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    unit::equal(life.carry_out(), "drop client; ");
    life.outside.backend_has_it_all = true;
    unit::equal(life.carry_out(), "reset backend; end; ");
}

// It may read on, although it has said its last.
void waits_for_a_backend_that_has_ended_and_is_blocked(void **) {
    Life life;
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.client_lost(life.now);
    life.tunnel.backend_ended(life.now);
    unit::equal(life.carry_out(), "drop client; ");
    life.outside.stands.to_backend_blocked = false;
    unit::equal(life.carry_out(), "finish backend; end; ");
}

// Where there was no memory to hold its bytes, the backend itself may still talk.
void waits_for_nothing_from_a_backend_whose_bytes_were_lost(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.outside.stands.backend_lost = true;
    unit::equal(life.carry_out(), "write the last; finish client; ");
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
    life.tunnel.client_ended(life.now);
    unit::equal(life.carry_out(), "end; ");
}

// Nobody asks a connection that is gone.
void asks_nothing_of_a_backend_that_is_lost(void **) {
    Life life;
    life.open().client_closes();
    life.outside.backend_has_it_all = false;
    life.carry_out();
    life.lose_backend();
    const ws::Millis wake_at = life.tunnel.wake_at();
    life.carry_out();
    unit::equal(life.tunnel.wake_at(), wake_at);
    life.tunnel.client_ended(life.now);
    unit::equal(life.carry_out(), "end; ");
}

// --- a backend that takes nothing

void gives_up_a_stuck_backend_once(void **) {
    Life life;
    life.open();
    life.outside.stands.to_backend_blocked = true;
    life.client_sends(unit::data, "hello");
    life.carry_out();
    life.after(1000);
    life.after(1000);
    unit::equal(life.carry_out(), "drop backend; write what is due; ");
}

// What it was told before its end is not lost by its own doing.
void keeps_the_end_of_a_backend_that_is_stuck_behind_it(void **) {
    ws::TunnelOptions options = calm();
    options.close_timeout = 2000;
    Life life(options);
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.carry_out();
    life.after(1000);
    unit::equal(life.carry_out(), "drop backend; write what is due; ");
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
    life.ended_by(Side::backend, CloseCode::internal_error, "not acknowledged by the backend");
}

// --- the client

void waits_for_no_client_that_is_lost_while_it_drains(void **) {
    Life life;
    life.open().client_closes();
    life.tunnel.backend_ended(life.now);
    life.carry_out();
    life.is_in(Phase::draining);
    life.tunnel.client_lost(life.now);
    unit::equal(life.carry_out(), "drop client; end; ");
    life.ended_by(Side::client, CloseCode::going_away, "");
}

// It may have ended its direction before it reads what it did wrong.
void tells_a_client_of_its_fault_that_has_ended(void **) {
    Life life;
    life.open().client_sends(0x83, "");
    life.tunnel.client_ended(life.now);
    unit::check(life.tunnel.client_has_ended());
    life.is_in(Phase::closing);
    life.carry_out();
    unit::check(life.said.starts_with("close 1002 "));
}

void does_not_end_a_client_that_is_blocked_with_its_close(void **) {
    Life life;
    life.open().tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    unit::equal(life.carry_out(), "finish backend; write what is due; ");
    life.outside.stands.to_client_blocked = true;
    life.client_closes();
    unit::equal(life.carry_out(), "");
    life.is_in(Phase::closing);
    life.outside.stands.to_client_blocked = false;
    unit::equal(life.carry_out(), "finish client; ");
}

void listens_to_a_flooding_client_for_a_while(void **) {
    Life life;
    life.open().tunnel.ignored(most_ignored);
    unit::check(!life.tunnel.client_floods());
    life.tunnel.backend_ended(life.now);
    unit::equal(life.tunnel.use_of_client(), Use::drop);
    life.tunnel.ignored(most_ignored - 1);
    unit::equal(life.tunnel.use_of_client(), Use::drop);
    unit::check(!life.tunnel.client_floods());
    life.tunnel.ignored(2);
    unit::equal(life.tunnel.use_of_client(), Use::leave);
    unit::check(life.tunnel.client_floods());
}

// --- what means nothing

void gathers_only_where_an_end_follows(void **) {
    ws::TunnelOptions options = calm();
    options.half_close = true;
    Life life(options);
    life.open();
    life.outside.stands.to_client_blocked = true;
    life.client_sends(unit::ping, "x");
    life.client_closes();
    unit::equal(life.carry_out(), "finish backend; ");
    life.is_in(Phase::half_closed);
    life.outside.stands.to_client_blocked = false;
    unit::equal(life.carry_out(), "write what is due; ");
    unit::equal(life.said, "pong x; ");
}

void takes_nothing_for_movement_behind_its_end(void **) {
    ws::TunnelOptions options = calm();
    options.liveness.idle_timeout = 50;
    Life life(options);
    life.open().tunnel.close(Side::gateway, CloseCode::going_away, "why", life.now);
    life.tunnel.took_for_backend(life.now);
    life.backend_sends(5);
    unit::equal(life.tunnel.wake_at(), life.now + 100);
}

void goes_on_where_a_room_or_the_memory_is_full(void **) {
    Life life;
    life.open();
    for (const ws::Event event :
         {ws::Event::exhausted, ws::Event::room_full, ws::Event::memory_full}) {
        life.tunnel.client_said(event, 0, life.now);
    }
    life.is_in(Phase::open);
    unit::equal(life.carry_out(), "");
}

// --- what it tells

void tells_of_each_phase(void **) {
    Life life;
    life.open().client_closes();
    life.carry_out();
    life.tunnel.backend_ended(life.now);
    life.tunnel.client_ended(life.now);
    life.carry_out();
    unit::equal(life.outside.phases,
                "connecting > open; open > delivering; delivering > closing; "
                "closing > draining; draining > over; ");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_no_cut_stream_in_order),
        cmocka_unit_test(waits_for_a_backend_that_has_ended_and_is_blocked),
        cmocka_unit_test(waits_for_nothing_from_a_backend_whose_bytes_were_lost),
        cmocka_unit_test(asks_nothing_of_a_backend_that_is_lost),
        cmocka_unit_test(gives_up_a_stuck_backend_once),
        cmocka_unit_test(keeps_the_end_of_a_backend_that_is_stuck_behind_it),
        cmocka_unit_test(waits_for_no_client_that_is_lost_while_it_drains),
        cmocka_unit_test(tells_a_client_of_its_fault_that_has_ended),
        cmocka_unit_test(does_not_end_a_client_that_is_blocked_with_its_close),
        cmocka_unit_test(listens_to_a_flooding_client_for_a_while),
        cmocka_unit_test(gathers_only_where_an_end_follows),
        cmocka_unit_test(takes_nothing_for_movement_behind_its_end),
        cmocka_unit_test(goes_on_where_a_room_or_the_memory_is_full),
        cmocka_unit_test(tells_of_each_phase),
    };
    return unit::run("ws_life/tunnel_losses", tests);
}
