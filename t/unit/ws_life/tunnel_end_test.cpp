// From the Close to the end of both connections: in which order.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Phase;
using ws::Side;
using ws::Use;

namespace {

constexpr std::uint64_t most_swallowed = 8ULL << 20U;

// Both Closes are through, our FIN is sent, and neither side has ended.
struct Draining : Life {
    explicit Draining(const ws::TunnelOptions &options = calm()) : Life(options) {
        open().client_closes();
        unit::equal(carry_out(), "finish backend; write the last; finish client; ");
        is_in(Phase::draining);
    }
};

// --- in which order

void writes_our_close_with_the_end_only_when_nothing_more_can_come(void **) {
    Life life;
    life.open().tunnel.close(Side::gateway, CloseCode::policy_violation, "why", life.now);
    unit::equal(life.carry_out(), "finish backend; write what is due; ");
    life.is_in(Phase::closing);
    life.client_closes();
    unit::equal(life.carry_out(), "finish client; ");
    life.is_in(Phase::draining);
}

void ends_nothing_for_a_client_before_there_is_room_for_its_close(void **) {
    Life life;
    life.open().client_closes();
    life.outside.stands.to_client_blocked = true;
    unit::equal(life.carry_out(), "finish backend; ");
    life.is_in(Phase::closing);
    life.outside.stands.to_client_blocked = false;
    unit::equal(life.carry_out(), "write the last; finish client; ");
}

void ends_nothing_for_a_backend_before_all_is_written(void **) {
    for (const bool rest : {true, false}) {
        Life life;
        life.open();
        life.client_closes();
        (rest ? life.outside.stands.rest_waits : life.outside.stands.to_backend_blocked) = true;
        const std::string before = life.carry_out();
        unit::check(before.find("finish backend") == std::string::npos);
        life.outside.stands = {};
        unit::check(life.carry_out().starts_with("finish backend; "));
    }
}

void ends_nothing_for_a_backend_while_the_session_lives(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    unit::equal(life.carry_out(), "");
}

void drops_a_client_that_is_lost_and_writes_nothing_to_it(void **) {
    Life life;
    life.open().client_sends(unit::ping, "x");
    life.tunnel.client_lost(life.now);
    unit::equal(life.carry_out(), "drop client; finish backend; end; ");
    unit::equal(life.said, "");
}

void drops_no_client_that_is_dropped_already(void **) {
    Life life;
    life.open();
    life.outside.stands.client_lost = true;
    life.tunnel.client_lost(life.now);
    unit::equal(life.carry_out(), "finish backend; end; ");
}

// --- what the backend still has to take

void waits_for_what_the_backend_has_not_acknowledged_when_the_client_is_lost(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    unit::equal(life.carry_out(), "drop client; finish backend; ");
    life.is_in(Phase::draining);
    unit::equal(life.tunnel.wake_at(), life.now + 1);
    life.outside.backend_has_it_all = true;
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "end; ");
}

void waits_for_no_backend_that_is_lost(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    life.carry_out();
    life.lose_backend();
    unit::equal(life.carry_out(), "end; ");
}

void waits_for_no_backend_that_has_ended(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    life.carry_out();
    life.is_in(Phase::draining);
    life.tunnel.backend_ended(life.now);
    unit::equal(life.carry_out(), "end; ");
}

// A stream whose end was cut off is not ended in order, and what was written arrives before that.
void resets_a_backend_whose_stream_is_cut_once_it_has_all_that_was_written(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.stands.rest_waits = true;
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    unit::check(life.tunnel.is_cut());
    unit::equal(life.carry_out(), "drop client; ");
    life.outside.backend_has_it_all = true;
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "reset backend; end; ");
}

// Its end alone does not show that it has what was written.
void waits_for_a_cut_stream_although_the_backend_has_ended(void **) {
    Life life;
    life.open().client_sends(unit::data, "hello");
    life.outside.stands.rest_waits = true;
    life.outside.backend_has_it_all = false;
    life.tunnel.client_lost(life.now);
    life.tunnel.backend_ended(life.now);
    unit::equal(life.carry_out(), "drop client; ");
    life.is_in(Phase::draining);
    life.outside.backend_has_it_all = true;
    life.wait_for_deadline();
    unit::equal(life.carry_out(), "reset backend; end; ");
}

