#include "t/unit/unit.hpp"

#include "t/unit/ws_status/boards.hpp"

#include "ngx_ws_filter/ws_steering/orders.hpp"

using ws::EndOrder;
using ws::Listener;
using ws::Orders;
using ws::Owner;

namespace {

constexpr Owner first{.pid = 10, .started = 1};
constexpr Owner second{.pid = 11, .started = 2};
constexpr Owner third{.pid = 12, .started = 3};

[[nodiscard]] EndOrder &give(Orders &orders, unit::Memory &memory, const Owner &asker = first,
                             std::uint64_t number = 7) {
    EndOrder *order =
        orders.give({.selection = {.number = number}, .code = 4001, .why = "why"}, asker, memory);
    unit::check(order != nullptr);
    unit::equal(memory.locks, 0);
    return *order;
}

void every_process_obeys_each_order_once(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    Listener *two = orders.join(second, 2, memory);
    EndOrder &order = give(orders, memory);
    unit::equal(orders.missing(order, memory), 2);
    for (Listener *listener : {one, two}) {
        EndOrder *found = orders.next(*listener, memory);
        unit::check(found == &order);
        unit::equal(found->code, 4001);
        unit::equal(found->why(), "why");
        unit::equal(found->selection.number, 7);
        Orders::obeyed(*listener, *found);
        unit::check(orders.next(*listener, memory) == nullptr);
    }
    unit::equal(orders.missing(order, memory), 0);
}

void orders_are_obeyed_as_they_were_given(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    EndOrder *given[] = {&give(orders, memory), &give(orders, memory), &give(orders, memory)};
    for (EndOrder *order : given) {
        unit::check(orders.next(*one, memory) == order);
        Orders::obeyed(*one, *order);
    }
    unit::check(orders.next(*one, memory) == nullptr);
}

void who_joins_later_has_nothing_to_obey(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    EndOrder &order = give(orders, memory);
    Listener *two = orders.join(second, 2, memory);
    unit::check(orders.next(*two, memory) == nullptr);
    Orders::obeyed(*one, order);
    unit::equal(orders.missing(order, memory), 0);
}

void who_is_gone_is_not_waited_for(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    Listener *two = orders.join(second, 2, memory);
    (void)orders.join(third, 3, memory);
    EndOrder &order = give(orders, memory);
    Orders::obeyed(*one, order);
    unit::equal(orders.missing(order, memory), 2);
    memory.dead = third;
    unit::equal(orders.missing(order, memory), 1);
    orders.leave(*two, memory);
    unit::equal(orders.missing(order, memory), 0);
}

void a_place_of_one_that_is_gone_is_taken(void **) {
    unit::Memory memory;
    Orders orders;
    const Listener *one = orders.join(first, 1, memory);
    (void)orders.join(second, 2, memory);
    memory.dead = first;
    Listener *three = orders.join(third, 3, memory);
    unit::check(three == one);
    unit::equal(three->address.get(), 3);
    unit::equal(three->owner().pid, third.pid);
}

void who_joins_again_keeps_its_place(void **) {
    unit::Memory memory;
    Orders orders;
    const Listener *one = orders.join(first, 1, memory);
    unit::check(orders.join(first, 5, memory) == one);
    unit::equal(one->address.get(), 5);
    std::size_t count = 0;
    for ([[maybe_unused]] const Listener &listener : orders.listeners()) {
        ++count;
    }
    unit::equal(count, 1);
}

void a_newer_order_in_the_memory_of_an_older_one_waits(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    EndOrder &oldest = give(orders, memory);
    EndOrder &older = give(orders, memory);
    Orders::obeyed(*one, oldest);
    orders.forget(oldest, memory);
    EndOrder &newest = give(orders, memory);
    unit::check(&newest == &oldest);
    unit::check(orders.next(*one, memory) == &older);
    Orders::obeyed(*one, older);
    unit::check(orders.next(*one, memory) == &newest);
}

void memory_of_an_order_is_used_again_when_all_is_done(void **) {
    unit::Memory memory;
    Orders orders;
    Listener *one = orders.join(first, 1, memory);
    EndOrder &order = give(orders, memory);
    EndOrder &next = give(orders, memory);
    unit::check(&order != &next);
    Orders::obeyed(*one, next);
    // Its asker still wants to read it.
    unit::check(&give(orders, memory) != &order);
    orders.forget(order, memory);
    order.ended.store(3, std::memory_order_relaxed);
    const EndOrder &again = give(orders, memory);
    unit::check(&again == &order);
    unit::equal(again.ended.load(std::memory_order_relaxed), 0);
}

void an_order_of_a_process_that_is_gone_is_still_obeyed(void **) {
    unit::Memory memory;
    Orders orders;
    (void)orders.join(first, 1, memory);
    const Listener *two = orders.join(second, 2, memory);
    const EndOrder &order = give(orders, memory);
    memory.dead = first;
    unit::check(&give(orders, memory, second) != &order);
    unit::check(orders.next(*two, memory) == &order);
}

void a_reason_that_is_too_long_is_cut(void **) {
    unit::Memory memory;
    Orders orders;
    std::array<char, 200> reason;
    reason.fill('a');
    const EndOrder *order = orders.give(
        {.selection = {}, .code = 4000, .why = {reason.data(), reason.size()}}, first, memory);
    unit::equal(order->why().size(), ws::max_close_reason);
}

void without_memory_there_are_neither_orders_nor_listeners(void **) {
    unit::Memory none(0);
    Orders orders;
    unit::check(orders.join(first, 1, none) == nullptr);
    unit::check(!orders.reserve(1, none));
    unit::check(orders.give({.selection = {}, .code = 4000, .why = {}}, first, none) == nullptr);
}

void what_is_reserved_is_there_later(void **) {
    unit::Memory memory(2 * 64 + 512);
    Orders orders;
    unit::check(!orders.reserve(100, memory));
    unit::check(memory.allocate(64) == nullptr);
    unit::check(orders.join(first, 1, memory) != nullptr);
    (void)give(orders, memory);

    unit::Memory enough;
    Orders plenty;
    unit::check(plenty.reserve(2, enough));
}

void a_selection_takes_what_has_all_of_it(void **) {
    const ws::SessionKey ada = ws::session_key("ada").value();
    const ws::SessionKey bob = ws::session_key("bob").value();
    const ws::ZoneName zone{};
    const ws::Selection session = {.key = ada, .zone = &zone, .number = 7};
    unit::check(ws::Selection{.key = ada}.takes(session));
    unit::check(ws::Selection{.zone = &zone}.takes(session));
    unit::check(ws::Selection{.number = 7}.takes(session));
    unit::check(ws::Selection{.key = ada, .zone = &zone, .number = 7}.takes(session));
    unit::check(!ws::Selection{.key = bob}.takes(session));
    unit::check(!ws::Selection{.key = ada, .number = 8}.takes(session));
    unit::check(!ws::Selection{.key = ada, .zone = &zone}.takes({.key = ada}));
    unit::check(!ws::Selection{.key = ada}.takes({.zone = &zone, .number = 7}));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_process_obeys_each_order_once),
        cmocka_unit_test(orders_are_obeyed_as_they_were_given),
        cmocka_unit_test(who_joins_later_has_nothing_to_obey),
        cmocka_unit_test(who_is_gone_is_not_waited_for),
        cmocka_unit_test(a_place_of_one_that_is_gone_is_taken),
        cmocka_unit_test(who_joins_again_keeps_its_place),
        cmocka_unit_test(a_newer_order_in_the_memory_of_an_older_one_waits),
        cmocka_unit_test(memory_of_an_order_is_used_again_when_all_is_done),
        cmocka_unit_test(an_order_of_a_process_that_is_gone_is_still_obeyed),
        cmocka_unit_test(a_reason_that_is_too_long_is_cut),
        cmocka_unit_test(without_memory_there_are_neither_orders_nor_listeners),
        cmocka_unit_test(what_is_reserved_is_there_later),
        cmocka_unit_test(a_selection_takes_what_has_all_of_it),
    };
    return unit::run("ws_steering/orders", tests);
}
