// Pings that mark how far the client has read: ws_client_ack pong.
#include "t/unit/ws_life/liveness.hpp"

using unit::Lively;
using ws::Deadline;
using ws::Deadlines;
using Verdict = ws::Liveness::Verdict;

namespace {

constexpr ws::LivenessOptions marking{.ping_interval = 0,
                                      .pong_timeout = 300,
                                      .idle_timeout = 0,
                                      .pongs_acknowledge = true,
                                      .marker_interval = 100};

struct Marked : Lively {
    explicit Marked(std::uint64_t window = 0, const ws::LivenessOptions &options = marking)
        : Lively(options, window) {
        liveness.begin(1000);
    }
};

void marks_each_interval_of_bytes(void **) {
    Marked marked;
    marked.take(99, 1000);
    unit::equal(marked.ping(), "");
    marked.take(1, 1000);
    unit::check(!marked.ping().empty());
    marked.take(99, 1000);
    unit::equal(marked.ping(), "");
    marked.take(200, 1000);
    unit::check(!marked.ping().empty());
    unit::equal(marked.ping(), "");
}

void marks_nothing_where_pongs_confirm_nothing(void **) {
    ws::LivenessOptions options = marking;
    options.pongs_acknowledge = false;
    Marked marked(100, options);
    marked.take(1000, 1000);
    unit::equal(marked.ping(), "");
    unit::equal(marked.deadlines.next(), Deadlines::never);
}

void believes_a_pong(void **) {
    Marked marked;
    marked.take(100, 1000);
    const std::string first = marked.ping();
    marked.take(150, 1000);
    const std::string second = marked.ping();
    marked.pong(first, 1010);
    unit::equal(marked.to_client.acknowledged(), 100);
    marked.pong(second, 1020);
    unit::equal(marked.to_client.acknowledged(), 250);
    marked.pong(first, 1030);
    unit::equal(marked.to_client.acknowledged(), 250);
}

// A number that is to come, and an offset behind the bytes that were sent.
void believes_no_forged_pong(void **) {
    Marked marked;
    marked.take(100, 1000);
    const std::string marker = marked.ping();
    std::string early = marker;
    early[3] = 9;
    marked.pong(early, 1010);
    std::string larger = marker;
    larger[11] = 101;
    marked.pong(larger, 1010);
    marked.pong("", 1010);
    unit::equal(marked.to_client.acknowledged(), 0);
    marked.pong(marker, 1020);
    unit::equal(marked.to_client.acknowledged(), 100);
}

void believes_no_pong_where_pongs_confirm_nothing(void **) {
    ws::LivenessOptions options = marking;
    options.pongs_acknowledge = false;
    options.ping_interval = 200;
    Marked marked(0, options);
    marked.take(100, 1000);
    unit::equal(marked.check(1200), Verdict::lives);
    marked.pong(marked.ping(), 1210);
    unit::equal(marked.to_client.acknowledged(), 0);
}

// Otherwise the window would never be reopened.
void marks_the_last_byte_before_a_pause(void **) {
    Marked marked(150);
    marked.take(100, 1000);
    unit::check(!marked.ping().empty());
    marked.take(50, 1000);
    unit::check(marked.to_client.paused());
    const std::string last = marked.ping();
    unit::check(!last.empty());
    marked.pong(last, 1010);
    unit::check(!marked.to_client.paused());
    unit::equal(marked.to_client.acknowledged(), 150);
}

void marks_no_byte_twice(void **) {
    Marked marked(100);
    marked.take(100, 1000);
    unit::check(!marked.ping().empty());
    marked.liveness.took_for_client(marked.session, marked.outside, 1000);
    unit::equal(marked.ping(), "");
}

void takes_a_client_for_lost_that_does_not_reopen_its_window(void **) {
    Marked marked(100);
    marked.take(99, 1000);
    unit::equal(marked.deadlines.next(), Deadlines::never);
    marked.take(1, 1100);
    unit::equal(marked.deadlines.next(), 1400);
    unit::equal(marked.check(1399), Verdict::lives);
    unit::equal(marked.check(1400), Verdict::silent);
    unit::equal(marked.outside.told, "ping 100; late 300; silent 400; ");
}

void waits_for_a_window_no_more_that_a_pong_has_reopened(void **) {
    Marked marked(100);
    marked.take(100, 1000);
    marked.pong(marked.ping(), 1100);
    unit::equal(marked.deadlines.next(), Deadlines::never);
}

// A pong that confirms too little moves the deadline, for the client reads.
void waits_anew_with_each_pong_that_confirms_anything(void **) {
    Marked marked(300);
    marked.take(100, 1000);
    const std::string first = marked.ping();
    marked.take(300, 1000);
    unit::check(marked.to_client.paused());
    marked.pong(first, 1200);
    unit::check(marked.to_client.paused());
    unit::equal(marked.deadlines.next(), 1500);
    marked.pong(first, 1300);
    unit::equal(marked.deadlines.next(), 1500);
}

// The window is paused, and the bytes that would be asked for do not come: a Close was said.
void waits_for_no_pong_behind_the_clients_close(void **) {
    Marked marked(300);
    marked.take(100, 1000);
    const std::string first = marked.ping();
    marked.take(300, 1000);
    static_cast<void>(marked.ping());
    marked.liveness.stop_asking();
    unit::equal(marked.deadlines.next(), Deadlines::never);
    marked.pong(first, 1200);
    unit::check(marked.to_client.paused());
    unit::equal(marked.deadlines.next(), Deadlines::never);
    marked.take(500, 1200);
    unit::equal(marked.ping(), "");
    unit::equal(marked.deadlines.next(), Deadlines::never);
}

void waits_while_the_client_is_slow_and_not_dead(void **) {
    Marked marked(100);
    marked.take(100, 1000);
    marked.outside.stands.to_client_blocked = true;
    marked.outside.client.moved = 1;
    unit::equal(marked.check(1300), Verdict::lives);
    unit::equal(marked.deadlines.next(), 1600);
    unit::equal(marked.check(1600), Verdict::silent);
}

// A pong cannot stand inside a frame: while one is still coming, the client has had no place for
// it.
void waits_for_the_end_of_the_frame_that_a_client_is_sending(void **) {
    Marked marked(100);
    marked.take(100, 1000);
    marked.begin_frame(1299);
    unit::equal(marked.check(1300), Verdict::lives);
    unit::equal(marked.deadlines.next(), 1600);
    unit::equal(marked.check(1600), Verdict::silent);
}

void does_not_wait_for_a_client_that_was_heard_between_two_frames(void **) {
    Marked marked(100);
    marked.take(100, 1000);
    marked.liveness.heard(1299);
    unit::equal(marked.check(1300), Verdict::silent);
}

// Only one ping is waited for: markers behind it do not put the deadline off.
void waits_for_the_first_ping_however_many_follow(void **) {
    ws::LivenessOptions options = marking;
    options.ping_interval = 200;
    Marked marked(0, options);
    marked.take(100, 1100);
    unit::equal(marked.deadlines.next(), 1400);
    marked.take(100, 1250);
    unit::equal(marked.deadlines.next(), 1400);
    unit::equal(marked.check(1400), Verdict::silent);
}

// It is asked by markers, and needs no ping at intervals meanwhile.
void sends_no_other_ping_while_a_marker_is_waited_for(void **) {
    ws::LivenessOptions options = marking;
    options.ping_interval = 200;
    Marked marked(0, options);
    marked.take(100, 1100);
    static_cast<void>(marked.ping());
    unit::equal(marked.check(1300), Verdict::lives);
    unit::equal(marked.ping(), "");
}

void measures_the_round_trip_of_the_newest_marker(void **) {
    Marked marked;
    marked.take(100, 1000);
    const std::string first = marked.ping();
    marked.take(100, 1030);
    const std::string second = marked.ping();
    marked.pong(first, 1050);
    unit::equal(marked.liveness.round_trip(), 0);
    marked.pong(second, 1100);
    unit::equal(marked.liveness.round_trip(), 70);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(marks_each_interval_of_bytes),
        cmocka_unit_test(marks_nothing_where_pongs_confirm_nothing),
        cmocka_unit_test(believes_a_pong),
        cmocka_unit_test(believes_no_forged_pong),
        cmocka_unit_test(believes_no_pong_where_pongs_confirm_nothing),
        cmocka_unit_test(marks_the_last_byte_before_a_pause),
        cmocka_unit_test(marks_no_byte_twice),
        cmocka_unit_test(takes_a_client_for_lost_that_does_not_reopen_its_window),
        cmocka_unit_test(waits_for_a_window_no_more_that_a_pong_has_reopened),
        cmocka_unit_test(waits_anew_with_each_pong_that_confirms_anything),
        cmocka_unit_test(waits_for_no_pong_behind_the_clients_close),
        cmocka_unit_test(waits_while_the_client_is_slow_and_not_dead),
        cmocka_unit_test(waits_for_the_end_of_the_frame_that_a_client_is_sending),
        cmocka_unit_test(does_not_wait_for_a_client_that_was_heard_between_two_frames),
        cmocka_unit_test(waits_for_the_first_ping_however_many_follow),
        cmocka_unit_test(sends_no_other_ping_while_a_marker_is_waited_for),
        cmocka_unit_test(measures_the_round_trip_of_the_newest_marker),
    };
    return unit::run("ws_life/liveness_markers", tests);
}
