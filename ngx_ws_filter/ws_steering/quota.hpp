// How many sessions one key has, in all processes of a gateway, and which of them are to end for a
// newer one. It lies in the same memory as the board.
#pragma once

#include "ngx_ws_filter/ws_status/board.hpp"
#include "ngx_ws_filter/ws_steering/session_key.hpp"

namespace ws {

// A key means something within one status zone only.
struct ZonedKey {
    friend bool operator==(const ZonedKey &a, const ZonedKey &b) noexcept {
        return a.key == b.key && a.zone == b.zone;
    }

    SessionKey key;
    const ZoneName *zone;
};

// One session that counts. Of a process that is gone it does not.
struct Ticket {
    std::atomic<Ticket *> next;  // in its bucket, or among those that are free
    ZonedKey place;
    Owner owner;
    void *holder;  // means something to the owner
    Ticket *next_displaced;
    bool displaced;  // it is to end, and counts no more
};

class Quota {
public:
    struct Wish {
        ZonedKey place;
        Owner owner;
        void *holder;
        std::size_t most;  // sessions of this place, 1 or more
        bool displaces;    // the oldest ones end instead
    };
    enum class Verdict : std::uint8_t { granted, full, no_memory };
    struct Answer {
        Verdict verdict;
        Ticket *ticket = nullptr;
        bool displaced = false;  // others are to end: each owner asks for its own
    };

    // Takes a place, whatever others do at the same moment.
    [[nodiscard]] Answer take(const Wish &wish, BoardHost &host) noexcept;
    void give_back(Ticket &ticket, BoardHost &host) noexcept;

    // The holder of one of the owner's sessions that are to end, each once; null: no more.
    [[nodiscard]] void *next_displaced(const Owner &owner, BoardHost &host) noexcept;
    // Calls tell(owner) for each session that is to end, more than once for some.
    template <typename Tell>
    void each_displaced_owner(BoardHost &host, Tell tell) const noexcept;

    // Tickets of processes that are gone are free again.
    void sweep(BoardHost &host) noexcept;

private:
    static constexpr std::size_t bucket_count = 512;
    using Buckets = std::array<std::atomic<Ticket *>, bucket_count>;
    // So many are made at once: a page.
    using Sheet = std::array<Ticket, 50>;
    static_assert(sizeof(Sheet) <= 4096);

    [[nodiscard]] std::atomic<Ticket *> &bucket_of(const SessionKey &key) const noexcept {
        return (*buckets_.load(std::memory_order_relaxed))[key.words[0] % bucket_count];
    }
    [[nodiscard]] bool make_buckets(BoardHost &host) noexcept;
    struct Standing {
        std::size_t count = 0;
        Ticket *oldest = nullptr;
    };
    [[nodiscard]] Standing look(const ZonedKey &place) const noexcept;
    void drop_dead(std::atomic<Ticket *> &bucket, const BoardHost &host) noexcept;
    [[nodiscard]] Ticket *find_free(BoardHost &host) noexcept;
    void make_free(Ticket &ticket) noexcept;
    void remove(Ticket &ticket) noexcept;
    void displace(Ticket &ticket) noexcept;
    void forget_displaced(const Ticket &ticket) noexcept;

    std::atomic<Buckets *> buckets_{nullptr};
    std::atomic<Ticket *> free_{nullptr};
    Ticket *displaced_ = nullptr;
};

template <typename Tell>
void Quota::each_displaced_owner(BoardHost &host, Tell tell) const noexcept {
    const Locked locked(host);
    for (const Ticket *ticket = displaced_; ticket != nullptr; ticket = ticket->next_displaced) {
        tell(ticket->owner);
    }
}

}  // namespace ws
