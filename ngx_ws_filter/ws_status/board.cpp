#include "ngx_ws_filter/ws_status/board.hpp"

#include <algorithm>
#include <new>

namespace ws {
template <typename T>
T *Board::make(BoardHost &host) noexcept {
    void *memory = host.allocate(sizeof(T));
    return memory == nullptr ? nullptr : new (memory) T{};
}

ZoneName *Board::find_zone(std::string_view name) const noexcept {
    for (ZoneName &zone : zones_) {
        if (zone.text() == name) {
            return &zone;
        }
    }
    return nullptr;
}

const ZoneName *Board::zone(std::string_view name, BoardHost &host) noexcept {
    const Locked locked(host);
    const std::size_t size = std::min(name.size(), ZoneName::max_size);
    ZoneName *zone = find_zone({name.data(), size});
    if (zone != nullptr) {
        return zone;
    }
    zone = make<ZoneName>(host);
    if (zone == nullptr) {
        return nullptr;
    }
    zone->number = zone_count_.get();
    zone->size = size;
    std::copy_n(name.begin(), size, zone->characters.begin());
    zones_.add(*zone);
    zone_count_.add(1);
    return zone;
}

// One that is free, or whose process is gone: the owner itself, if it has the number of an earlier
// one, included.
Seat *Board::find_seat(const Owner &owner, const BoardHost &host) const noexcept {
    for (Seat &seat : seats_) {
        if (seat.pid.get() == owner.pid || !is_taken(seat, host)) {
            return &seat;
        }
    }
    return nullptr;
}

Seat *Board::sit(const Owner &owner, BoardHost &host) noexcept {
    const Locked locked(host);
    Seat *seat = find_seat(owner, host);
    if (seat != nullptr) {
        clear(*seat);
    } else {
        seat = make<Seat>(host);
        if (seat == nullptr) {
            return nullptr;
        }
        seats_.add(*seat);
    }
    seat->generation.set(generation_.get());
    seat->started.set(owner.started);
    seat->pid.set(owner.pid);
    return seat;
}

void Board::leave(Seat &seat, BoardHost &host) noexcept {
    const Locked locked(host);
    clear(seat);
    seat.pid.set(0);
}

void Board::clear(Seat &seat) noexcept {
    for (Block &block : seat.blocks) {
        block.counters.clear_gauges();
    }
    for (Shelf &shelf : shelves_) {
        if (shelf.seat.load(std::memory_order_relaxed) == &seat) {
            for (Shelf::Place &place : shelf.entries) {
                place.entry.close();
                place.taken = false;
            }
            shelf.taken = 0;
            shelf.seat.store(nullptr, std::memory_order_release);
        }
    }
}

Counters *Board::counters(Seat &seat, const ZoneName *zone, BoardHost &host) noexcept {
    for (Block &block : seat.blocks) {
        if (block.zone == zone) {
            return &block.counters;
        }
    }
    const Locked locked(host);
    auto *block = make<Block>(host);
    if (block == nullptr) {
        return nullptr;
    }
    block->zone = zone;
    seat.blocks.add(*block);
    return &block->counters;
}

Shelf *Board::take_shelf(Seat &seat, BoardHost &host) noexcept {
    const Locked locked(host);
    for (Shelf &shelf : shelves_) {
        if (shelf.seat.load(std::memory_order_relaxed) == nullptr) {
            shelf.seat.store(&seat, std::memory_order_release);
            return &shelf;
        }
    }
    auto *shelf = make<Shelf>(host);
    if (shelf != nullptr) {
        for (Shelf::Place &place : shelf->entries) {
            place.shelf = shelf;
        }
        shelf->seat.store(&seat, std::memory_order_relaxed);
        shelves_.add(*shelf);
    }
    return shelf;
}

void Board::give_back(Shelf &shelf, BoardHost &host) noexcept {
    const Locked locked(host);
    shelf.seat.store(nullptr, std::memory_order_release);
}

bool Board::adopt(const Board &other, BoardHost &host) noexcept {
    Seat *seat = sit({}, host);
    if (seat == nullptr) {
        return false;
    }
    generation_.set(other.generation_.get());
    for (const Seat &from : other.seats_) {
        for (const Block &block : from.blocks) {
            const ZoneName *name = block.zone == nullptr ? nullptr : zone(block.zone->text(), host);
            Counters *to =
                block.zone != nullptr && name == nullptr ? nullptr : counters(*seat, name, host);
            if (to == nullptr) {
                return false;
            }
            to->adopt(block.counters);
        }
    }
    return true;
}

void Board::sum(std::span<Sums> zones, Sums &workers, const BoardHost &host) const noexcept {
    for (const Seat &seat : seats_) {
        const bool lives = is_taken(seat, host);
        if (lives) {
            const bool old = seat.generation.get() != generation_.get();
            workers.add(family(Metric::workers), old ? 1 : 0, 1);
        }
        for (const Block &block : seat.blocks) {
            if (block.zone == nullptr) {
                block.counters.add_to(workers, lives);
            } else if (block.zone->number < zones.size()) {
                block.counters.add_to(zones[block.zone->number], lives);
            }
        }
    }
}

}  // namespace ws
