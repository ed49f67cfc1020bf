#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/flow_ledger.hpp"

namespace {

void begins_with_nothing(void **) {
    const ws::FlowLedger ledger;
    unit::equal(ledger.taken(), 0);
    unit::equal(ledger.written(), 0);
    unit::equal(ledger.unwritten(), 0);
}

void owes_what_was_taken_and_not_written(void **) {
    ws::FlowLedger ledger;
    ledger.took(10);
    ledger.wrote(4);
    unit::equal(ledger.unwritten(), 6);
    ledger.took(1);
    unit::equal(ledger.unwritten(), 7);
    ledger.wrote(7);
    unit::equal(ledger.unwritten(), 0);
    unit::equal(ledger.taken(), 11);
    unit::equal(ledger.written(), 11);
}

void counts_beyond_32_bits(void **) {
    ws::FlowLedger ledger;
    for (int i = 0; i < 5; ++i) {
        ledger.took(0xffffffff);
    }
    ledger.wrote(0xffffffff);
    unit::equal(ledger.taken(), 0x4fffffffb);
    unit::equal(ledger.unwritten(), 0x3fffffffc);
}

void pauses_at_the_window_and_resumes_at_half_of_it(void **) {
    ws::FlowLedger ledger(100);
    ledger.took(99);
    unit::check(!ledger.paused());
    ledger.took(1);
    unit::check(ledger.paused());
    ledger.wrote(100);
    unit::check(ledger.acknowledge(49));
    unit::check(ledger.paused());
    unit::check(ledger.acknowledge(50));
    unit::check(!ledger.paused());
    unit::equal(ledger.in_flight(), 50);
}

// A read that was under way when the window closed is taken all the same.
void stays_paused_when_more_is_taken(void **) {
    ws::FlowLedger ledger(100);
    ledger.took(100);
    ledger.took(40);
    ledger.wrote(140);
    unit::check(ledger.paused());
    unit::check(ledger.acknowledge(89));
    unit::check(ledger.paused());
    unit::check(ledger.acknowledge(90));
    unit::check(!ledger.paused());
}

void does_not_pause_below_the_window(void **) {
    ws::FlowLedger ledger(100);
    for (std::uint64_t total = 90; total <= 900; total += 90) {
        ledger.took(90);
        ledger.wrote(90);
        unit::check(!ledger.paused());
        unit::check(ledger.acknowledge(total));
        unit::check(!ledger.paused());
    }
}

void never_pauses_without_a_window(void **) {
    ws::FlowLedger ledger;
    ledger.took(UINT64_MAX);
    unit::check(!ledger.paused());
}

void ignores_late_and_repeated_confirmations(void **) {
    ws::FlowLedger ledger(10);
    ledger.took(10);
    ledger.wrote(10);
    unit::check(ledger.acknowledge(8));
    unit::check(ledger.acknowledge(8));
    unit::check(ledger.acknowledge(3));
    unit::equal(ledger.acknowledged(), 8);
}

void believes_no_confirmation_of_what_was_not_written(void **) {
    ws::FlowLedger ledger(10);
    ledger.took(10);
    ledger.wrote(6);
    unit::check(!ledger.acknowledge(7));
    unit::equal(ledger.acknowledged(), 0);
    unit::check(ledger.paused());
    unit::check(ledger.acknowledge(6));
    unit::equal(ledger.acknowledged(), 6);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_nothing),
        cmocka_unit_test(owes_what_was_taken_and_not_written),
        cmocka_unit_test(counts_beyond_32_bits),
        cmocka_unit_test(pauses_at_the_window_and_resumes_at_half_of_it),
        cmocka_unit_test(stays_paused_when_more_is_taken),
        cmocka_unit_test(does_not_pause_below_the_window),
        cmocka_unit_test(never_pauses_without_a_window),
        cmocka_unit_test(ignores_late_and_repeated_confirmations),
        cmocka_unit_test(believes_no_confirmation_of_what_was_not_written),
    };
    return unit::run("flow_ledger", tests);
}
