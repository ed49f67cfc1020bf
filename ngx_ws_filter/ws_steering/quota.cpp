#include "ngx_ws_filter/ws_steering/quota.hpp"

#include <new>

namespace ws {

bool Quota::make_buckets(BoardHost &host) noexcept {
    if (buckets_.load(std::memory_order_relaxed) != nullptr) {
        return true;
    }
    void *memory = host.allocate(sizeof(Buckets));
    if (memory == nullptr) {
        return false;
    }
    buckets_.store(new (memory) Buckets{}, std::memory_order_relaxed);
    return true;
}

// The newest stands first.
Quota::Standing Quota::look(const ZonedKey &place) const noexcept {
    Standing standing;
    for (Ticket *ticket = bucket_of(place.key).load(std::memory_order_relaxed); ticket != nullptr;
         ticket = ticket->next.load(std::memory_order_relaxed)) {
        if (ticket->displaced || ticket->place != place) {
            continue;
        }
        ++standing.count;
        standing.oldest = ticket;
    }
    return standing;
}

// Each process is asked for once in a row, since that costs calls of the system.
void Quota::drop_dead(std::atomic<Ticket *> &bucket, const BoardHost &host) noexcept {
    Owner asked;
    bool lives = false;
    std::atomic<Ticket *> *at = &bucket;
    while (Ticket *ticket = at->load(std::memory_order_relaxed)) {
        if (asked.pid == 0 || asked != ticket->owner) {
            asked = ticket->owner;
            lives = host.lives(asked);
        }
        if (lives) {
            at = &ticket->next;
        } else {
            remove(*ticket);
        }
    }
}

void Quota::sweep(BoardHost &host) noexcept {
    const Locked locked(host);
    Buckets *buckets = buckets_.load(std::memory_order_relaxed);
    if (buckets == nullptr) {
        return;
    }
    for (std::atomic<Ticket *> &bucket : *buckets) {
        drop_dead(bucket, host);
    }
}

Ticket *Quota::find_free(BoardHost &host) noexcept {
    if (free_.load(std::memory_order_relaxed) == nullptr) {
        void *memory = host.allocate(sizeof(Sheet));
        if (memory == nullptr) {
            return nullptr;
        }
        for (Ticket &ticket : *new (memory) Sheet{}) {
            make_free(ticket);
        }
    }
    Ticket *ticket = free_.load(std::memory_order_relaxed);
    free_.store(ticket->next.load(std::memory_order_relaxed), std::memory_order_relaxed);
    return ticket;
}

void Quota::make_free(Ticket &ticket) noexcept {
    ticket.next.store(free_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    free_.store(&ticket, std::memory_order_relaxed);
}

// A process that is killed in between leaves the lists whole.
void Quota::remove(Ticket &ticket) noexcept {
    std::atomic<Ticket *> *at = &bucket_of(ticket.place.key);
    while (at->load(std::memory_order_relaxed) != &ticket) {
        at = &at->load(std::memory_order_relaxed)->next;
    }
    if (ticket.displaced) {
        forget_displaced(ticket);
    }
    at->store(ticket.next.load(std::memory_order_relaxed), std::memory_order_relaxed);
    make_free(ticket);
}

void Quota::displace(Ticket &ticket) noexcept {
    ticket.next_displaced = displaced_;
    displaced_ = &ticket;
    ticket.displaced = true;
}

void Quota::forget_displaced(const Ticket &ticket) noexcept {
    for (Ticket **at = &displaced_; *at != nullptr; at = &(*at)->next_displaced) {
        if (*at == &ticket) {
            *at = ticket.next_displaced;
            return;
        }
    }
}

Quota::Answer Quota::take(const Wish &wish, BoardHost &host) noexcept {
    const Locked locked(host);
    if (!make_buckets(host)) {
        return {.verdict = Verdict::no_memory};
    }
    std::atomic<Ticket *> &bucket = bucket_of(wish.place.key);
    Standing standing = look(wish.place);
    if (standing.count >= wish.most) {
        drop_dead(bucket, host);
        standing = look(wish.place);
    }
    if (standing.count >= wish.most && !wish.displaces) {
        return {.verdict = Verdict::full};
    }
    Ticket *ticket = find_free(host);
    if (ticket == nullptr) {
        return {.verdict = Verdict::no_memory};
    }
    bool displaced = false;
    while (standing.oldest != nullptr && standing.count >= wish.most) {
        displace(*standing.oldest);
        standing = look(wish.place);
        displaced = true;
    }
    ticket->place = wish.place;
    ticket->owner = wish.owner;
    ticket->holder = wish.holder;
    ticket->displaced = false;
    ticket->next.store(bucket.load(std::memory_order_relaxed), std::memory_order_relaxed);
    bucket.store(ticket, std::memory_order_relaxed);
    return {.verdict = Verdict::granted, .ticket = ticket, .displaced = displaced};
}

void Quota::give_back(Ticket &ticket, BoardHost &host) noexcept {
    const Locked locked(host);
    remove(ticket);
}

void *Quota::next_displaced(const Owner &owner, BoardHost &host) noexcept {
    const Locked locked(host);
    for (Ticket *ticket = displaced_; ticket != nullptr; ticket = ticket->next_displaced) {
        if (ticket->owner == owner) {
            forget_displaced(*ticket);
            return ticket->holder;
        }
    }
    return nullptr;
}

}  // namespace ws
