#include "t/unit/unit.hpp"

#include "ngx_ws_filter/flow_ledger.hpp"

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

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_nothing),
        cmocka_unit_test(owes_what_was_taken_and_not_written),
        cmocka_unit_test(counts_beyond_32_bits),
    };
    return unit::run("flow_ledger", tests);
}
