// A session that goes on when its client's connection is gone. docs/resume-protocol.md.
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

void greets_and_relays_both_ways(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.backend.says("yo").pauses();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; data yo; "sv);
    unit::equal(resumed.backend.written, "hello"sv);
    resumed.backend.acks = 5;
    resumed.goes_on(200);
    unit::equal(resumed.client_gets(), "ack 5; "sv);
}

void says_what_v4_knows_and_no_more(void **) {
    Resumed resumed(unit::terms(false));
    resumed.backend.says("yo").ends();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; data yo; close 1000; "sv);
}

void sends_again_what_the_client_does_not_have(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "up"));
    resumed.backend.says("abcdef").pauses();
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.is_in(Phase::detached);
    unit::equal(resumed.relay->wake_at(), resumed.now + 60'000);
    resumed.come_back(2);
    resumed.goes_on();
    unit::equal(resumed.second_gets(), "reconnect 2; limits; sid b2; ack 0; data cdef; "sv);
    resumed.says(resumed.second, number_command(Tag::ack, 6));
    resumed.goes_on();
    unit::equal(resumed.translator.replayed(), 0);
    unit::equal(resumed.relay->facts(resumed.now).bytes_out, 6);
}

void reads_the_backend_while_detached_until_the_replay_is_full(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    const std::string much(20'000, 'x');
    resumed.backend.says(much);
    for (unsigned i = 0; i < 10; ++i) {
        resumed.goes_on();
    }
    unit::check(resumed.translator.replayed() <= 8192 && resumed.translator.replayed() > 6000);
    resumed.come_back(0);
    resumed.goes_on();
    const std::string got = resumed.second_gets();
    unit::equal(std::string_view(got).substr(0, 36),
                "reconnect 0; limits; sid b2; ack 0; "sv.substr(0, 36));
}

void keeps_the_backends_end_for_the_next_leg(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.backend.says("bye").ends();
    resumed.goes_on();
    resumed.is_in(Phase::detached);
    resumed.come_back(0);
    resumed.goes_on();
    unit::equal(resumed.second_gets(),
                "reconnect 0; limits; sid b2; ack 0; data bye; eof 3; close 1000; "sv);
}

void keeps_the_backends_reset_too(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.backend.is_reset();
    resumed.goes_on();
    resumed.come_back(0);
    resumed.goes_on();
    unit::equal(
        resumed.second_gets(),
        "reconnect 5; limits; sid b2; ack 0; close 1011 5 bytes undelivered, backend connection was reset; "sv);
}

void tells_an_end_again_that_the_client_did_not_answer(void **) {
    Resumed resumed;
    resumed.backend.says("bye").ends();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; data bye; eof 3; close 1000; "sv);
    resumed.is_in(Phase::closing);
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(3);
    resumed.goes_on();
    unit::equal(resumed.second_gets(), "reconnect 0; limits; sid b2; ack 0; eof 3; close 1000; "sv);
}

void half_closes_at_the_clients_eof(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hi"));
    resumed.client_says(number_command(Tag::eof, 2));
    resumed.goes_on();
    resumed.is_in(Phase::half_closed);
    unit::equal(resumed.backend.finishes, 1);
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.goes_on();
    resumed.is_in(Phase::half_closed);
    resumed.backend.acks = 2;
    resumed.backend.says("yo").ends();
    resumed.goes_on(1);
    unit::equal(resumed.second_gets(),
                "reconnect 2; limits; sid b2; ack 0; data yo; eof 2; ack 2; close 1000; "sv);
}

void waits_for_the_clients_eof_behind_the_backends_end(void **) {
    ws::RelayOptions options = unit::plain();
    options.tunnel.half_close = true;
    Resumed resumed(unit::terms(), options);
    resumed.backend.ends();
    resumed.goes_on();
    resumed.is_in(Phase::half_closed);
    unit::equal(resumed.client_gets(), "connect a1; limits; eof 0; "sv);
    resumed.client_says(number_command(Tag::eof, 0));
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "close 1000; "sv);
}

