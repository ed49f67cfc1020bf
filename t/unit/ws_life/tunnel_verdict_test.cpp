// What a session's Close says: the client's own code as a receipt, or how much is missing.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Phase;
using ws::Side;

namespace {

// The client has said five bytes and its Close, and the backend was sent these and its end.
struct Delivering : Life {
    Delivering() {
        open().client_sends(unit::data, "hello");
        client_closes();
        unit::equal(carry_out(), "finish backend; ");
        is_in(Phase::delivering);
    }
};

void gives_the_clients_code_when_all_is_acknowledged(void **) {
    Delivering life;
    life.outside.backend.acknowledged = 4;
    unit::equal(life.carry_out(), "");
    life.outside.backend.acknowledged = 5;
    unit::equal(life.carry_out(), "write the last; finish client; ");
    unit::equal(life.said, "close 1001; ");
    unit::equal(life.tunnel.count_undelivered(), 0);
}

void answers_an_empty_close_with_an_empty_one(void **) {
    Life life;
    life.open().client_closes({});
    life.ended_by(Side::client, CloseCode::no_status, "");
    unit::equal(life.carry_out(), "finish backend; write the last; finish client; ");
    unit::equal(life.said, "close; ");
}

void asks_until_all_is_acknowledged(void **) {
    Delivering life;
    unit::equal(life.tunnel.wake_at(), life.now + 1);
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.wake_at(), life.now + 2);
    life.backend_acknowledges();
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "write the last; finish client; ");
}

void answers_at_once_without_receipts(void **) {
    ws::TunnelOptions options = calm();
    options.receipts = false;
    Life life(options);
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    unit::equal(life.carry_out(), "finish backend; write the last; finish client; ");
    unit::equal(life.said, "close 1001; ");
}

void counts_what_is_not_acknowledged_when_time_is_over(void **) {
    Delivering life;
    life.outside.backend.acknowledged = 2;
    while (life.tunnel.phase() == Phase::delivering) {
        life.wait_for_deadline();
        life.carry_out();
    }
    unit::equal(life.now, 1'000'100);
    unit::equal(life.said, "close 1011 3 bytes undelivered, not acknowledged by the backend; ");
    life.ended_by(Side::client, CloseCode::internal_error, "not acknowledged by the backend");
}

void says_at_most_where_the_backend_cannot_tell(void **) {
    Delivering life;
    life.outside.exact = false;
    life.outside.backend.acknowledged = 2;
    life.lose_backend();
    life.carry_out();
    unit::equal(life.said,
                "close 1011 at most 3 bytes undelivered, backend connection was reset; ");
}

// The client's own end stays, as who has ended the session.
void counts_what_a_backend_leaves_that_is_reset_behind_the_clients_close(void **) {
    Delivering life;
    life.outside.backend.acknowledged = 2;
    life.lose_backend();
    life.is_in(Phase::delivering);
    unit::equal(life.carry_out(), "write the last; finish client; ");
    unit::equal(life.said, "close 1011 3 bytes undelivered, backend connection was reset; ");
    life.ended_by(Side::client, CloseCode::internal_error, "backend connection was reset");
}

void gives_a_receipt_although_the_backend_is_reset_behind_all_that_it_has(void **) {
    Delivering life;
    life.backend_acknowledges();
    life.lose_backend();
    life.carry_out();
    unit::equal(life.said, "close 1001; ");
}

// It has not ended in order: what it was told before may be lost.
void takes_a_reset_behind_the_backends_end_for_a_reset(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.carry_out();
    life.outside.backend.acknowledged = 5;
    life.lose_backend();
    life.is_in(Phase::closing);
    life.ended_by(Side::backend, CloseCode::internal_error, "backend connection was reset");
    life.carry_out();
    unit::equal(life.said, "close 1011 backend connection was reset; ");
}

void leaves_a_close_as_it_is_that_is_on_its_way_when_the_backend_is_reset(void **) {
    Life life;
    life.open().tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    life.lose_backend();
    life.is_in(Phase::closing);
    life.ended_by(Side::gateway, CloseCode::policy_violation, "why");
    life.carry_out();
    unit::equal(life.said, "close 1008 why; ");
}

