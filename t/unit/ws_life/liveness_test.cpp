#include "t/unit/ws_life/liveness.hpp"

using unit::Lively;
using ws::Deadline;
using ws::Deadlines;
using Verdict = ws::Liveness::Verdict;

namespace {

// Times of 1000 are the beginning.
constexpr ws::LivenessOptions asking{.ping_interval = 200,
                                     .pong_timeout = 300,
                                     .idle_timeout = 0,
                                     .pongs_acknowledge = false,
                                     .marker_interval = 0};

constexpr ws::LivenessOptions idling{.ping_interval = 0,
                                     .pong_timeout = 300,
                                     .idle_timeout = 500,
                                     .pongs_acknowledge = false,
                                     .marker_interval = 0};

// A client that was sent a ping at 1200, which it has not answered.
struct Asked : Lively {
    Asked() : Lively(asking) {
        liveness.begin(1000);
        unit::equal(check(1200), Verdict::lives);
        sent = ping();
        unit::check(!sent.empty());
    }

    std::string sent;
};

void has_words_for_each_end(void **) {
    unit::equal(words(Verdict::silent), "no pong in time");
    unit::equal(words(Verdict::idle), "idle too long");
    unit::equal(words(Verdict::expired), "session has expired");
    unit::equal(words(Verdict::lives), "");
}

// --- pings at intervals

void asks_nobody_and_waits_for_nobody_by_default(void **) {
    Lively lively({});
    lively.liveness.begin(1000);
    unit::equal(lively.deadlines.next(), Deadlines::never);
    unit::equal(lively.check(1'000'000), Verdict::lives);
    unit::equal(lively.ping(), "");
}

void sends_a_ping_after_an_interval_of_silence(void **) {
    Lively lively(asking);
    lively.liveness.begin(1000);
    unit::equal(lively.deadlines.next(), 1200);
    unit::equal(lively.check(1199), Verdict::lives);
    unit::equal(lively.ping(), "");
    unit::equal(lively.check(1210), Verdict::lives);
    unit::check(!lively.ping().empty());
    unit::equal(lively.outside.told, "ping 210; ");
    unit::equal(lively.deadlines.next(), 1510);
}

void sends_no_ping_to_a_client_that_speaks(void **) {
    Lively lively(asking);
    lively.liveness.begin(1000);
    lively.liveness.heard(1150);
    unit::equal(lively.check(1349), Verdict::lives);
    unit::equal(lively.ping(), "");
    unit::equal(lively.deadlines.next(), 1350);
}

void takes_a_client_for_lost_that_does_not_answer(void **) {
    Asked asked;
    unit::equal(asked.check(1499), Verdict::lives);
    unit::equal(asked.check(1500), Verdict::silent);
    unit::equal(asked.outside.told, "ping 200; late 300; silent 500; ");
}

// Whatever comes shows that the client lives.
void takes_any_byte_for_an_answer(void **) {
    Asked asked;
    asked.liveness.heard(1499);
    unit::equal(asked.deadlines.next(), 1699);
    unit::equal(asked.check(1500), Verdict::lives);
}

void asks_again_an_interval_after_the_answer(void **) {
    Asked asked;
    asked.pong(asked.sent, 1250);
    unit::equal(asked.deadlines.next(), 1450);
    unit::equal(asked.check(1450), Verdict::lives);
    unit::check(!asked.ping().empty());
}

// --- excuses

void waits_while_the_backend_does_not_take_what_stands_before_the_pong(void **) {
    Asked stuck;
    stuck.outside.stands.to_backend_blocked = true;
    unit::equal(stuck.check(1500), Verdict::lives);
    unit::equal(stuck.deadlines.next(), 1800);
    stuck.outside.stands.to_backend_blocked = false;
    unit::equal(stuck.check(1800), Verdict::silent);

    Asked waiting;
    waiting.outside.stands.rest_waits = true;
    unit::equal(waiting.check(1500), Verdict::lives);

    Asked slowed;
    slowed.outside.stands.upload_waits = true;
    unit::equal(slowed.check(1500), Verdict::lives);
}

// A ping behind much data reaches a slow client late.
void waits_while_the_client_takes_what_stands_before_the_ping(void **) {
    Lively lively(asking);
    lively.liveness.begin(1000);
    lively.take(100, 1000);
    lively.outside.client = {.acknowledged = 10, .moved = 10, .under_way = true};
    unit::equal(lively.check(1200), Verdict::lives);
    lively.outside.client = {.acknowledged = 60, .moved = 60, .under_way = true};
    unit::equal(lively.check(1500), Verdict::lives);
    lively.outside.client = {.acknowledged = 100, .moved = 100, .under_way = true};
    unit::equal(lively.check(1800), Verdict::lives);
    // It has all that stood before the ping, and the ping moves too.
    lively.outside.client.moved = 110;
    unit::equal(lively.check(2100), Verdict::silent);
}

void does_not_wait_for_a_client_that_takes_nothing(void **) {
    Lively lively(asking);
    lively.liveness.begin(1000);
    lively.take(100, 1000);
    lively.outside.client = {.acknowledged = 10, .moved = 10, .under_way = true};
    unit::equal(lively.check(1200), Verdict::lives);
    unit::equal(lively.check(1500), Verdict::silent);
}

void does_not_wait_for_a_client_that_had_all_before_the_ping(void **) {
    Lively lively(asking);
    lively.liveness.begin(1000);
    lively.take(100, 1000);
    lively.outside.client = {.acknowledged = 100, .moved = 100, .under_way = false};
    unit::equal(lively.check(1200), Verdict::lives);
    lively.outside.client.moved = 118;
    unit::equal(lively.check(1500), Verdict::silent);
}

// Behind a backlog of ours, the ping is not even written.
void waits_while_the_client_takes_from_a_backlog(void **) {
    Asked asked;
    asked.outside.stands.to_client_blocked = true;
    asked.outside.client.moved = 1;
    unit::equal(asked.check(1500), Verdict::lives);
    unit::equal(asked.check(1800), Verdict::silent);
}

// --- idleness

void takes_a_session_for_idle_when_no_data_moves(void **) {
    Lively lively(idling);
    lively.liveness.begin(1000);
    unit::equal(lively.deadlines.next(), 1500);
    lively.liveness.heard(1400);
    unit::equal(lively.check(1499), Verdict::lives);
    unit::equal(lively.check(1500), Verdict::idle);
    unit::equal(lively.outside.told, "late 500; silent 100; ");
}

void begins_anew_with_each_byte_of_data(void **) {
    Lively lively(idling);
    lively.liveness.begin(1000);
    lively.liveness.moved(1300);
    unit::equal(lively.deadlines.next(), 1800);
    unit::equal(lively.check(1799), Verdict::lives);
    unit::equal(lively.check(1800), Verdict::idle);
}

// What was under way when it was first looked at has its time once more, and then has to move.
void is_not_idle_while_data_is_under_way_and_moves(void **) {
    for (const bool to_client : {true, false}) {
        Lively lively(idling);
        lively.liveness.begin(1000);
        unit::Outside::Connection &side =
            to_client ? lively.outside.client : lively.outside.backend;
        side = {.acknowledged = 0, .moved = 5, .under_way = true};
        unit::equal(lively.check(1500), Verdict::lives);
        unit::equal(lively.deadlines.next(), 2000);
        side.moved = 6;
        unit::equal(lively.check(2000), Verdict::lives);
        unit::equal(lively.check(2500), Verdict::idle);
    }
}

void is_idle_one_time_after_all_has_arrived(void **) {
    Lively lively(idling);
    lively.liveness.begin(1000);
    lively.outside.backend = {.acknowledged = 0, .moved = 5, .under_way = true};
    unit::equal(lively.check(1500), Verdict::lives);
    lively.outside.backend = {.acknowledged = 9, .moved = 9, .under_way = false};
    unit::equal(lively.check(2000), Verdict::lives);
    unit::equal(lively.check(2500), Verdict::idle);
}

void tells_idleness_before_silence(void **) {
    ws::LivenessOptions both = asking;
    both.idle_timeout = 500;
    Lively lively(both);
    lively.liveness.begin(1000);
    unit::equal(lively.check(1200), Verdict::lives);
    unit::equal(lively.check(1500), Verdict::idle);
}

// --- its end

void asks_nothing_more_of_a_client_that_has_said_close(void **) {
    Asked asked;
    asked.liveness.stop_asking();
    unit::equal(asked.deadlines.next(), Deadlines::never);
    asked.liveness.heard(1300);
    unit::equal(asked.deadlines.next(), Deadlines::never);
}

void is_still_idle_behind_the_clients_close(void **) {
    ws::LivenessOptions both = asking;
    both.idle_timeout = 500;
    Lively lively(both);
    lively.liveness.begin(1000);
    lively.liveness.stop_asking();
    unit::equal(lively.deadlines.next(), 1500);
    unit::equal(lively.check(1500), Verdict::idle);
}

void waits_for_nothing_when_the_session_ends(void **) {
    ws::LivenessOptions both = asking;
    both.idle_timeout = 500;
    Lively lively(both);
    lively.liveness.begin(1000);
    lively.liveness.stop();
    unit::equal(lively.deadlines.next(), Deadlines::never);
}

// --- round trips

void measures_how_long_a_pong_took(void **) {
    Asked asked;
    unit::equal(asked.liveness.round_trip(), 0);
    asked.pong(asked.sent, 1250);
    unit::equal(asked.liveness.round_trip(), 50);
    unit::equal(asked.outside.told, "ping 200; pong 50; ");
}

void tells_a_round_trip_of_no_millisecond_from_none(void **) {
    Asked asked;
    asked.pong(asked.sent, 1200);
    unit::equal(asked.liveness.round_trip(), 1);
}

void measures_each_ping_once(void **) {
    Asked asked;
    asked.pong(asked.sent, 1250);
    asked.pong(asked.sent, 1290);
    unit::equal(asked.liveness.round_trip(), 50);
}

void measures_nothing_by_a_pong_that_answers_no_ping(void **) {
    Asked asked;
    asked.pong("", 1210);
    asked.pong("twelve bytes", 1220);
    unit::equal(asked.liveness.round_trip(), 0);
    unit::equal(asked.outside.told, "ping 200; ");
    asked.pong(asked.sent, 1250);
    unit::equal(asked.liveness.round_trip(), 50);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(has_words_for_each_end),
        cmocka_unit_test(asks_nobody_and_waits_for_nobody_by_default),
        cmocka_unit_test(sends_a_ping_after_an_interval_of_silence),
        cmocka_unit_test(sends_no_ping_to_a_client_that_speaks),
        cmocka_unit_test(takes_a_client_for_lost_that_does_not_answer),
        cmocka_unit_test(takes_any_byte_for_an_answer),
        cmocka_unit_test(asks_again_an_interval_after_the_answer),
        cmocka_unit_test(waits_while_the_backend_does_not_take_what_stands_before_the_pong),
        cmocka_unit_test(waits_while_the_client_takes_what_stands_before_the_ping),
        cmocka_unit_test(does_not_wait_for_a_client_that_takes_nothing),
        cmocka_unit_test(does_not_wait_for_a_client_that_had_all_before_the_ping),
        cmocka_unit_test(waits_while_the_client_takes_from_a_backlog),
        cmocka_unit_test(takes_a_session_for_idle_when_no_data_moves),
        cmocka_unit_test(begins_anew_with_each_byte_of_data),
        cmocka_unit_test(is_not_idle_while_data_is_under_way_and_moves),
        cmocka_unit_test(is_idle_one_time_after_all_has_arrived),
        cmocka_unit_test(tells_idleness_before_silence),
        cmocka_unit_test(asks_nothing_more_of_a_client_that_has_said_close),
        cmocka_unit_test(is_still_idle_behind_the_clients_close),
        cmocka_unit_test(waits_for_nothing_when_the_session_ends),
        cmocka_unit_test(measures_how_long_a_pong_took),
        cmocka_unit_test(tells_a_round_trip_of_no_millisecond_from_none),
        cmocka_unit_test(measures_each_ping_once),
        cmocka_unit_test(measures_nothing_by_a_pong_that_answers_no_ping),
    };
    return unit::run("ws_life/liveness", tests);
}
