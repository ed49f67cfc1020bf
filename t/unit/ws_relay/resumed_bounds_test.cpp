// What bounds a session that outlives its legs, and what it refuses. docs/resume-protocol.md.
#include "t/unit/ws_relay/resumed.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::number_command;
using unit::Resumed;
using ws::CloseCode;
using ws::Phase;
using ws::Relay;
using ws::Tag;

namespace {

void ends_with_its_leg_when_it_is_kept_no_longer(void **) {
    Resumed resumed;
    resumed.backend.says("abc").pauses();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; data abc; "sv);
    resumed.relay->keep_no_longer(resumed.now);
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "limits, not kept; "sv);
    unit::check(!resumed.relay->part(CloseCode{4002}, "displaced", resumed.now));
    resumed.backend.ends();
    resumed.client.is_reset();
    unit::equal(resumed.turn_after(0), Relay::Turn::over);

    Resumed detached;
    detached.goes_on();
    detached.client.is_reset();
    detached.parts();
    detached.relay->keep_no_longer(detached.now);
    unit::equal(detached.turn_after(0), Relay::Turn::over);
}

void goes_on_without_being_kept_when_memory_is_short(void **) {
    Resumed resumed;
    resumed.lender.most = 0;
    resumed.backend.says("abc").pauses();
    resumed.goes_on();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; data abc; limits, not kept; "sv);
    resumed.client_says(number_command(Tag::ack, 3));
    resumed.goes_on();
    unit::equal(resumed.translator.unacknowledged(), 0);

    Resumed detached;
    detached.goes_on();
    detached.client.is_reset();
    detached.parts();
    detached.lender.most = 0;
    detached.backend.says("lost");
    unit::equal(detached.turn_after(0), Relay::Turn::over);
}

void sends_what_it_owes_when_it_is_kept_no_longer(void **) {
    Resumed resumed;
    resumed.backend.says("abcdef").pauses();
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(1);
    resumed.relay->keep_no_longer(resumed.now);
    resumed.goes_on();
    unit::equal(resumed.second_gets(),
                "reconnect 0; limits, not kept; sid b2; ack 0; data bcdef; "sv);
    unit::equal(resumed.translator.replayed(), 0);
}

void holds_what_the_backend_does_not_take_up_to_the_window(void **) {
    Resumed resumed;
    resumed.backend.takes = 0;
    const std::string some(400, 'x');
    for (unsigned i = 0; i < 5; ++i) {
        resumed.client_says(bytes_command(Tag::data, some));
        resumed.goes_on();
    }
    unit::check(resumed.client.readable());
    unit::check(resumed.relay->to_backend().unwritten() >= 1000);
    resumed.backend.takes = unit::unbounded;
    resumed.goes_on(1);
    unit::equal(resumed.backend.written.size(), 2000);
}

void refuses_what_breaks_a_rule(void **) {
    for (const auto &[command, code] :
         {std::pair{number_command(Tag::ack, 9), "close 4006"},
          std::pair{number_command(Tag::eof, 9), "close 1002"},
          std::pair{bytes_command(Tag::connect_success, "x"), "close 1002"}}) {
        Resumed resumed;
        resumed.client_says(bytes_command(Tag::data, "good"));
        resumed.client_says(command);
        resumed.goes_on();
        unit::check(resumed.client_gets().find(code) != std::string::npos);
        unit::equal(resumed.backend.written, "good"sv);
        resumed.client.is_reset();
        unit::check(resumed.turn_after(0) != Relay::Turn::parted);
    }
    Resumed ended;
    ended.client_says(number_command(Tag::eof, 0));
    ended.client_says(bytes_command(Tag::data, "more"));
    ended.goes_on();
    unit::check(ended.client_gets().find("close 1002") != std::string::npos);
}