void counts_what_a_blocked_backend_leaves(void **) {
    Life life;
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    unit::equal(life.carry_out(), "");
    while (life.tunnel.phase() == Phase::delivering) {
        life.wait_for_deadline();
        life.carry_out();
    }
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
    unit::check(life.tunnel.is_cut());
}

// When the session ends, the backend that takes nothing is given up, and the count is the same.
void counts_what_a_stalled_backend_leaves_behind_the_clients_close(void **) {
    ws::TunnelOptions options = calm();
    options.send_timeout = 50;
    Life life(options);
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    life.client_closes();
    life.carry_out();
    while (life.tunnel.phase() == Phase::delivering) {
        life.wait_for_deadline();
        life.carry_out();
    }
    unit::equal(life.now, 1'000'050);
    unit::equal(life.said, "close 1011 5 bytes undelivered, not acknowledged by the backend; ");
    life.ended_by(Side::client, CloseCode::internal_error, "not acknowledged by the backend");
}

// --- what goes nowhere

void counts_what_a_client_sends_behind_the_backends_end(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    unit::equal(life.tunnel.use_of_client(), ws::Use::drop);
    life.client_sends(unit::data, "seven..");
    unit::equal(life.tunnel.count_undelivered(), 12);
    life.outside.backend.acknowledged = 5;
    unit::equal(life.tunnel.count_undelivered(), 7);
    life.carry_out();
    unit::equal(life.said, "close 1000; ");
}

// Its own code would say that all has arrived.
void does_not_answer_a_close_behind_dropped_bytes_with_its_code(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.client_sends(unit::data, "lost");
    life.client_closes();
    life.backend_acknowledges();
    life.carry_out();
    unit::equal(life.said, "close 1000; ");
}

void answers_a_close_behind_the_backends_end_with_its_code(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.tunnel.backend_ended(life.now);
    life.client_closes();
    life.backend_acknowledges();
    unit::equal(life.carry_out(), "finish backend; write the last; finish client; ");
    unit::equal(life.said, "close 1001; ");
}

void counts_what_a_framing_holds(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.stands.held = 3;
    life.backend_acknowledges();
    life.client_closes();
    life.carry_out();
    unit::equal(life.said, "close 1011 3 bytes undelivered, message was not finished; ");
    unit::equal(life.tunnel.count_undelivered(), 3);
}

// --- whether the stream to the backend is cut

// A client that says where its stream ends ends it, whatever it left unfinished.
void is_not_cut_by_what_the_client_decides(void **) {
    Life closed;
    closed.open();
    closed.outside.stands.held = 3;
    closed.client_closes();
    unit::check(!closed.tunnel.is_cut());

    Life broken;
    broken.open();
    broken.outside.stands.held = 3;
    broken.client_sends(0x83, "");
    unit::check(!broken.tunnel.is_cut());

    Life silent;
    silent.open();
    silent.tunnel.close(Side::gateway, CloseCode::policy_violation, "no pong in time", silent.now);
    unit::check(!silent.tunnel.is_cut());
}

void is_cut_where_bytes_are_left_behind(void **) {
    Life rest;
    rest.open();
    rest.outside.stands.rest_waits = true;
    rest.tunnel.backend_ended(rest.now);
    unit::check(rest.tunnel.is_cut());

    Life held;
    held.open();
    held.outside.stands.held = 1;
    held.tunnel.client_lost(held.now);
    unit::check(held.tunnel.is_cut());
}

void is_cut_by_the_gateway_where_bytes_have_arrived(void **) {
    Life life;
    life.open();
    life.outside.client_has_unread = true;
    life.tunnel.close(Side::gateway, CloseCode::going_away, "why", life.now);
    unit::check(life.tunnel.is_cut());

    Life by_backend;
    by_backend.open();
    by_backend.outside.client_has_unread = true;
    by_backend.tunnel.backend_ended(by_backend.now);
    unit::check(!by_backend.tunnel.is_cut());
}

