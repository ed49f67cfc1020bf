// What leads from one phase to the next: the tables of docs/lifecycle.md, row by row.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Phase;
using ws::Side;

namespace {

[[nodiscard]] ws::TunnelOptions half_closing() {
    ws::TunnelOptions options = calm();
    options.half_close = true;
    return options;
}

// --- connecting

void waits_for_the_101(void **) {
    Life life;
    life.is_in(Phase::connecting);
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.use_of_client(), ws::Use::leave);
    unit::equal(life.tunnel.use_of_backend(), ws::Use::leave);
    unit::check(!life.tunnel.ending());
    life.open();
    life.is_in(Phase::open);
    unit::equal(life.tunnel.use_of_client(), ws::Use::relay);
    unit::equal(life.tunnel.use_of_backend(), ws::Use::relay);
}

void drains_when_the_client_is_lost_before_the_101(void **) {
    Life life;
    life.tunnel.client_lost(life.now);
    life.is_in(Phase::draining);
    life.ended_by(Side::client, CloseCode::abnormal, "connection lost");
    unit::equal(life.carry_out(), "drop client; finish backend; end; ");
    unit::equal(life.said, "");
}

void drains_when_the_client_does_not_take_the_101(void **) {
    Life life;
    life.outside.stands.to_client_blocked = true;
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.wake_at(), life.now + 1000);
    life.wait_for_deadline();
    life.is_in(Phase::draining);
    unit::check(life.tunnel.client_has_stalled());
    life.ended_by(Side::gateway, CloseCode::policy_violation, "client takes no data");
}

// A Close cannot stand in front of the 101.
void drains_when_it_is_closed_before_the_101(void **) {
    Life life;
    life.tunnel.close(Side::gateway, CloseCode::try_again_later, "gateway has no memory", life.now);
    life.is_in(Phase::draining);
    life.ended_by(Side::gateway, CloseCode::try_again_later, "gateway has no memory");
    unit::equal(life.carry_out(), "drop client; finish backend; end; ");
    unit::check(!life.session.anything_due());
}

// --- what ends an open session

void delivers_behind_the_clients_close(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.is_in(Phase::delivering);
    life.ended_by(Side::client, CloseCode::going_away, "");
    unit::equal(life.carry_out(), "finish backend; ");
    life.is_in(Phase::delivering);
    life.backend_acknowledges();
    unit::equal(life.carry_out(), "write the last; finish client; ");
    life.is_in(Phase::draining);
    unit::equal(life.said, "close 1001; ");
}

void drains_when_the_client_leaves_without_a_close(void **) {
    Life life;
    life.open().tunnel.client_ended(life.now);
    life.is_in(Phase::draining);
    life.ended_by(Side::client, CloseCode::abnormal, "connection lost");
    unit::check(!life.tunnel.client_has_ended());
    Life reset;
    reset.open().tunnel.client_lost(reset.now);
    reset.is_in(Phase::draining);
    reset.ended_by(Side::client, CloseCode::abnormal, "connection lost");
}

void delivers_behind_the_backends_end(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.is_in(Phase::delivering);
    life.ended_by(Side::backend, CloseCode::normal, "");
    unit::check(life.tunnel.backend_has_ended());
    unit::equal(life.carry_out(), "finish backend; ");
    life.backend_acknowledges();
    unit::equal(life.carry_out(), "write what is due; ");
    life.is_in(Phase::closing);
    unit::equal(life.said, "close 1000; ");
}

void closes_with_the_count_when_the_backend_is_reset(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.backend.acknowledged = 2;
    life.lose_backend();
    life.is_in(Phase::closing);
    life.ended_by(Side::backend, CloseCode::internal_error, "backend connection was reset");
    unit::equal(life.carry_out(), "write what is due; ");
    unit::equal(life.said, "close 1011 3 bytes undelivered, backend connection was reset; ");
}

void takes_the_end_of_tcp_for_an_end_unless_tls_has_to_confirm_it(void **) {
    Life life;
    life.open().tunnel.backend_cut(life.now);
    life.is_in(Phase::delivering);
    life.ended_by(Side::backend, CloseCode::normal, "");

    ws::TunnelOptions options = calm();
    options.needs_close_notify = true;
    Life strict(options);
    strict.open().client_sends(unit::data, "hello");
    strict.tunnel.backend_cut(strict.now);
    strict.is_in(Phase::closing);
    strict.ended_by(Side::backend, CloseCode::internal_error,
                    "backend closed without close_notify");
    unit::equal(strict.carry_out(), "finish backend; write what is due; ");
    unit::equal(strict.said,
                "close 1011 5 bytes undelivered, backend closed without "
                "close_notify; ");
}

