// Where the processes of a gateway write down what they count and which sessions they have: one
// memory for all of them, in which each has places that it alone writes to.
//
// A process takes a seat. Who comes to a seat whose process is gone goes on with its counters, and
// clears what was true only while that one lived. Readers take no lock, since lists only grow.
#pragma once

#include "ngx_ws_filter/ws_status/counters.hpp"
#include "ngx_ws_filter/ws_status/entry.hpp"
#include "ngx_ws_filter/ws_status/growing_list.hpp"

namespace ws {

// A process, told from an earlier one of the same number by the time of its start.
struct Owner {
    friend bool operator==(const Owner &a, const Owner &b) noexcept {
        return a.pid == b.pid && a.started == b.started;
    }

    std::uint64_t pid = 0;  // 0: nobody
    std::uint64_t started = 0;
};

// What the board needs of the memory that it lives in, and of the system. See Endpoint for the
// functions' bodies.
class BoardHost {
public:
    virtual void lock() noexcept {}
    virtual void unlock() noexcept {}
    // Aligned for cache lines, and never given back; null if there is no more. Called while locked.
    [[nodiscard]] virtual void *allocate(std::size_t) noexcept { return nullptr; }
    [[nodiscard]] virtual bool lives(const Owner &) const noexcept { return true; }

protected:
    BoardHost() = default;
    ~BoardHost() = default;
};

// For as long as it exists.
class Locked {
public:
    explicit Locked(BoardHost &host) noexcept : host_(&host) { host.lock(); }
    ~Locked() { host_->unlock(); }
    Locked(const Locked &) = delete;
    Locked &operator=(const Locked &) = delete;

private:
    BoardHost *host_;
};

struct ZoneName {
    static constexpr std::size_t max_size = 127;

    [[nodiscard]] std::string_view text() const noexcept { return {characters.data(), size}; }

    std::atomic<ZoneName *> next;
    std::size_t number;  // from 0, in the order in which they came
    std::size_t size;
    std::array<char, max_size> characters;
};

struct Seat;

// Some entries of the list of sessions, in the use of one seat, or free.
struct Shelf {
    static constexpr std::size_t places = 10;

    struct Place {
        Entry entry;
        Shelf *shelf;
        bool taken;
    };

    std::atomic<Shelf *> next;
    std::atomic<Seat *> seat;
    // For the process that sits there.
    std::size_t taken;
    Shelf *next_with_room;
    Shelf *previous_with_room;
    std::array<Place, places> entries;
};

// The counters of one seat and zone.
struct Block {
    std::atomic<Block *> next;
    const ZoneName *zone;  // null: those of Family::of_worker
    Counters counters;
};

struct Seat {
    [[nodiscard]] Owner owner() const noexcept { return {pid.get(), started.get()}; }

    std::atomic<Seat *> next;
    Counter pid;
    Counter started;
    Counter generation;
    GrowingList<Block> blocks;
};

class Board {
public:
    // Each configuration that is put to use makes those who sit down afterwards a new generation.
    void begin_generation() noexcept { generation_.add(1); }

    // The name as the board keeps it, cut to ZoneName::max_size; null if there is no memory.
    [[nodiscard]] const ZoneName *zone(std::string_view name, BoardHost &host) noexcept;

    // The seat of a process; null if there is no memory for another one.
    [[nodiscard]] Seat *sit(const Owner &owner, BoardHost &host) noexcept;
    // The process leaves, and what it was counting stays.
    void leave(Seat &seat, BoardHost &host) noexcept;

    // Those of a seat for a zone, made when they are asked for first; null if there is no memory.
    [[nodiscard]] Counters *counters(Seat &seat, const ZoneName *zone, BoardHost &host) noexcept;

    // A shelf that is empty, for this seat; null if there is no memory.
    [[nodiscard]] Shelf *take_shelf(Seat &seat, BoardHost &host) noexcept;
    void give_back(Shelf &shelf, BoardHost &host) noexcept;

    // What another board has counted is taken over, with its zones. False if there is no memory.
    [[nodiscard]] bool adopt(const Board &other, BoardHost &host) noexcept;

    // Somebody looks at the list, at this time of a clock that all processes have: what costs a
    // question is asked only for a while after that.
    void note_look(Millis now) noexcept { looked_at_.set(now); }
    [[nodiscard]] bool is_looked_at(Millis now) const noexcept {
        constexpr Millis a_while = 10000;
        const Millis at = looked_at_.get();
        return at != 0 && now < at + a_while;
    }

    // --- for readers

    [[nodiscard]] const GrowingList<ZoneName> &zones() const noexcept { return zones_; }
    [[nodiscard]] std::size_t zone_count() const noexcept { return zone_count_.get(); }
    // Adds up what was counted; `zones` by their numbers, zone_count() or fewer.
    void sum(std::span<Sums> zones, Sums &workers, const BoardHost &host) const noexcept;
    // Calls take(entry) for each entry that a living process has.
    template <typename Take>
    void each_entry(const BoardHost &host, Take take) const noexcept;

private:
    template <typename T>
    [[nodiscard]] static T *make(BoardHost &host) noexcept;
    [[nodiscard]] ZoneName *find_zone(std::string_view name) const noexcept;
    [[nodiscard]] static bool is_taken(const Seat &seat, const BoardHost &host) noexcept {
        const Owner owner = seat.owner();
        return owner.pid != 0 && host.lives(owner);
    }
    [[nodiscard]] Seat *find_seat(const Owner &owner, const BoardHost &host) const noexcept;
    void clear(Seat &seat) noexcept;

    GrowingList<ZoneName> zones_;
    GrowingList<Seat> seats_;
    GrowingList<Shelf> shelves_;
    Counter zone_count_;
    Counter generation_;
    Counter looked_at_;
};

template <typename Take>
void Board::each_entry(const BoardHost &host, Take take) const noexcept {
    for (const Seat &seat : seats_) {
        if (!is_taken(seat, host)) {
            continue;
        }
        for (const Shelf &shelf : shelves_) {
            if (shelf.seat.load(std::memory_order_acquire) != &seat) {
                continue;
            }
            for (const Shelf::Place &place : shelf.entries) {
                take(place.entry);
            }
        }
    }
}

}  // namespace ws