void asks_again_where_a_connection_does_not_tell_that_it_breaks(void **) {
    Life life;
    life.open();
    life.outside.stands.must_be_polled = true;
    unit::equal(life.carry_out(), "");
    unit::equal(life.tunnel.wake_at(), life.now + 1);
}

// --- what the backend says to nobody

void takes_some_of_what_a_backend_says_to_nobody(void **) {
    Draining life;
    life.outside.backend_has_it_all = false;
    unit::equal(life.tunnel.use_of_backend(), Use::drop);
    life.tunnel.swallowed(most_swallowed - 1);
    unit::equal(life.tunnel.use_of_backend(), Use::drop);
    unit::equal(life.carry_out(), "");
    life.tunnel.swallowed(1);
    unit::equal(life.tunnel.use_of_backend(), Use::leave);
}

void resets_a_backend_that_has_all_and_goes_on_talking(void **) {
    Draining life;
    unit::equal(life.carry_out(), "");
    life.tunnel.swallowed(most_swallowed + 1);
    unit::equal(life.carry_out(), "reset backend; ");
    life.is_in(Phase::draining);
}

void leaves_what_a_backend_says_behind_its_end(void **) {
    Draining life;
    life.tunnel.backend_ended(life.now);
    unit::equal(life.tunnel.use_of_backend(), Use::leave);
}

void leaves_what_a_client_says_behind_its_end(void **) {
    Draining life;
    unit::equal(life.tunnel.use_of_client(), Use::drop);
    unit::check(life.tunnel.client_speaks());
    life.tunnel.client_ended(life.now);
    unit::equal(life.tunnel.use_of_client(), Use::leave);
    unit::check(!life.tunnel.client_speaks());
    unit::check(life.tunnel.client_has_ended());
}

// How the backend ends makes no difference once all is acknowledged and answered.
void needs_a_backend_that_may_lack_bytes(void **) {
    for (const bool acknowledges : {false, true}) {
        Life life;
        life.open().client_sends(unit::data, "hello");
        if (acknowledges) {
            life.backend_acknowledges();
        }
        life.tunnel.close(Side::gateway, CloseCode::policy_violation, "idle too long", life.now);
        (void)life.tunnel.count_undelivered();
        life.is_in(Phase::closing);
        unit::equal(life.tunnel.needs_backend(), !acknowledges);
    }
}

void finishes_no_backend_for_which_something_waits(void **) {
    Life life;
    life.open().client_closes();
    life.outside.stands.rest_waits = true;
    life.tunnel.client_ended(life.now);
    unit::check(life.carry_out().find("finish backend") == std::string::npos);
    life.outside.stands.rest_waits = false;
    unit::check(life.carry_out().find("finish backend") != std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_our_close_with_the_end_only_when_nothing_more_can_come),
        cmocka_unit_test(ends_nothing_for_a_client_before_there_is_room_for_its_close),
        cmocka_unit_test(ends_nothing_for_a_backend_before_all_is_written),
        cmocka_unit_test(ends_nothing_for_a_backend_while_the_session_lives),
        cmocka_unit_test(drops_a_client_that_is_lost_and_writes_nothing_to_it),
        cmocka_unit_test(drops_no_client_that_is_dropped_already),
        cmocka_unit_test(waits_for_what_the_backend_has_not_acknowledged_when_the_client_is_lost),
        cmocka_unit_test(waits_for_no_backend_that_is_lost),
        cmocka_unit_test(waits_for_no_backend_that_has_ended),
        cmocka_unit_test(resets_a_backend_whose_stream_is_cut_once_it_has_all_that_was_written),
        cmocka_unit_test(waits_for_a_cut_stream_although_the_backend_has_ended),
        cmocka_unit_test(asks_again_where_a_connection_does_not_tell_that_it_breaks),
        cmocka_unit_test(takes_some_of_what_a_backend_says_to_nobody),
        cmocka_unit_test(resets_a_backend_that_has_all_and_goes_on_talking),
        cmocka_unit_test(leaves_what_a_backend_says_behind_its_end),
        cmocka_unit_test(leaves_what_a_client_says_behind_its_end),
        cmocka_unit_test(needs_a_backend_that_may_lack_bytes),
        cmocka_unit_test(finishes_no_backend_for_which_something_waits),
    };
    return unit::run("ws_life/tunnel_end", tests);
}