void takes_the_end_of_tcp_behind_the_end_of_a_session_for_an_end(void **) {
    ws::TunnelOptions options = calm();
    options.needs_close_notify = true;
    Life life(options);
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.tunnel.backend_cut(life.now);
    life.is_in(Phase::delivering);
    life.ended_by(Side::client, CloseCode::going_away, "");
    unit::check(life.tunnel.backend_has_ended());
}

void closes_when_the_client_breaks_a_rule(void **) {
    Life life;
    life.open().client_sends(0x83, "");
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::protocol_error, words(ws::Violation::unknown_opcode));
    // Nothing can be expected of it any more.
    unit::equal(life.carry_out(), "finish backend; write the last; finish client; ");
    unit::check(life.said.starts_with("close 1002 "));
    life.is_in(Phase::draining);
}

void closes_when_no_pong_comes(void **) {
    ws::TunnelOptions options = calm();
    options.liveness.ping_interval = 200;
    Life life(options);
    life.open();
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "write what is due; ");
    unit::equal(life.said, "ping; ");
    life.wait_for_deadline();
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::policy_violation, "no pong in time");
}

void closes_when_the_session_is_idle(void **) {
    ws::TunnelOptions options = calm();
    options.liveness.idle_timeout = 700;
    Life life(options);
    life.open();
    unit::equal(life.tunnel.wake_at(), life.now + 700);
    life.wait_for_deadline();
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::policy_violation, "idle too long");
}

// Whatever moves, and no deadline is left behind that would wake anybody.
void closes_when_the_session_has_expired(void **) {
    ws::TunnelOptions options = calm();
    options.liveness.idle_timeout = 100000;
    Life life(options);
    life.tunnel.expire_at(life.now + 700);
    life.open();
    const ws::Millis end = life.tunnel.wake_at();
    life.now = end - 1;
    life.tunnel.took_for_backend(life.now);
    life.tunnel.on_time(life.now);
    life.is_in(Phase::open);
    unit::equal(life.tunnel.wake_at(), end);
    life.wait_for_deadline();
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::policy_violation, "session has expired");
    unit::check(life.tunnel.wake_at() > end);
}

void closes_when_it_is_told_to(void **) {
    Life life;
    life.open().tunnel.close(Side::backend, CloseCode::internal_error, "no text", life.now);
    life.is_in(Phase::closing);
    life.ended_by(Side::backend, CloseCode::internal_error, "no text");
    unit::equal(life.carry_out(), "finish backend; write what is due; ");
    unit::equal(life.said, "close 1011 no text; ");
}

void keeps_its_first_end(void **) {
    Life life;
    life.open().tunnel.close(Side::backend, CloseCode::internal_error, "first", life.now);
    life.tunnel.close(Side::gateway, CloseCode::policy_violation, "second", life.now);
    life.ended_by(Side::backend, CloseCode::internal_error, "first");
    life.client_closes();
    life.ended_by(Side::backend, CloseCode::internal_error, "first");
    life.tunnel.backend_ended(life.now);
    life.lose_backend();
    life.tunnel.client_lost(life.now);
    life.ended_by(Side::backend, CloseCode::internal_error, "first");
}

void drains_when_the_client_takes_nothing(void **) {
    Life life;
    life.open();
    life.outside.stands.to_client_blocked = true;
    unit::equal(life.carry_out(), "");
    life.wait_for_deadline();
    life.is_in(Phase::draining);
    life.ended_by(Side::gateway, CloseCode::policy_violation, "client takes no data");
    unit::check(life.tunnel.client_has_stalled());
    unit::equal(life.carry_out(), "drop client; finish backend; end; ");
}

void closes_with_the_count_when_the_backend_takes_nothing(void **) {
    Life life;
    life.open();
    life.outside.stands.to_backend_blocked = true;
    life.client_sends(unit::data, "hello");
    unit::equal(life.carry_out(), "");
    life.wait_for_deadline();
    life.is_in(Phase::open);
    unit::equal(life.carry_out(), "drop backend; write what is due; ");
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::try_again_later, "backend takes no data");
    unit::equal(life.said, "close 1013 5 bytes undelivered, backend takes no data; ");
}

// --- half-closed

