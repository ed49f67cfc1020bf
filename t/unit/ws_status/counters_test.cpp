#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_status/counters.hpp"

using ws::Counters;
using ws::Metric;
using ws::Sums;

namespace {

[[nodiscard]] std::uint64_t value(const Counters &counters, Metric metric, std::size_t label = 0) {
    Sums sums;
    counters.add_to(sums, true);
    return sums.at(ws::family(metric), label);
}

void counts_from_zero(void **) {
    Counters counters;
    unit::equal(value(counters, Metric::pings), 0);
    counters.count(Metric::pings);
    counters.count(Metric::pings);
    unit::equal(value(counters, Metric::pings), 2);
    unit::equal(value(counters, Metric::pongs), 0);
}

void keeps_each_label_apart(void **) {
    Counters counters;
    counters.add(Metric::frames, ws::label_of(ws::Side::client), 3);
    counters.add(Metric::frames, ws::label_of(ws::Side::backend), 4);
    unit::equal(value(counters, Metric::frames, 0), 3);
    unit::equal(value(counters, Metric::frames, 1), 4);
}

void no_family_reaches_into_the_next(void **) {
    for (std::size_t i = 0; i + 1 < ws::families.size(); ++i) {
        unit::equal(ws::families[i].first + ws::families[i].cells(), ws::families[i + 1].first);
    }
}

void lowers_what_it_has_raised(void **) {
    Counters counters;
    counters.raise(Metric::sessions);
    counters.raise(Metric::sessions);
    counters.lower(Metric::sessions);
    unit::equal(value(counters, Metric::sessions), 1);
}

void keeps_the_most(void **) {
    Counters counters;
    counters.set_most(Metric::most_held_buffers, 3);
    counters.set_most(Metric::most_held_buffers, 2);
    unit::equal(value(counters, Metric::most_held_buffers), 3);
}

void observes_into_the_bucket_that_holds_the_value(void **) {
    Counters counters;
    const std::size_t beyond = ws::family(Metric::round_trips).bounds.size();
    counters.observe(Metric::round_trips, 0);
    counters.observe(Metric::round_trips, 1);
    counters.observe(Metric::round_trips, 3);
    counters.observe(Metric::round_trips, 10000);
    counters.observe(Metric::round_trips, 10001);
    unit::equal(value(counters, Metric::round_trips, 0), 2);
    unit::equal(value(counters, Metric::round_trips, 1), 0);
    unit::equal(value(counters, Metric::round_trips, 2), 1);
    unit::equal(value(counters, Metric::round_trips, beyond - 1), 1);
    unit::equal(value(counters, Metric::round_trips, beyond), 1);
    unit::equal(value(counters, Metric::round_trips, beyond + 1), 20005);
}

void forgets_gauges_and_keeps_counters(void **) {
    Counters counters;
    counters.raise(Metric::sessions);
    counters.raise(Metric::stalled_sessions, 1);
    counters.count(Metric::pings);
    Sums without;
    counters.add_to(without, false);
    unit::equal(without.at(ws::family(Metric::sessions)), 0);
    unit::equal(without.at(ws::family(Metric::pings)), 1);
    counters.clear_gauges();
    unit::equal(value(counters, Metric::sessions), 0);
    unit::equal(value(counters, Metric::stalled_sessions, 1), 0);
    unit::equal(value(counters, Metric::pings), 1);
}

void adopts_what_others_counted(void **) {
    Counters old;
    old.raise(Metric::sessions);
    old.add(Metric::pings, 0, 5);
    Counters counters;
    counters.count(Metric::pings);
    counters.adopt(old);
    unit::equal(value(counters, Metric::pings), 6);
    unit::equal(value(counters, Metric::sessions), 0);
}

void numbers_statuses(void **) {
    unit::equal(ws::labels::statuses[ws::status_label(101)], "101");
    unit::equal(ws::labels::statuses[ws::status_label(505)], "505");
    unit::equal(ws::labels::statuses[ws::status_label(418)], "other");
    unit::equal(ws::labels::statuses[ws::status_label(0)], "other");
}

void numbers_close_codes(void **) {
    unit::equal(ws::labels::codes[ws::close_label(1000)], "1000");
    unit::equal(ws::labels::codes[ws::close_label(1014)], "1014");
    unit::equal(ws::labels::codes[ws::close_label(3000)], "3xxx");
    unit::equal(ws::labels::codes[ws::close_label(3999)], "3xxx");
    unit::equal(ws::labels::codes[ws::close_label(4999)], "4xxx");
    unit::equal(ws::labels::codes[ws::close_label(5000)], "other");
    unit::equal(ws::labels::codes[ws::close_label(1004)], "other");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_from_zero),
        cmocka_unit_test(keeps_each_label_apart),
        cmocka_unit_test(no_family_reaches_into_the_next),
        cmocka_unit_test(lowers_what_it_has_raised),
        cmocka_unit_test(keeps_the_most),
        cmocka_unit_test(observes_into_the_bucket_that_holds_the_value),
        cmocka_unit_test(forgets_gauges_and_keeps_counters),
        cmocka_unit_test(adopts_what_others_counted),
        cmocka_unit_test(numbers_statuses),
        cmocka_unit_test(numbers_close_codes),
    };
    return unit::run("counters", tests);
}
