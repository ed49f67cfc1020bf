#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_relay/record_map.hpp"

using ws::RecordMap;

namespace {

void knows_nothing_at_first(void **) {
    RecordMap map;
    unit::equal(map.arrived(0), 0);
    unit::equal(map.arrived(1000), 0);
    unit::check(map.exact());
}

void counts_whole_records_only(void **) {
    RecordMap map;
    map.note(122, 100);
    map.note(172, 128);
    unit::equal(map.arrived(121), 0);
    unit::equal(map.arrived(122), 100);
    unit::equal(map.arrived(171), 100);
    unit::equal(map.arrived(172), 128);
    unit::check(map.exact());
}

void takes_other_records_between_for_overhead(void **) {
    RecordMap map;
    map.note(122, 100);
    map.note(122 + 255 + 42, 120);  // a ticket before it
    unit::equal(map.arrived(122 + 255), 100);
    unit::equal(map.arrived(122 + 255 + 42), 120);
}

void never_goes_back(void **) {
    RecordMap map;
    map.note(122, 100);
    unit::equal(map.arrived(122), 100);
    unit::equal(map.arrived(0), 100);
}

void goes_on_however_many_records_there_are(void **) {
    RecordMap map;
    for (std::uint64_t record = 1; record <= 10000; ++record) {
        map.note(record * 32, record * 10);
        unit::equal(map.arrived(record * 32 - 1), (record - 1) * 10);
        unit::equal(map.arrived(record * 32), record * 10);
        unit::check(map.exact());
    }
}

// Whatever is acknowledged, and whenever, never more is said to have arrived than has.
void takes_records_together_where_there_are_too_many(void **) {
    RecordMap map;
    constexpr std::uint64_t records = 1000;
    for (std::uint64_t record = 1; record <= records; ++record) {
        map.note(record * 32, record * 10);
    }
    std::uint64_t before = 0;
    for (std::uint64_t wire = 0; wire <= records * 32; ++wire) {
        const std::uint64_t arrived = map.arrived(wire);
        unit::check(arrived >= before && arrived <= wire / 32 * 10);
        // The error is a share of what is under way.
        unit::check(wire / 32 * 10 - arrived <= records * 10 / 16);
        before = arrived;
    }
    unit::equal(before, records * 10);
    unit::check(map.exact());
}

void says_when_less_may_be_known_than_has_arrived(void **) {
    RecordMap map;
    std::uint64_t record = 0;
    while (!map.full()) {
        ++record;
        map.note(record * 32, record * 10);
    }
    unit::check(map.exact());
    ++record;
    map.note(record * 32, record * 10);
    unit::equal(map.arrived(32), 0);
    unit::check(!map.exact());
    unit::equal(map.arrived((record - 1) * 32), (record - 1) * 10);
    unit::check(map.exact());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(knows_nothing_at_first),
        cmocka_unit_test(counts_whole_records_only),
        cmocka_unit_test(takes_other_records_between_for_overhead),
        cmocka_unit_test(never_goes_back),
        cmocka_unit_test(goes_on_however_many_records_there_are),
        cmocka_unit_test(takes_records_together_where_there_are_too_many),
        cmocka_unit_test(says_when_less_may_be_known_than_has_arrived),
    };
    return unit::run("record_map", tests);
}
