#include "t/unit/unit.hpp"

#include "t/unit/ws_status/boards.hpp"

#include "ngx_ws_filter/ws_steering/quota.hpp"

using ws::Owner;
using ws::Quota;
using Verdict = Quota::Verdict;

namespace {

constexpr Owner first{.pid = 10, .started = 1};
constexpr Owner second{.pid = 11, .started = 2};

[[nodiscard]] ws::SessionKey key(std::string_view text) {
    return ws::session_key(text).value();
}

struct Wished {
    std::string_view key = "ada";
    Owner owner = first;
    void *holder = nullptr;
    std::size_t most = 1;
    bool displaces = false;
    const ws::ZoneName *zone = nullptr;
};

[[nodiscard]] Quota::Answer take(Quota &quota, unit::Memory &memory, const Wished &wished = {}) {
    const Quota::Answer answer = quota.take({.place = {key(wished.key), wished.zone},
                                             .owner = wished.owner,
                                             .holder = wished.holder,
                                             .most = wished.most,
                                             .displaces = wished.displaces},
                                            memory);
    unit::equal(memory.locks, 0);
    return answer;
}

void keys_are_told_apart_and_known_again(void **) {
    unit::check(key("ada") == key("ada"));
    unit::check(!(key("ada") == key("bob")));
    unit::check(key("").empty());
    unit::check(!key("ada").empty());
    const ws::ZoneName zone{};
    unit::check(ws::ZonedKey{key("ada"), &zone} == ws::ZonedKey{key("ada"), &zone});
    unit::check(ws::ZonedKey{key("ada"), &zone} != ws::ZonedKey{key("bob"), &zone});
    unit::check(ws::ZonedKey{key("ada"), &zone} != ws::ZonedKey{key("ada"), nullptr});
}

void counts_sessions_of_one_key_over_all_processes(void **) {
    unit::Memory memory;
    Quota quota;
    unit::equal(take(quota, memory, {.most = 2}).verdict, Verdict::granted);
    unit::equal(take(quota, memory, {.owner = second, .most = 2}).verdict, Verdict::granted);
    unit::equal(take(quota, memory, {.most = 2}).verdict, Verdict::full);
    unit::equal(take(quota, memory, {.key = "bob", .most = 2}).verdict, Verdict::granted);
}

void a_key_counts_in_each_zone_for_itself(void **) {
    unit::Memory memory;
    Quota quota;
    const ws::ZoneName zone{};
    unit::equal(take(quota, memory).verdict, Verdict::granted);
    unit::equal(take(quota, memory, {.zone = &zone}).verdict, Verdict::granted);
    unit::equal(take(quota, memory, {.zone = &zone}).verdict, Verdict::full);
}

void a_place_that_is_given_back_is_free(void **) {
    unit::Memory memory;
    Quota quota;
    // More often than there is memory for.
    for (int i = 0; i < 5000; ++i) {
        const Quota::Answer answer = take(quota, memory);
        unit::equal(answer.verdict, Verdict::granted);
        quota.give_back(*answer.ticket, memory);
    }
    unit::equal(memory.locks, 0);
}

void a_process_that_is_gone_holds_no_place(void **) {
    unit::Memory memory;
    Quota quota;
    unit::equal(take(quota, memory).verdict, Verdict::granted);
    memory.dead = first;
    unit::equal(take(quota, memory, {.owner = second}).verdict, Verdict::granted);
    unit::equal(take(quota, memory, {.owner = second}).verdict, Verdict::full);
}

void what_dead_processes_held_can_be_used_again(void **) {
    unit::Memory memory(4096 + 4096);  // the buckets, and fifty places
    Quota quota;
    for (int i = 0; i < 50; ++i) {
        unit::equal(take(quota, memory, {.most = 100}).verdict, Verdict::granted);
    }
    unit::equal(take(quota, memory, {.key = "bob"}).verdict, Verdict::no_memory);
    memory.dead = first;
    quota.sweep(memory);
    for (int i = 0; i < 50; ++i) {
        unit::equal(take(quota, memory, {.owner = second, .most = 100}).verdict, Verdict::granted);
    }
}

void without_memory_nobody_is_let_in(void **) {
    unit::Memory none(0);
    Quota quota;
    quota.sweep(none);
    unit::equal(take(quota, none).verdict, Verdict::no_memory);
}

void the_oldest_is_displaced_and_told_to_its_owner_once(void **) {
    unit::Memory memory;
    Quota quota;
    int oldest = 0;
    int newer = 0;
    int newest = 0;
    (void)take(quota, memory, {.holder = &oldest, .most = 2});
    (void)take(quota, memory, {.owner = second, .holder = &newer, .most = 2});
    const Quota::Answer answer =
        take(quota, memory, {.owner = second, .holder = &newest, .most = 2, .displaces = true});
    unit::equal(answer.verdict, Verdict::granted);
    unit::check(answer.displaced);
    std::size_t told = 0;
    quota.each_displaced_owner(memory, [&](const Owner &owner) {
        unit::equal(owner.pid, first.pid);
        ++told;
    });
    unit::equal(told, 1);
    unit::check(quota.next_displaced(second, memory) == nullptr);
    unit::check(quota.next_displaced(first, memory) == &oldest);
    unit::check(quota.next_displaced(first, memory) == nullptr);
}

void as_many_are_displaced_as_are_too_many(void **) {
    unit::Memory memory;
    Quota quota;
    std::array<int, 3> holders{};
    for (int &holder : holders) {
        (void)take(quota, memory, {.holder = &holder, .most = 3});
    }
    (void)take(quota, memory, {.most = 1, .displaces = true});
    std::size_t told = 0;
    while (quota.next_displaced(first, memory) != nullptr) {
        ++told;
    }
    unit::equal(told, holders.size());
}

void one_that_has_ended_by_itself_is_not_told(void **) {
    unit::Memory memory;
    Quota quota;
    int holder = 0;
    const Quota::Answer old = take(quota, memory, {.holder = &holder});
    (void)take(quota, memory, {.displaces = true});
    (void)take(quota, memory, {.key = "bob"});
    quota.give_back(*old.ticket, memory);
    unit::check(quota.next_displaced(first, memory) == nullptr);
}

void those_that_are_displaced_may_end_in_any_order(void **) {
    unit::Memory memory;
    Quota quota;
    std::array<int, 3> holders{};
    std::array<ws::Ticket *, 3> tickets{};
    for (std::size_t i = 0; i < tickets.size(); ++i) {
        tickets[i] = take(quota, memory, {.holder = &holders[i], .most = 3}).ticket;
    }
    (void)take(quota, memory, {.most = 1, .displaces = true});
    quota.give_back(*tickets[0], memory);  // the first that was displaced, and so the last in line
    void *told = quota.next_displaced(first, memory);
    unit::check(told == &holders[2]);
    quota.give_back(*tickets[2], memory);
    unit::check(quota.next_displaced(first, memory) == &holders[1]);
    unit::check(quota.next_displaced(first, memory) == nullptr);
}

void a_process_with_the_number_of_one_that_is_gone_is_another(void **) {
    unit::Memory memory;
    Quota quota;
    int holder = 0;
    (void)take(quota, memory, {.holder = &holder});
    (void)take(quota, memory, {.owner = second, .displaces = true});
    unit::check(quota.next_displaced({.pid = first.pid, .started = 9}, memory) == nullptr);
    unit::check(quota.next_displaced(first, memory) == &holder);
}

void of_a_process_that_is_gone_nothing_is_told(void **) {
    unit::Memory memory;
    Quota quota;
    int holder = 0;
    (void)take(quota, memory, {.holder = &holder});
    (void)take(quota, memory, {.owner = second, .displaces = true});
    memory.dead = first;
    quota.sweep(memory);
    unit::check(quota.next_displaced(first, memory) == nullptr);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_told_apart_and_known_again),
        cmocka_unit_test(counts_sessions_of_one_key_over_all_processes),
        cmocka_unit_test(a_key_counts_in_each_zone_for_itself),
        cmocka_unit_test(a_place_that_is_given_back_is_free),
        cmocka_unit_test(a_process_that_is_gone_holds_no_place),
        cmocka_unit_test(what_dead_processes_held_can_be_used_again),
        cmocka_unit_test(without_memory_nobody_is_let_in),
        cmocka_unit_test(the_oldest_is_displaced_and_told_to_its_owner_once),
        cmocka_unit_test(as_many_are_displaced_as_are_too_many),
        cmocka_unit_test(one_that_has_ended_by_itself_is_not_told),
        cmocka_unit_test(those_that_are_displaced_may_end_in_any_order),
        cmocka_unit_test(a_process_with_the_number_of_one_that_is_gone_is_another),
        cmocka_unit_test(of_a_process_that_is_gone_nothing_is_told),
    };
    return unit::run("ws_steering/quota", tests);
}
