#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/ping_receipts.hpp"

#include <array>

namespace {

struct Receipts : ws::PingReceipts {
    Receipts() { keep_in(memory); }

    ws::WaitingPings memory;
};

void waits_until_the_data_before_it_is_confirmed(void **) {
    Receipts receipts;
    unit::check(!receipts.waiting());
    receipts.add(unit::bytes("one"), 10);
    unit::check(receipts.waiting());
    unit::check(!receipts.ripe(9));
    unit::check(receipts.ripe(10));
    unit::equal(receipts.offset(), 10);
    unit::equal(receipts.payload(), unit::bytes("one"));
    receipts.pop();
    unit::check(!receipts.waiting());
    unit::check(!receipts.ripe(UINT64_MAX));
}

void keeps_the_oldest_and_the_newest(void **) {
    Receipts receipts;
    receipts.add(unit::bytes("one"), 10);
    receipts.add(unit::bytes("two"), 20);
    receipts.add(unit::bytes("three"), 30);
    unit::check(receipts.ripe(25));
    unit::equal(receipts.payload(), unit::bytes("one"));
    receipts.pop();
    unit::check(receipts.waiting());
    unit::check(!receipts.ripe(25));
    unit::check(receipts.ripe(30));
    unit::equal(receipts.payload(), unit::bytes("three"));
    receipts.pop();
    unit::check(!receipts.waiting());
}

void answers_however_fast_new_pings_follow(void **) {
    Receipts receipts;
    unsigned answered = 0;
    for (uint64_t offset = 1; offset <= 1000; ++offset) {
        receipts.add(unit::bytes("x"), offset);
        // What is confirmed stays a hundred bytes behind.
        const uint64_t confirmed = offset < 100 ? 0 : offset - 100;
        while (receipts.ripe(confirmed)) {
            receipts.pop();
            ++answered;
        }
    }
    unit::check(answered >= 8);
}

void keeps_empty_and_longest_payloads(void **) {
    Receipts receipts;
    std::array<uint8_t, ws::max_control_payload> longest;
    longest.fill('x');
    receipts.add({}, 0);
    receipts.add(longest, 0);
    unit::check(receipts.ripe(0));
    unit::equal(receipts.payload(), unit::Bytes{});
    receipts.pop();
    unit::equal(receipts.payload(), longest);
}

void waits_for_nothing_without_memory(void **) {
    Receipts receipts;
    receipts.add(unit::bytes("one"), 10);
    unit::check(receipts.has_memory());
    unit::check(receipts.take_back() == &receipts.memory);
    unit::check(!receipts.has_memory());
    unit::check(!receipts.waiting());
    unit::check(!receipts.ripe(UINT64_MAX));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(waits_until_the_data_before_it_is_confirmed),
        cmocka_unit_test(keeps_the_oldest_and_the_newest),
        cmocka_unit_test(answers_however_fast_new_pings_follow),
        cmocka_unit_test(keeps_empty_and_longest_payloads),
        cmocka_unit_test(waits_for_nothing_without_memory),
    };
    return unit::run("ping_receipts", tests);
}
