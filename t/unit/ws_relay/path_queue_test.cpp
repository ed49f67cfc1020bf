#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_relay/path_queue.hpp"

namespace {

constexpr std::uint32_t round_trip = 100'000;  // microseconds, without a queue
constexpr std::uint64_t rate = 10'000'000;

// A way on which a round trip counts `shortest` from the first round on.
ws::PathQueue known_way() {
    ws::PathQueue queue;
    for (unsigned rounds = 0; rounds < 20; ++rounds) {
        unit::equal(queue.note(round_trip, rate), round_trip);
    }
    return queue;
}

// In how many of so many rounds a queue that doubles the round trip counts.
unsigned counted(ws::PathQueue &queue, unsigned rounds, std::uint64_t at) {
    unsigned full = 0;
    for (; rounds != 0; --rounds) {
        full += queue.note(2 * round_trip, at) == 2 * round_trip ? 1U : 0U;
    }
    return full;
}

void does_not_count_the_senders_own_queue(void **) {
    ws::PathQueue queue = known_way();
    unit::equal(counted(queue, 1000, rate), 0);
}

void does_not_count_a_queue_that_goes_away(void **) {
    ws::PathQueue queue = known_way();
    for (unsigned times = 0; times < 100; ++times) {
        unit::equal(counted(queue, 2, rate / 2), 0);
        unit::equal(queue.note(round_trip, rate), round_trip);
    }
}

void a_slow_sender_without_a_queue_is_only_slow(void **) {
    ws::PathQueue queue = known_way();
    for (unsigned rounds = 0; rounds < 100; ++rounds) {
        unit::equal(queue.note(round_trip + round_trip / 8, rate / 10), round_trip);
    }
}

void counts_a_queue_that_stays_while_the_sender_gets_slower(void **) {
    ws::PathQueue queue = known_way();
    unit::equal(counted(queue, 2, rate / 3), 0);
    unit::equal(counted(queue, 9, rate / 2), 9);
}

// Each trial finds the sender slower than it was at the whole round trip.
void tries_less_the_more_rarely_the_longer_others_stay(void **) {
    ws::PathQueue queue = known_way();
    unsigned full = 0;
    bool more = false;
    for (unsigned rounds = 0; rounds < 2000; ++rounds) {
        more = queue.note(2 * round_trip, more ? rate / 2 : rate / 4) == 2 * round_trip;
        full += more ? 1U : 0U;
    }
    unit::check(full > 1500);
}

void a_way_that_became_longer_is_learnt(void **) {
    ws::PathQueue queue = known_way();
    std::uint32_t counts = 0;
    for (unsigned rounds = 0; rounds < 4000; ++rounds) {
        counts = queue.note(3 * round_trip, rate * counts / (3 * round_trip));
    }
    unit::check(counts > 2 * round_trip);
}

void without_a_round_trip_there_is_no_queue(void **) {
    ws::PathQueue queue;
    unit::equal(queue.note(0, rate), 0);
    unit::equal(queue.note(round_trip, rate), round_trip);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(does_not_count_the_senders_own_queue),
        cmocka_unit_test(does_not_count_a_queue_that_goes_away),
        cmocka_unit_test(a_slow_sender_without_a_queue_is_only_slow),
        cmocka_unit_test(counts_a_queue_that_stays_while_the_sender_gets_slower),
        cmocka_unit_test(tries_less_the_more_rarely_the_longer_others_stay),
        cmocka_unit_test(a_way_that_became_longer_is_learnt),
        cmocka_unit_test(without_a_round_trip_there_is_no_queue),
    };
    return unit::run("ws_relay/path_queue", tests);
}