// Half a message, cut for want of memory or by a failure here.
void is_cut_by_a_failure_inside_a_message(void **) {
    for (const CloseCode code : {CloseCode::internal_error, CloseCode::try_again_later}) {
        Life life;
        life.open().client_sends(0x02, "half");
        life.tunnel.close(Side::gateway, code, "why", life.now);
        unit::check(life.tunnel.is_cut());
        Life whole;
        whole.open().client_sends(0x82, "whole");
        whole.tunnel.close(Side::gateway, code, "why", whole.now);
        unit::check(!whole.tunnel.is_cut());
    }
    Life idle;
    idle.open().client_sends(0x02, "half");
    idle.tunnel.close(Side::gateway, CloseCode::policy_violation, "idle too long", idle.now);
    unit::check(!idle.tunnel.is_cut());
    Life by_backend;
    by_backend.open().client_sends(0x02, "half");
    by_backend.tunnel.close(Side::backend, CloseCode::internal_error, "no text", by_backend.now);
    unit::check(!by_backend.tunnel.is_cut());
}

void is_cut_while_anything_is_not_written(void **) {
    Life life;
    life.outside.stands.to_backend_blocked = true;
    life.open().client_sends(unit::data, "hello");
    unit::check(life.tunnel.is_cut());
    life.to_backend.wrote(5);
    unit::check(!life.tunnel.is_cut());
}

// --- pongs

void gives_a_pong_that_is_due_before_the_close(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_sends(unit::ping, "x");
    life.client_closes();
    life.backend_acknowledges();
    unit::equal(life.carry_out(),
                "write what is due; finish backend; write the last; finish client; ");
    unit::equal(life.said, "pong x; close 1001; ");
}

void gives_no_pong_while_the_client_is_blocked(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_sends(unit::ping, "x");
    life.backend_acknowledges();
    life.outside.stands.to_client_blocked = true;
    unit::check(!life.tunnel.give_pong(life.now));
    unit::equal(life.carry_out(), "");
    life.outside.stands.to_client_blocked = false;
    unit::equal(life.carry_out(), "write what is due; ");
}

void gives_no_pong_behind_our_close(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.client_sends(unit::ping, "x");
    life.tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    life.backend_acknowledges();
    unit::check(!life.tunnel.give_pong(life.now));
    life.carry_out();
    unit::equal(life.said, "close 1008 why; ");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_clients_code_when_all_is_acknowledged),
        cmocka_unit_test(answers_an_empty_close_with_an_empty_one),
        cmocka_unit_test(asks_until_all_is_acknowledged),
        cmocka_unit_test(answers_at_once_without_receipts),
        cmocka_unit_test(counts_what_is_not_acknowledged_when_time_is_over),
        cmocka_unit_test(says_at_most_where_the_backend_cannot_tell),
        cmocka_unit_test(counts_what_a_backend_leaves_that_is_reset_behind_the_clients_close),
        cmocka_unit_test(gives_a_receipt_although_the_backend_is_reset_behind_all_that_it_has),
        cmocka_unit_test(takes_a_reset_behind_the_backends_end_for_a_reset),
        cmocka_unit_test(leaves_a_close_as_it_is_that_is_on_its_way_when_the_backend_is_reset),
        cmocka_unit_test(counts_what_a_blocked_backend_leaves),
        cmocka_unit_test(counts_what_a_stalled_backend_leaves_behind_the_clients_close),
        cmocka_unit_test(counts_what_a_client_sends_behind_the_backends_end),
        cmocka_unit_test(does_not_answer_a_close_behind_dropped_bytes_with_its_code),
        cmocka_unit_test(answers_a_close_behind_the_backends_end_with_its_code),
        cmocka_unit_test(counts_what_a_framing_holds),
        cmocka_unit_test(is_not_cut_by_what_the_client_decides),
        cmocka_unit_test(is_cut_where_bytes_are_left_behind),
        cmocka_unit_test(is_cut_by_the_gateway_where_bytes_have_arrived),
        cmocka_unit_test(is_cut_by_a_failure_inside_a_message),
        cmocka_unit_test(is_cut_while_anything_is_not_written),
        cmocka_unit_test(gives_a_pong_that_is_due_before_the_close),
        cmocka_unit_test(gives_no_pong_while_the_client_is_blocked),
        cmocka_unit_test(gives_no_pong_behind_our_close),
    };
    return unit::run("ws_life/tunnel_verdict", tests);
}
