#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/order.hpp"
#include "ngx_ws_filter/ws_life/phase.hpp"

using namespace std::string_view_literals;
using ws::Phase;

namespace {

// The table of docs/lifecycle.md: row by row, what may follow a phase.
constexpr std::string_view table[ws::phases] = {
    // connecting, open, half-closed, detached, delivering, closing, draining, over
    ".o.o.oo.",  // connecting
    "..ooooo.",  // open
    "...oooo.",  // half-closed
    "o.....o.",  // detached
    "...o.oo.",  // delivering
    "...o..oo",  // closing
    ".......o",  // draining
    "........",  // over
};

void leads_where_the_table_says_and_nowhere_else(void **) {
    for (unsigned from = 0; from < ws::phases; ++from) {
        for (unsigned to = 0; to < ws::phases; ++to) {
            unit::equal(ws::may_follow(static_cast<Phase>(from), static_cast<Phase>(to)),
                        table[from][to] == 'o');
        }
    }
}

void comes_back_only_by_way_of_detached(void **) {
    for (unsigned from = 0; from < ws::phases; ++from) {
        for (unsigned to = 0; to <= from; ++to) {
            const bool by_detached = from == static_cast<unsigned>(Phase::detached) ||
                                     to == static_cast<unsigned>(Phase::detached);
            unit::check(by_detached ||
                        !ws::may_follow(static_cast<Phase>(from), static_cast<Phase>(to)));
        }
    }
}

void names_each_phase_as_the_documentation_does(void **) {
    constexpr std::string_view names[] = {"connecting", "open",    "half-closed", "detached",
                                          "delivering", "closing", "draining",    "over"};
    for (unsigned i = 0; i < ws::phases; ++i) {
        unit::equal(name(static_cast<Phase>(i)), names[i]);
    }
}

void names_each_side(void **) {
    unit::equal(name(ws::Side::nobody), "nobody"sv);
    unit::equal(name(ws::Side::client), "client"sv);
    unit::equal(name(ws::Side::backend), "backend"sv);
    unit::equal(name(ws::Side::gateway), "gateway"sv);
}

void names_each_order(void **) {
    using ws::Order;
    unit::equal(name(Order::none), "none"sv);
    unit::equal(name(Order::write_due), "write what is due"sv);
    unit::equal(name(Order::write_last), "write the last"sv);
    unit::equal(name(Order::finish_backend), "finish backend"sv);
    unit::equal(name(Order::finish_client), "finish client"sv);
    unit::equal(name(Order::drop_client), "drop client"sv);
    unit::equal(name(Order::drop_backend), "drop backend"sv);
    unit::equal(name(Order::reset_backend), "reset backend"sv);
    unit::equal(name(Order::part), "part"sv);
    unit::equal(name(Order::end), "end"sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(leads_where_the_table_says_and_nowhere_else),
        cmocka_unit_test(comes_back_only_by_way_of_detached),
        cmocka_unit_test(names_each_phase_as_the_documentation_does),
        cmocka_unit_test(names_each_side),
        cmocka_unit_test(names_each_order),
    };
    return unit::run("ws_life/phase", tests);
}