void answers_a_close_for_all_legs(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    resumed.client_says("\x0f\xa0"sv, unit::close_frame);
    resumed.goes_on();
    resumed.is_in(Phase::delivering);
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.goes_on();
    resumed.is_in(Phase::open);
    resumed.says(resumed.second, "\x0f\xa0"sv, unit::close_frame);
    resumed.goes_on();
    resumed.backend.acks = 5;
    resumed.goes_on(1);
    unit::equal(resumed.second_gets(), "reconnect 5; limits; sid b2; ack 0; ack 5; close 4000; "sv);
}

void parts_when_the_client_leaves_the_leg(void **) {
    Resumed resumed;
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits; "sv);
    resumed.client_says("\x0f\xa4"sv, unit::close_frame);
    resumed.backend.says("late").pauses();
    resumed.parts();
    unit::equal(resumed.client_gets(), "close 4004; "sv);
    unit::equal(resumed.client.finishes, 1);
    resumed.goes_on();
    unit::equal(resumed.translator.replayed(), 4);
}

void is_displaced_by_another_leg(void **) {
    Resumed resumed;
    resumed.goes_on();
    (void)resumed.client_gets();
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    unit::equal(resumed.client_gets(), "close 4002 displaced by another leg; "sv);
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    resumed.come_back(0);
    resumed.goes_on();
    unit::equal(resumed.second_gets(), "reconnect 0; limits; sid b2; ack 0; "sv);
    // Without a word.
    unit::check(resumed.relay->part(CloseCode::abnormal, {}, resumed.now));
    unit::equal(resumed.second_gets(), ""sv);
}

void detaches_a_client_that_is_silent_or_takes_nothing(void **) {
    ws::RelayOptions options = unit::plain();
    options.tunnel.liveness.ping_interval = 100;
    options.tunnel.liveness.pong_timeout = 100;
    Resumed silent(unit::terms(), options);
    silent.goes_on();
    silent.goes_on(100);
    unit::equal(silent.turn_after(100), Relay::Turn::parted);
    silent.is_in(Phase::detached);

    Resumed stuck;
    stuck.client.takes = 0;
    stuck.goes_on();
    unit::equal(stuck.turn_after(1000), Relay::Turn::parted);
    // The next leg's 101 does not get through.
    stuck.host.answer = ws::Answer::failed;
    stuck.come_back(0);
    unit::equal(stuck.turn_after(0), Relay::Turn::parted);
}

void ends_when_nobody_comes_back(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.backend.acks = 5;
    unit::equal(resumed.turn_after(60'000), Relay::Turn::over);
    unit::equal(resumed.backend.written, "hello"sv);
    unit::equal(resumed.backend.finishes, 1);
    unit::equal(resumed.relay->facts(resumed.now).close_code, CloseCode::abnormal);
}

void gives_up_a_backend_that_takes_nothing_while_detached(void **) {
    Resumed resumed;
    resumed.backend.takes = 2;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.goes_on(1000);
    resumed.goes_on(1000);
    resumed.come_back(0);
    resumed.goes_on();
    unit::check(resumed.second_gets().find("close 1013") != std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(greets_and_relays_both_ways),
        cmocka_unit_test(says_what_v4_knows_and_no_more),
        cmocka_unit_test(sends_again_what_the_client_does_not_have),
        cmocka_unit_test(reads_the_backend_while_detached_until_the_replay_is_full),
        cmocka_unit_test(keeps_the_backends_end_for_the_next_leg),
        cmocka_unit_test(keeps_the_backends_reset_too),
        cmocka_unit_test(tells_an_end_again_that_the_client_did_not_answer),
        cmocka_unit_test(half_closes_at_the_clients_eof),
        cmocka_unit_test(waits_for_the_clients_eof_behind_the_backends_end),
        cmocka_unit_test(answers_a_close_for_all_legs),
        cmocka_unit_test(parts_when_the_client_leaves_the_leg),
        cmocka_unit_test(is_displaced_by_another_leg),
        cmocka_unit_test(detaches_a_client_that_is_silent_or_takes_nothing),
        cmocka_unit_test(ends_when_nobody_comes_back),
        cmocka_unit_test(gives_up_a_backend_that_takes_nothing_while_detached),
    };
    return unit::run("ws_relay/resumed", tests);
}