void drops_what_is_said_behind_the_end_without_its_headers(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.takes = 0;
    resumed.backend.ends();
    resumed.goes_on();
    resumed.client_says(bytes_command(Tag::data, "late"));
    resumed.client_says("x"sv, unit::ping);
    resumed.goes_on();
    unit::equal(resumed.backend.written, ""sv);
    resumed.relay->stop(CloseCode::going_away, "gateway is shutting down", resumed.now);
    resumed.relay->release(resumed.now);
    unit::equal(resumed.relay->facts(resumed.now).undelivered_to_backend, 4);
}

void asks_the_client_to_leave(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.translator.send_away(5000);
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; goaway 5000; "sv);
}

void answers_a_question_at_once(void **) {
    Resumed resumed;
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.client_says(number_command(Tag::ack, 0));
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "ack 0; "sv);
}

void takes_the_echo_of_a_new_sid(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.goes_on();
    unit::check(resumed.sids.pending());
    resumed.says(resumed.second, bytes_command(Tag::new_sid, "b2"));
    resumed.goes_on();
    unit::check(!resumed.sids.pending());
}

void waits_for_the_worker_with_many_pieces(void **) {
    Resumed resumed(unit::terms(), unit::plain(), 100);
    resumed.backend.says(std::string(4000, 'x'));
    for (unsigned i = 0; i < 10; ++i) {
        resumed.goes_on();
    }
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.goes_on();
    unit::check(resumed.host.comes_back != 0);
    unit::check(resumed.relay->wake_at() > resumed.now);
}

void is_stopped_between_two_legs(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.relay->stop(CloseCode::going_away, "gateway is shutting down", resumed.now);
    unit::equal(resumed.backend.finishes, 1);
    resumed.is_in(Phase::over);
}

// What it says then goes nowhere, but has to be read, or it might not take what the client sent.
void a_backend_that_speaks_behind_a_full_replay_has_not_ended(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.backend.says(std::string(40'000, 'x')).pauses();
    for (unsigned turns = 0; turns < 20; ++turns) {
        resumed.goes_on();
    }
    resumed.client_says(bytes_command(Tag::data, "abc"));
    resumed.client_says("\x0f\xa0", 0x88);
    resumed.goes_on();
    resumed.is_in(Phase::delivering);
    unit::check(!resumed.relay->tunnel().backend_has_ended());
}

void ack_is_told_before_the_close_of_a_backend_that_breaks(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "a"));
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.backend.acks = 1;
    resumed.backend.is_reset();
    resumed.goes_on(3);
    const std::string got = resumed.client_gets();
    unit::check(got.starts_with("ack 1; close 1011 "));
}

void ack_waits_for_no_data_that_may_not_be_read_yet(void **) {
    Resumed resumed;
    resumed.relay->set_rates(0, 1000, resumed.now);
    resumed.client_says(bytes_command(Tag::data, "a"));
    resumed.backend.says(std::string(500, 'x')).pauses();
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.backend.acks = 1;
    resumed.goes_on(3);
    unit::equal(resumed.client_gets(), "ack 1; "sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_with_its_leg_when_it_is_kept_no_longer),
        cmocka_unit_test(goes_on_without_being_kept_when_memory_is_short),
        cmocka_unit_test(sends_what_it_owes_when_it_is_kept_no_longer),
        cmocka_unit_test(holds_what_the_backend_does_not_take_up_to_the_window),
        cmocka_unit_test(refuses_what_breaks_a_rule),
        cmocka_unit_test(drops_what_is_said_behind_the_end_without_its_headers),
        cmocka_unit_test(asks_the_client_to_leave),
        cmocka_unit_test(answers_a_question_at_once),
        cmocka_unit_test(takes_the_echo_of_a_new_sid),
        cmocka_unit_test(waits_for_the_worker_with_many_pieces),
        cmocka_unit_test(is_stopped_between_two_legs),
        cmocka_unit_test(a_backend_that_speaks_behind_a_full_replay_has_not_ended),
        cmocka_unit_test(ack_is_told_before_the_close_of_a_backend_that_breaks),
        cmocka_unit_test(ack_waits_for_no_data_that_may_not_be_read_yet),
    };
    return unit::run("ws_relay/resumed_bounds", tests);
}
