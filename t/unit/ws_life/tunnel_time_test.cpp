// For how long a session's end may take, and how somebody else cuts it short.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Phase;
using ws::Side;

namespace {

// Both Closes are through, our FIN is sent, and neither side has ended.
struct Draining : Life {
    explicit Draining(const ws::TunnelOptions &options = calm()) : Life(options) {
        open().client_closes();
        unit::equal(carry_out(), "finish backend; write the last; finish client; ");
        is_in(Phase::draining);
    }
};

// Goes on from deadline to deadline until the session is over, and tells how long that took.
ws::Millis wait_for_the_end(Life &life) {
    const ws::Millis begin = life.now;
    unsigned turns = 0;
    while (life.tunnel.phase() != Phase::over) {
        life.wait_for_deadline();
        life.carry_out();
        unit::check(++turns < 10'000);
    }
    return life.now - begin;
}

// --- for how long

void does_not_wait_longer_for_the_clients_close_than_the_timeout(void **) {
    Life life;
    life.open().tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    life.carry_out();
    life.after(99);
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.wake_at(), life.now + 1);
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "finish client; end; ");
}

void does_not_wait_longer_for_the_clients_end_than_the_timeout(void **) {
    Draining life;
    unit::equal(wait_for_the_end(life), 100);
    unit::equal(life.orders, "finish backend; write the last; finish client; end; ");
}

// The client's connection takes what is written to it, slowly.
void waits_while_a_slow_client_takes_what_stands_before_its_close(void **) {
    Life life;
    life.open();
    life.outside.stands.to_client_blocked = true;
    life.tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    for (int i = 0; i < 5; ++i) {
        unit::equal(life.carry_out(), i == 0 ? "finish backend; " : "");
        ++life.outside.stands.to_client;
        ++life.outside.client.moved;
        life.after(100);
        life.is_in(Phase::closing);
    }
    life.after(100);
    unit::equal(life.carry_out(), "end; ");
}

void waits_while_a_slow_backend_takes_what_the_client_sent(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    for (int i = 0; i < 4; ++i) {
        life.carry_out();
        ++life.outside.backend.moved;
        ++life.outside.backend.acknowledged;
        life.after(100);
        life.is_in(Phase::delivering);
    }
    ++life.outside.backend.acknowledged;
    life.carry_out();
    unit::equal(life.said, "close 1001; ");
}

void takes_no_longer_than_its_time_in_all(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.carry_out();
    for (int i = 0; i < 49; ++i) {
        ++life.outside.backend.moved;
        life.after(100);
        life.carry_out();
        life.is_in(Phase::delivering);
    }
    ++life.outside.backend.moved;
    life.after(100);
    life.carry_out();
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
}

// What the client sent has the time that a backend has to take anything at all.
void gives_a_vanished_clients_bytes_the_time_of_a_stalled_backend(void **) {
    Life life;
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.client_lost(life.now);
    life.carry_out();
    unit::equal(wait_for_the_end(life), 1000);
    unit::equal(life.orders, "drop client; drop backend; end; ");
}

void gives_a_vanished_clients_bytes_no_more_than_the_time_in_all(void **) {
    ws::TunnelOptions options = calm();
    options.send_timeout = 60'000;
    Life life(options);
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.client_lost(life.now);
    life.carry_out();
    unit::equal(wait_for_the_end(life), 5000);
}

// The answer begins a new step, which has its own time.
void gives_the_client_its_time_behind_a_late_answer(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.carry_out();
    life.after(99);
    life.backend_acknowledges();
    unit::equal(life.carry_out(), "write the last; finish client; ");
    unit::equal(wait_for_the_end(life), 100);
}

void has_a_client_that_stalls_at_the_end_dropped(void **) {
    ws::TunnelOptions options = calm();
    options.send_timeout = 50;
    Life life(options);
    life.open();
    life.outside.stands.to_client_blocked = true;
    life.tunnel.close(Side::gateway, CloseCode::going_away, "why", life.now);
    unit::equal(life.carry_out(), "finish backend; ");
    life.after(50);
    unit::check(life.tunnel.client_has_stalled());
    life.is_in(Phase::draining);
    unit::equal(life.carry_out(), "drop client; end; ");
    life.ended_by(Side::gateway, CloseCode::going_away, "why");
}

// It waits for acknowledgements that have come as long as it does not ask.
void does_not_wait_for_what_has_been_acknowledged_meanwhile(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    life.carry_out();
    life.backend_acknowledges();
    ++life.outside.client.moved;
    life.after(100);
    unit::equal(life.carry_out(), "finish client; end; ");
}

void is_out_of_time_for_good(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.carry_out();
    life.after(100);
    ++life.outside.backend.moved;
    life.after(100);
    life.carry_out();
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
}

// --- stopped by somebody else

void says_what_can_be_said_at_once_when_it_is_stopped(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.stop(CloseCode::going_away, "gateway is shutting down", life.now);
    life.ended_by(Side::gateway, CloseCode::going_away, "gateway is shutting down");
    unit::equal(life.carry_out(), "finish backend; write what is due; finish client; end; ");
    unit::equal(life.said, "close 1001 gateway is shutting down; ");
}

void waits_for_nobody_when_it_is_stopped(void **) {
    Life life;
    life.open();
    life.outside.stands.to_client_blocked = true;
    life.outside.stands.to_backend_blocked = true;
    life.tunnel.stop(CloseCode::going_away, "why", life.now);
    unit::equal(life.carry_out(), "end; ");
}

void concludes_at_once_when_it_is_stopped_while_it_delivers(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.carry_out();
    life.outside.backend.acknowledged = 2;
    life.tunnel.stop(CloseCode::going_away, "why", life.now);
    unit::equal(life.carry_out(), "write the last; finish client; end; ");
    unit::equal(life.said, "close 1011 3 bytes undelivered, not acknowledged by the backend; ");
    life.ended_by(Side::client, CloseCode::internal_error, "not acknowledged by the backend");
}

void is_stopped_before_the_101_without_a_word(void **) {
    Life life;
    life.tunnel.stop(CloseCode::going_away, "why", life.now);
    unit::equal(life.carry_out(), "drop client; finish backend; end; ");
    unit::equal(life.said, "");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(does_not_wait_longer_for_the_clients_close_than_the_timeout),
        cmocka_unit_test(does_not_wait_longer_for_the_clients_end_than_the_timeout),
        cmocka_unit_test(waits_while_a_slow_client_takes_what_stands_before_its_close),
        cmocka_unit_test(waits_while_a_slow_backend_takes_what_the_client_sent),
        cmocka_unit_test(takes_no_longer_than_its_time_in_all),
        cmocka_unit_test(gives_a_vanished_clients_bytes_the_time_of_a_stalled_backend),
        cmocka_unit_test(gives_a_vanished_clients_bytes_no_more_than_the_time_in_all),
        cmocka_unit_test(gives_the_client_its_time_behind_a_late_answer),
        cmocka_unit_test(has_a_client_that_stalls_at_the_end_dropped),
        cmocka_unit_test(does_not_wait_for_what_has_been_acknowledged_meanwhile),
        cmocka_unit_test(is_out_of_time_for_good),
        cmocka_unit_test(says_what_can_be_said_at_once_when_it_is_stopped),
        cmocka_unit_test(waits_for_nobody_when_it_is_stopped),
        cmocka_unit_test(concludes_at_once_when_it_is_stopped_while_it_delivers),
        cmocka_unit_test(is_stopped_before_the_101_without_a_word),
    };
    return unit::run("ws_life/tunnel_time", tests);
}
