#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_relay/path_window.hpp"

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t least = 160 * kib;
constexpr std::uint64_t most = 4096 * kib;

// A path that delivers at a rate, seen round by round.
class Path {
public:
    explicit Path(std::uint32_t round_trip) : round_trip_(round_trip) { note(false); }

    void deliver(std::uint64_t bytes_in_a_round, unsigned rounds = 1, bool holes = false) {
        for (; rounds != 0; --rounds) {
            now_ += round_trip_;
            total_ += bytes_in_a_round;
            note(holes);
        }
    }

    // So much in a part of a round, of which nobody takes note.
    [[nodiscard]] bool hurry(std::uint64_t bytes) {
        total_ += bytes;
        return window.hurry(total_);
    }

    void wait(std::uint64_t milliseconds) { now_ += 1000 * milliseconds; }

    ws::PathWindow window{{.least = least, .most = most, .behind_holes = 3}};

private:
    void note(bool holes) { window.note(total_, now_, round_trip_, holes); }

    std::uint32_t round_trip_;
    std::uint64_t now_ = 1'000'000'000;
    std::uint64_t total_ = 0;
};

void begins_with_the_fixed_part(void **) {
    const Path path(100'000);
    unit::equal(path.window.size(), least);
    unit::check(!path.window.wide() && !path.window.measured());
}

void holds_one_round_trip_beyond_the_fixed_part(void **) {
    Path path(100'000);
    path.deliver(1200 * kib, 3);
    unit::equal(path.window.size(), least + 1200 * kib);
    unit::check(path.window.wide() && path.window.measured());
}

void scales_a_long_round_down_to_a_round_trip(void **) {
    Path path(1'000);  // shorter than a round
    path.wait(3);
    path.deliver(1000 * kib);
    unit::equal(path.window.size(), least + 5 * 250 * kib / 2);
    path.wait(9);
    path.deliver(1000 * kib);
    unit::equal(path.window.size(), least + 100 * kib);
}

void is_ahead_of_a_sender_that_doubles(void **) {
    Path path(100'000);
    for (std::uint64_t bytes = 14 * kib; 5 * bytes / 2 + least < most; bytes *= 2) {
        path.deliver(bytes);
        unit::equal(path.window.size(), least + 5 * bytes / 2);
    }
}

void a_sender_that_doubles_is_seen_a_round_later(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 2, .of_sender = true});
    std::uint64_t total = 0;
    std::uint64_t now = 1'000'000;
    window.note(total, now, 100'000, false);
    for (std::uint64_t bytes = 14 * kib; 4 * bytes + least < most; bytes *= 2) {
        total += bytes;
        now += 100'000;
        window.note(total, now, 100'000, false);
        unit::equal(window.size(), least + 4 * bytes);
    }
}

void does_not_wait_for_the_end_of_a_round_that_brings_more(void **) {
    Path path(100'000);
    path.deliver(200 * kib, 3);
    unit::check(!path.hurry(240 * kib));
    unit::check(path.hurry(20 * kib));
    unit::equal(path.window.size(), least + 650 * kib);
    unit::check(!path.hurry(kib));
}

// A sender that has found its speed brings as much in each round.
Path calm_path() {
    Path path(100'000);
    path.deliver(1000 * kib, 12);
    return path;
}

void takes_no_notice_of_one_round_that_brings_more_than_many(void **) {
    Path path = calm_path();
    path.deliver(1800 * kib);
    unit::check(path.window.size() <= least + 1000 * kib);
    path.deliver(1000 * kib);
    path.deliver(1800 * kib);
    unit::check(path.window.size() <= least + 1000 * kib);
}

void believes_a_second_one(void **) {
    Path path = calm_path();
    path.deliver(1400 * kib);
    path.deliver(1400 * kib);
    unit::equal(path.window.size(), least + 5 * 1400 * kib / 2);
}

void does_not_hurry_where_a_sender_has_found_its_speed(void **) {
    Path path = calm_path();
    unit::check(!path.hurry(1800 * kib));
}

void a_sender_that_comes_back_gets_no_more_than_it_had(void **) {
    Path path = calm_path();
    path.deliver(600 * kib, 4);
    path.deliver(750 * kib);
    unit::check(path.window.size() > least + 800 * kib);
    unit::check(path.window.size() <= least + 1000 * kib);
}

void has_room_for_a_burst_within_the_fixed_part(void **) {
    Path path(100'000);
    path.deliver(10 * kib, 3);
    unit::check(!path.hurry(150 * kib));
}

void does_not_hurry_in_rounds_that_are_too_short(void **) {
    Path path(1'000);
    unit::check(!path.hurry(2000 * kib));
}

void does_not_hurry_before_the_first_round(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 3});
    unit::check(!window.hurry(2000 * kib));
}

void grows_when_a_sender_fills_it(void **) {
    Path path(100'000);
    path.deliver(2000 * kib, 2);
    path.deliver(100 * kib, 20);
    unit::equal(path.window.size(), least + 100 * kib);
    path.deliver(255 * kib);
    unit::equal(path.window.size(), least + 255 * kib + 255 * kib / 2);
}

void forgets_within_ten_rounds(void **) {
    Path path(100'000);
    path.deliver(1200 * kib, 3);
    path.deliver(10 * kib, 10);
    unit::check(path.window.size() < least + 96 * kib);
}

void a_long_pause_is_forgotten_only_in_part(void **) {
    Path path(100'000);
    path.deliver(1200 * kib, 3);
    unit::check(!path.window.paused());
    path.wait(60'000);
    path.deliver(10 * kib);
    unit::check(path.window.paused());
    unit::check(path.window.size() > least + 300 * kib);
    path.deliver(1200 * kib, 3);
    unit::equal(path.window.size(), least + 1200 * kib);
}

void holds_what_is_under_way_behind_a_hole(void **) {
    Path path(100'000);
    path.deliver(800 * kib, 2);
    path.deliver(800 * kib, 1, true);
    unit::equal(path.window.size(), least + 800 * kib);
    path.deliver(800 * kib);
    path.deliver(800 * kib, 1, true);
    unit::equal(path.window.size(), least + 3 * 800 * kib);
    path.deliver(800 * kib, 2);
    unit::equal(path.window.size(), least + 800 * kib);
}

void a_sender_has_room_behind_a_hole_until_it_is_filled(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 2, .of_sender = true});
    std::uint64_t now = 1'000'000;
    for (unsigned rounds = 0; rounds < 10; ++rounds) {
        window.note(rounds * 800 * kib, now, 100'000, rounds == 5);
        now += 100'000;
        if (rounds >= 2) {
            const bool behind_hole = rounds >= 5 && rounds < 8;
            unit::equal(window.size(), least + (behind_hole ? 2 : 1) * 800 * kib);
        }
    }
}

bool is_wide(const Path &path) {
    return path.window.size() == least + 3 * 800 * kib;
}

// Loses packets in each of so many rounds; returns in how many of them the window was wide.
unsigned lose(Path &path, unsigned rounds) {
    unsigned wide = 0;
    for (; rounds != 0; --rounds) {
        path.deliver(800 * kib, 1, true);
        wide += is_wide(path) ? 1U : 0U;
    }
    return wide;
}

void tries_less_where_packets_may_be_lost_by_the_room_alone(void **) {
    Path path(100'000);
    path.deliver(800 * kib, 2);
    unit::equal(lose(path, 9), 8);
    unit::check(is_wide(path));
    path.deliver(800 * kib, 4, true);
    unit::check(!is_wide(path));
    path.deliver(800 * kib, 20);
    unit::equal(path.window.size(), least + 800 * kib);
}

void gives_room_again_to_a_path_that_goes_on_losing(void **) {
    Path path(100'000);
    path.deliver(800 * kib, 2);
    unit::equal(lose(path, 10), 8);
    // The longer it goes on, the more rarely less is tried.
    unit::check(lose(path, 100) > 80);
    unit::check(lose(path, 1000) > 940);
}

// The window of a path whose round trip gets longer while it delivers as much, behind so many
// rounds in which packets were lost.
std::uint64_t behind_a_queue(unsigned lossy_rounds, std::uint64_t pause = 100'000) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 1, .empties_queue = true});
    std::uint64_t now = 1'000'000;
    std::uint64_t total = 0;
    for (unsigned rounds = 0; rounds < 80; ++rounds) {
        const std::uint32_t round_trip = rounds < 20 ? 100'000 : 200'000;
        window.note(total, now, round_trip, rounds < lossy_rounds);
        now += rounds == 70 ? pause : 100'000;
        total += 800 * kib;
    }
    return window.size();
}

void counts_no_queue_of_the_senders_own(void **) {
    unit::equal(behind_a_queue(0), least + 800 * kib);
}

void a_pause_tells_nothing_of_a_queue(void **) {
    unit::check(behind_a_queue(0, 400'000) >= least + 800 * kib);
}

void a_queue_that_stands_is_no_pause(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 1, .empties_queue = true});
    std::uint64_t now = 1'000'000;
    for (unsigned rounds = 0; rounds < 20; ++rounds) {
        window.note(rounds * 800 * kib, now, rounds < 5 ? 100'000 : 250'000, false);
        unit::equal(window.paused(), rounds == 10);
        // Behind the pause a round lasts as long as it is known to take.
        now += rounds == 9 ? 600'000 : rounds == 10 ? 250'000 : 100'000;
    }
}

void counts_all_of_it_while_packets_are_lost(void **) {
    unit::equal(behind_a_queue(80), least + 1600 * kib);
}

void counts_all_of_it_for_some_rounds_behind_a_loss(void **) {
    unit::equal(behind_a_queue(76), least + 1600 * kib);
}

void never_exceeds_the_cap(void **) {
    Path path(100'000);
    path.deliver(100'000 * kib, 5, true);
    unit::equal(path.window.size(), most);
}

void a_claimed_round_trip_is_believed_to_four_seconds(void **) {
    ws::PathWindow window({.least = least, .most = UINT64_MAX, .behind_holes = 3});
    window.note(0, 0, UINT32_MAX, false);
    unit::check(!window.round_is_over(3'999'999) && window.round_is_over(4'000'000));
    window.note(1000, 4'000'000, UINT32_MAX, false);
    window.note(2000, 8'000'000, UINT32_MAX, false);
    unit::equal(window.size(), least + 1000);
}

void measures_nothing_without_a_round_trip(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 3});
    window.note(0, 0, 0, false);
    window.note(1000 * kib, 10'000, 0, false);
    unit::equal(window.size(), least);
}

void a_cap_below_the_fixed_part_changes_nothing(void **) {
    ws::PathWindow window({.least = least, .most = kib, .behind_holes = 3});
    window.note(0, 0, 10'000, false);
    window.note(1000 * kib, 10'000, 10'000, false);
    unit::equal(window.size(), least);
}

// Of a stream within records more may have come than can be read.
void a_total_that_falls_is_no_flood(void **) {
    ws::PathWindow window({.least = least, .most = most, .behind_holes = 3});
    window.note(1000 * kib, 1'000'000, 100'000, false);
    window.note(990 * kib, 1'100'000, 100'000, false);
    window.note(995 * kib, 1'200'000, 100'000, false);
    unit::equal(window.size(), least);
}

void a_full_window_grows_for_no_less_than_before(void **) {
    constexpr std::uint64_t small = 32 * kib;
    ws::PathWindow window({.least = small, .most = most, .behind_holes = 3});
    std::uint64_t total = 0;
    std::uint64_t now = 1'000'000;
    for (const std::uint64_t kibibytes : {0U, 100U, 100U, 80U}) {
        total += kibibytes * kib;
        now += 100'000;
        window.note(total, now, 100'000, false);
    }
    unit::equal(window.size(), small + 80 * kib);
}

// Of a dialogue nothing is known that a flood could be too fast for.
void a_flood_behind_a_dialogue_is_a_probe(void **) {
    Path path(100'000);
    path.deliver(10 * kib, 20);
    unit::equal(path.window.size(), least + 10 * kib);
    path.deliver(400 * kib);
    unit::equal(path.window.size(), least + 1000 * kib);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_the_fixed_part),
        cmocka_unit_test(holds_one_round_trip_beyond_the_fixed_part),
        cmocka_unit_test(scales_a_long_round_down_to_a_round_trip),
        cmocka_unit_test(is_ahead_of_a_sender_that_doubles),
        cmocka_unit_test(a_sender_that_doubles_is_seen_a_round_later),
        cmocka_unit_test(does_not_wait_for_the_end_of_a_round_that_brings_more),
        cmocka_unit_test(takes_no_notice_of_one_round_that_brings_more_than_many),
        cmocka_unit_test(believes_a_second_one),
        cmocka_unit_test(does_not_hurry_where_a_sender_has_found_its_speed),
        cmocka_unit_test(a_sender_that_comes_back_gets_no_more_than_it_had),
        cmocka_unit_test(has_room_for_a_burst_within_the_fixed_part),
        cmocka_unit_test(does_not_hurry_in_rounds_that_are_too_short),
        cmocka_unit_test(does_not_hurry_before_the_first_round),
        cmocka_unit_test(grows_when_a_sender_fills_it),
        cmocka_unit_test(forgets_within_ten_rounds),
        cmocka_unit_test(a_long_pause_is_forgotten_only_in_part),
        cmocka_unit_test(holds_what_is_under_way_behind_a_hole),
        cmocka_unit_test(a_sender_has_room_behind_a_hole_until_it_is_filled),
        cmocka_unit_test(tries_less_where_packets_may_be_lost_by_the_room_alone),
        cmocka_unit_test(gives_room_again_to_a_path_that_goes_on_losing),
        cmocka_unit_test(counts_no_queue_of_the_senders_own),
        cmocka_unit_test(counts_all_of_it_while_packets_are_lost),
        cmocka_unit_test(a_queue_that_stands_is_no_pause),
        cmocka_unit_test(a_pause_tells_nothing_of_a_queue),
        cmocka_unit_test(counts_all_of_it_for_some_rounds_behind_a_loss),
        cmocka_unit_test(never_exceeds_the_cap),
        cmocka_unit_test(a_claimed_round_trip_is_believed_to_four_seconds),
        cmocka_unit_test(measures_nothing_without_a_round_trip),
        cmocka_unit_test(a_cap_below_the_fixed_part_changes_nothing),
        cmocka_unit_test(a_total_that_falls_is_no_flood),
        cmocka_unit_test(a_full_window_grows_for_no_less_than_before),
        cmocka_unit_test(a_flood_behind_a_dialogue_is_a_probe),
    };
    return unit::run("ws_relay/path_window", tests);
}
