#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/pace.hpp"

using ws::Millis;
using ws::Pace;

namespace {

constexpr Millis start = 1'000'000;

// What a reader gets who comes when he is told to, and so much later each time.
[[nodiscard]] std::uint64_t read_for(Pace &pace, Millis time, Millis late = 0,
                                     std::size_t most = SIZE_MAX) {
    std::uint64_t bytes = 0;
    Millis now = start;
    while (now <= start + time) {
        const std::size_t size = pace.allowed(most, now);
        if (size == 0) {
            unit::check(pace.wake_at() > now);
            now = pace.wake_at() + late;
            continue;
        }
        pace.took(size);
        bytes += size;
    }
    return bytes;
}

void is_exact_within_five_percent_and_never_too_fast(void **) {
    for (const std::uint64_t rate : {1ULL, 7ULL, 100ULL, 4096ULL, 1'000'000ULL, 1ULL << 40U}) {
        for (const Millis late : {0U, 1U, 10U, 40U}) {
            for (const std::size_t most : {std::size_t{3000}, std::size_t{131072}, SIZE_MAX}) {
                if (rate > most * 1000) {
                    continue;  // as good as for ever
                }
                Pace pace;
                pace.set_rate(rate, start);
                const std::uint64_t bytes = read_for(pace, 10'000, late, most);
                unit::check(bytes <= rate * 10 + rate / 10 + 1);
                unit::check(rate < 100 || bytes * 100 >= rate * 950);
            }
        }
    }
}

void pieces_are_small_against_a_second(void **) {
    Pace pace;
    pace.set_rate(100'000, start);
    unit::equal(pace.allowed(SIZE_MAX, start), 0);
    unit::equal(pace.wake_at(), start + 50);
    unit::check(pace.waits());
    unit::equal(pace.allowed(SIZE_MAX, start + 49), 0);
    unit::equal(pace.allowed(SIZE_MAX, start + 50), 5000);
    unit::check(!pace.waits());
    // After a pause no more than for a tenth.
    unit::equal(pace.allowed(SIZE_MAX, start + 1'000'000), 10'000);
    unit::equal(pace.allowed(10, start + 1'000'000), 10);
}

void a_piece_is_taken_to_its_end(void **) {
    Pace pace;
    pace.set_rate(100'000, start);
    const Millis now = start + 50;
    for (std::size_t left = 5000; left != 0; left -= 1000) {
        unit::equal(pace.allowed(SIZE_MAX, now), left);
        pace.took(1000);
    }
    unit::equal(pace.allowed(SIZE_MAX, now), 0);
    unit::equal(pace.wake_at(), now + 50);
}

void one_who_does_not_want_to_read_is_not_woken(void **) {
    Pace pace;
    unit::check(!pace.is_set());
    pace.set_rate(1000, start);
    unit::check(pace.is_set());
    unit::check(!pace.waits());
    unit::equal(pace.allowed(SIZE_MAX, start), 0);
    pace.wait_no_more();
    unit::check(!pace.waits());
}

void the_highest_rate_is_no_limit(void **) {
    Pace pace;
    pace.set_rate(UINT64_MAX, start);
    unit::check(pace.allowed(SIZE_MAX, start + 1) > 1'000'000'000);
    unit::check(pace.allowed(SIZE_MAX, UINT64_MAX - 1) > 1'000'000'000);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(is_exact_within_five_percent_and_never_too_fast),
        cmocka_unit_test(pieces_are_small_against_a_second),
        cmocka_unit_test(a_piece_is_taken_to_its_end),
        cmocka_unit_test(one_who_does_not_want_to_read_is_not_woken),
        cmocka_unit_test(the_highest_rate_is_no_limit),
    };
    return unit::run("ws_life/pace", tests);
}