void waits_for_the_backend_behind_the_clients_close(void **) {
    Life life(half_closing());
    life.open().client_closes();
    life.is_in(Phase::half_closed);
    unit::check(!life.tunnel.ending());
    unit::equal(life.carry_out(), "finish backend; ");
    unit::equal(life.tunnel.use_of_backend(), ws::Use::relay);
    life.tunnel.backend_ended(life.now);
    life.is_in(Phase::delivering);
    life.ended_by(Side::client, CloseCode::going_away, "");
    unit::equal(life.carry_out(), "write the last; finish client; ");
    unit::equal(life.said, "close 1001; ");
}

void waits_for_the_client_behind_the_backends_end(void **) {
    Life life(half_closing());
    life.open().tunnel.backend_ended(life.now);
    life.is_in(Phase::half_closed);
    unit::check(!life.tunnel.ending());
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.use_of_client(), ws::Use::relay);
    life.client_closes();
    life.is_in(Phase::delivering);
    life.ended_by(Side::client, CloseCode::going_away, "");
}

void delivers_behind_the_backends_end_and_then_the_clients_close_at_once(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.client_closes();
    life.is_in(Phase::delivering);
    life.ended_by(Side::backend, CloseCode::normal, "");
}

void leaves_half_closed_as_it_leaves_open(void **) {
    Life lost(half_closing());
    lost.open().client_closes();
    lost.tunnel.client_lost(lost.now);
    lost.is_in(Phase::draining);

    Life reset(half_closing());
    reset.open().client_closes();
    reset.lose_backend();
    reset.is_in(Phase::closing);
    reset.ended_by(Side::backend, CloseCode::internal_error, "backend connection was reset");

    Life told(half_closing());
    told.open().tunnel.backend_ended(told.now);
    told.tunnel.close(Side::gateway, CloseCode::policy_violation, "why", told.now);
    told.is_in(Phase::closing);
}

// A pong that is asked for behind the Close would never come.
void asks_for_no_pong_behind_the_clients_close(void **) {
    ws::TunnelOptions options = half_closing();
    options.liveness.ping_interval = 200;
    Life life(options);
    life.open().client_closes();
    unit::equal(life.carry_out(), "finish backend; ");
    unit::equal(life.tunnel.wake_at(), ws::Deadlines::never);
}

// --- over

void is_over_when_both_connections_have_come_to_their_ends(void **) {
    Life life;
    life.open().client_closes();
    unit::equal(life.carry_out(), "finish backend; write the last; finish client; ");
    life.is_in(Phase::draining);
    life.tunnel.backend_ended(life.now);
    unit::equal(life.carry_out(), "");
    life.tunnel.client_ended(life.now);
    unit::equal(life.carry_out(), "end; ");
    life.is_in(Phase::over);
    unit::equal(life.tunnel.use_of_client(), ws::Use::leave);
    unit::equal(life.tunnel.use_of_backend(), ws::Use::leave);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_the_101),
        cmocka_unit_test(drains_when_the_client_is_lost_before_the_101),
        cmocka_unit_test(drains_when_the_client_does_not_take_the_101),
        cmocka_unit_test(drains_when_it_is_closed_before_the_101),
        cmocka_unit_test(delivers_behind_the_clients_close),
        cmocka_unit_test(drains_when_the_client_leaves_without_a_close),
        cmocka_unit_test(delivers_behind_the_backends_end),
        cmocka_unit_test(closes_with_the_count_when_the_backend_is_reset),
        cmocka_unit_test(takes_the_end_of_tcp_for_an_end_unless_tls_has_to_confirm_it),
        cmocka_unit_test(takes_the_end_of_tcp_behind_the_end_of_a_session_for_an_end),
        cmocka_unit_test(closes_when_the_client_breaks_a_rule),
        cmocka_unit_test(closes_when_no_pong_comes),
        cmocka_unit_test(closes_when_the_session_is_idle),
        cmocka_unit_test(closes_when_the_session_has_expired),
        cmocka_unit_test(closes_when_it_is_told_to),
        cmocka_unit_test(keeps_its_first_end),
        cmocka_unit_test(drains_when_the_client_takes_nothing),
        cmocka_unit_test(closes_with_the_count_when_the_backend_takes_nothing),
        cmocka_unit_test(waits_for_the_backend_behind_the_clients_close),
        cmocka_unit_test(waits_for_the_client_behind_the_backends_end),
        cmocka_unit_test(delivers_behind_the_backends_end_and_then_the_clients_close_at_once),
        cmocka_unit_test(leaves_half_closed_as_it_leaves_open),
        cmocka_unit_test(asks_for_no_pong_behind_the_clients_close),
        cmocka_unit_test(is_over_when_both_connections_have_come_to_their_ends),
    };
    return unit::run("ws_life/tunnel_phases", tests);
}
