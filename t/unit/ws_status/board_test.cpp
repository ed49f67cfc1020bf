#include "t/unit/unit.hpp"

#include "t/unit/ws_status/boards.hpp"

#include "ngx_ws_filter/ws_status/places.hpp"

using ws::Board;
using ws::Metric;
using ws::Owner;
using ws::Seat;

namespace {

constexpr Owner first{.pid = 10, .started = 1};
constexpr Owner second{.pid = 11, .started = 2};

// What the board tells of the first zone.
[[nodiscard]] std::uint64_t told(const Board &board, const unit::Memory &memory, Metric metric,
                                 std::size_t label = 0) {
    ws::Sums zone;
    ws::Sums workers;
    board.sum({&zone, 1}, workers, memory);
    const ws::Family &family = ws::family(metric);
    return (family.of_worker ? workers : zone).at(family, label);
}

[[nodiscard]] std::size_t entries(const Board &board, const unit::Memory &memory) {
    std::size_t count = 0;
    board.each_entry(memory,
                     [&](const ws::Entry &entry) { count += entry.number() != 0 ? 1U : 0U; });
    return count;
}

[[nodiscard]] ws::Listed session(std::uint64_t number) {
    return {.number = number,
            .begun_at = 0,
            .worker = 10,
            .zone = "z",
            .client = "c",
            .location = "/",
            .upstream = "u",
            .subprotocol = {}};
}

void sums_all_seats(void **) {
    unit::Memory memory;
    Board board;
    const ws::ZoneName *zone = board.zone("z", memory);
    for (const Owner &owner : {first, second}) {
        Seat *seat = board.sit(owner, memory);
        board.counters(*seat, zone, memory)->raise(Metric::sessions);
        board.counters(*seat, zone, memory)->count(Metric::pings);
    }
    unit::equal(told(board, memory, Metric::sessions), 2);
    unit::equal(told(board, memory, Metric::pings), 2);
    unit::equal(memory.locks, 0);
}

void keeps_zones_apart_and_knows_them_again(void **) {
    unit::Memory memory;
    Board board;
    const ws::ZoneName *a = board.zone("a", memory);
    const ws::ZoneName *b = board.zone("b", memory);
    unit::check(a != b && board.zone("a", memory) == a);
    unit::equal(board.zone_count(), 2);
    std::size_t listed = 0;
    for (const ws::ZoneName &zone : board.zones()) {
        listed += &zone == a || &zone == b ? 1U : 0U;
    }
    unit::equal(listed, 2);
    Seat *seat = board.sit(first, memory);
    board.counters(*seat, b, memory)->count(Metric::pings);
    unit::equal(told(board, memory, Metric::pings), 0);
}

void a_name_that_is_too_long_is_cut_once(void **) {
    unit::Memory memory;
    Board board;
    std::array<char, 300> name;
    name.fill('n');
    const ws::ZoneName *zone = board.zone({name.data(), 300}, memory);
    unit::equal(zone->text().size(), ws::ZoneName::max_size);
    unit::check(board.zone({name.data(), 299}, memory) == zone);
}

void a_process_that_is_gone_leaves_its_counts_and_no_sessions(void **) {
    unit::Memory memory;
    Board board;
    const ws::ZoneName *zone = board.zone("z", memory);
    Seat *seat = board.sit(first, memory);
    board.counters(*seat, zone, memory)->raise(Metric::sessions);
    board.counters(*seat, zone, memory)->count(Metric::pings);
    ws::Places places(board, *seat, memory);
    places.take()->entry.open(session(1));
    unit::equal(entries(board, memory), 1);

    memory.dead = first;
    unit::equal(told(board, memory, Metric::sessions), 0);
    unit::equal(told(board, memory, Metric::pings), 1);
    unit::equal(told(board, memory, Metric::workers), 0);
    unit::equal(entries(board, memory), 0);
}

void who_takes_a_seat_over_goes_on_with_its_counts(void **) {
    unit::Memory memory;
    Board board;
    const ws::ZoneName *zone = board.zone("z", memory);
    Seat *seat = board.sit(first, memory);
    ws::Counters *counters = board.counters(*seat, zone, memory);
    counters->raise(Metric::sessions);
    counters->count(Metric::pings);
    ws::Places places(board, *seat, memory);
    places.take()->entry.open(session(1));

    memory.dead = first;
    Seat *again = board.sit(second, memory);
    unit::check(again == seat);
    unit::check(board.counters(*again, zone, memory) == counters);
    counters->count(Metric::pings);
    unit::equal(told(board, memory, Metric::sessions), 0);
    unit::equal(told(board, memory, Metric::pings), 2);
    unit::equal(entries(board, memory), 0);
    unit::check(board.take_shelf(*again, memory) != nullptr);
    unit::equal(told(board, memory, Metric::workers), 1);
}

void a_process_with_the_number_of_one_that_is_gone_takes_its_seat(void **) {
    unit::Memory memory;
    Board board;
    Seat *seat = board.sit(first, memory);
    unit::check(board.sit({.pid = first.pid, .started = 9}, memory) == seat);
    unit::equal(told(board, memory, Metric::workers), 1);
}

void two_who_live_do_not_share_a_seat(void **) {
    unit::Memory memory;
    Board board;
    Seat *old = board.sit(first, memory);
    board.begin_generation();
    Seat *young = board.sit(second, memory);
    unit::check(old != young);
    unit::equal(told(board, memory, Metric::workers, 0), 1);
    unit::equal(told(board, memory, Metric::workers, 1), 1);
    board.leave(*old, memory);
    unit::equal(told(board, memory, Metric::workers, 1), 0);
    unit::check(board.sit(first, memory) == old);
}

void without_memory_nothing_is_made_and_what_is_there_stays(void **) {
    unit::Memory memory(sizeof(Board) + 256 + sizeof(ws::Block));
    Board board;
    const ws::ZoneName *zone = board.zone("z", memory);
    Seat *seat = board.sit(first, memory);
    while (board.zone_count() < 100) {
        std::array<char, 2> name{'a', static_cast<char>('0' + board.zone_count())};
        if (board.zone({name.data(), 2}, memory) == nullptr) {
            break;
        }
    }
    unit::check(board.zone_count() < 100);
    unit::check(board.counters(*seat, zone, memory) == nullptr);
    unit::check(board.take_shelf(*seat, memory) == nullptr);
    unit::check(board.zone("z", memory) == zone);
    unit::equal(memory.locks, 0);
}

void places_are_used_again_and_empty_shelves_given_back(void **) {
    unit::Memory memory;
    Board board;
    Seat *mine = board.sit(first, memory);
    Seat *yours = board.sit(second, memory);
    ws::Places places(board, *mine, memory);
    std::array<ws::Shelf::Place *, 3 * ws::Shelf::places> taken;
    for (std::size_t i = 0; i < taken.size(); ++i) {
        taken[i] = places.take();
        taken[i]->entry.open(session(i + 1));
    }
    unit::equal(entries(board, memory), taken.size());
    for (ws::Shelf::Place *place : taken) {
        places.give_back(*place);
    }
    unit::equal(entries(board, memory), 0);

    // One shelf is kept, and two are anybody's.
    ws::Places others(board, *yours, memory);
    for (std::size_t i = 0; i < 2 * ws::Shelf::places; ++i) {
        ws::Shelf::Place *place = others.take();
        unit::check(place->shelf == taken[0]->shelf || place->shelf == taken[10]->shelf ||
                    place->shelf == taken[20]->shelf);
    }
    ws::Shelf::Place *kept = places.take();
    unit::check(kept->shelf->seat.load() == mine);
}

void shelves_come_back_in_any_order(void **) {
    unit::Memory memory;
    Board board;
    Seat *mine = board.sit(first, memory);
    Seat *yours = board.sit(second, memory);
    ws::Places places(board, *mine, memory);
    ws::Places others(board, *yours, memory);
    unit::check(others.take() != nullptr);
    std::array<ws::Shelf::Place *, 3 * ws::Shelf::places> taken;
    for (ws::Shelf::Place *&place : taken) {
        place = places.take();
        unit::check(place->shelf->seat.load() == mine);
    }
    // Each has room again, and the one in the middle is the first to be empty.
    for (const std::size_t i : {0U, 10U, 20U}) {
        places.give_back(*taken[i]);
    }
    for (std::size_t i = 11; i < 20; ++i) {
        places.give_back(*taken[i]);
    }
    unit::check(taken[10]->shelf->seat.load() == nullptr);
    for (std::size_t i = 1; i < 10; ++i) {
        places.give_back(*taken[i]);
    }
    unit::check(places.take()->shelf == taken[20]->shelf);
    board.leave(*mine, memory);
    unit::check(others.take()->shelf->seat.load() == yours);
}

void without_memory_there_is_no_place(void **) {
    unit::Memory memory(sizeof(Seat) + 64);
    Board board;
    ws::Places places(board, *board.sit(first, memory), memory);
    unit::check(places.take() == nullptr);
    unit::equal(memory.locks, 0);
}

void a_full_shelf_with_room_again_is_used_first(void **) {
    unit::Memory memory;
    Board board;
    Seat *seat = board.sit(first, memory);
    ws::Places places(board, *seat, memory);
    std::array<ws::Shelf::Place *, ws::Shelf::places> full;
    for (ws::Shelf::Place *&place : full) {
        place = places.take();
    }
    ws::Shelf::Place *next = places.take();
    unit::check(next->shelf != full[0]->shelf);
    places.give_back(*full[3]);
    unit::check(places.take() == full[3]);
    places.give_back(*next);
    unit::check(places.take() != nullptr);
}

void a_board_of_another_size_adopts_the_counts(void **) {
    unit::Memory old_memory;
    Board old;
    const ws::ZoneName *zone = old.zone("z", old_memory);
    for (const Owner &owner : {first, second}) {
        Seat *seat = old.sit(owner, old_memory);
        old.counters(*seat, zone, old_memory)->count(Metric::pings);
        old.counters(*seat, zone, old_memory)->raise(Metric::sessions);
        old.counters(*seat, nullptr, old_memory)->count(Metric::unlisted_sessions);
    }
    unit::Memory memory;
    Board board;
    unit::check(board.adopt(old, memory));
    unit::equal(told(board, memory, Metric::pings), 2);
    unit::equal(told(board, memory, Metric::sessions), 0);
    unit::equal(told(board, memory, Metric::unlisted_sessions), 2);
    unit::equal(told(board, memory, Metric::workers), 0);

    // No seat, no counters of the worker, no name of the zone.
    for (const std::size_t size :
         {std::size_t{0}, sizeof(Seat) + 64, sizeof(Seat) + sizeof(ws::Block) + 128}) {
        unit::Memory small(size);
        Board none;
        unit::check(!none.adopt(old, small));
        unit::equal(small.locks, 0);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sums_all_seats),
        cmocka_unit_test(keeps_zones_apart_and_knows_them_again),
        cmocka_unit_test(a_name_that_is_too_long_is_cut_once),
        cmocka_unit_test(a_process_that_is_gone_leaves_its_counts_and_no_sessions),
        cmocka_unit_test(who_takes_a_seat_over_goes_on_with_its_counts),
        cmocka_unit_test(a_process_with_the_number_of_one_that_is_gone_takes_its_seat),
        cmocka_unit_test(two_who_live_do_not_share_a_seat),
        cmocka_unit_test(without_memory_nothing_is_made_and_what_is_there_stays),
        cmocka_unit_test(places_are_used_again_and_empty_shelves_given_back),
        cmocka_unit_test(shelves_come_back_in_any_order),
        cmocka_unit_test(without_memory_there_is_no_place),
        cmocka_unit_test(a_full_shelf_with_room_again_is_used_first),
        cmocka_unit_test(a_board_of_another_size_adopts_the_counts),
    };
    return unit::run("board", tests);
}
