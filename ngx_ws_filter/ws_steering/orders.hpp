// Orders to end sessions, which every process of a gateway has to obey. They lie in the same memory
// as the board.
//
// A process joins, and from then on obeys each order that was given afterwards, in their order:
//
//     while (ws::EndOrder *order = orders.next(listener, host)) {
//         order->ended.fetch_add(...);  // so many sessions are told to end
//         orders.obeyed(listener, *order);
//     }
//
// The giver of an order wakes the others, and missing() tells how many have still to obey.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_status/board.hpp"
#include "ngx_ws_filter/ws_steering/session_key.hpp"

namespace ws {

// Which sessions an order is for: those that have all of this.
struct Selection {
    SessionKey key{};                // empty: any
    const ZoneName *zone = nullptr;  // null: any
    std::uint64_t number = 0;        // 0: any

    [[nodiscard]] bool takes(const Selection &session) const noexcept {
        return (key.empty() || key == session.key) && (zone == nullptr || zone == session.zone) &&
               (number == 0 || number == session.number);
    }
};

struct EndOrder {
    [[nodiscard]] std::string_view why() const noexcept { return {reason.data(), reason_size}; }

    std::atomic<EndOrder *> next;
    std::atomic<std::uint64_t> number;  // in the order in which they were given
    std::atomic<std::uint64_t> ended;   // sessions
    Owner asker;                        // pid 0: nobody waits for the answer
    Selection selection;
    std::uint16_t code;
    std::size_t reason_size;
    std::array<char, max_close_reason> reason;
};

// A process that obeys.
struct Listener {
    [[nodiscard]] Owner owner() const noexcept { return {pid.get(), started.get()}; }

    std::atomic<Listener *> next;
    Counter pid;
    Counter started;
    Counter address;                    // by which it is woken; 0: it cannot be
    std::atomic<std::uint64_t> obeyed;  // the last order
};

class Orders {
public:
    struct Wish {
        Selection selection;
        std::uint16_t code;
        std::string_view why;  // at most max_close_reason bytes
    };

    // Memory for so many listeners, and for an order, before others take it. False without.
    [[nodiscard]] bool reserve(std::size_t listeners, BoardHost &host) noexcept;

    // Null if there is no memory.
    [[nodiscard]] Listener *join(const Owner &owner, std::uint64_t address,
                                 BoardHost &host) noexcept;
    void leave(Listener &listener, BoardHost &host) noexcept;

    // Null if there is no memory. The order stays as it is until forget() at least.
    [[nodiscard]] EndOrder *give(const Wish &wish, const Owner &asker, BoardHost &host) noexcept;
    void forget(EndOrder &order, BoardHost &host) noexcept;
    // How many processes that live have not obeyed yet.
    [[nodiscard]] std::size_t missing(const EndOrder &order, const BoardHost &host) const noexcept;

    // The next order that a process has to obey; null: none.
    [[nodiscard]] EndOrder *next(const Listener &listener, BoardHost &host) const noexcept;
    static void obeyed(Listener &listener, const EndOrder &order) noexcept {
        listener.obeyed.store(order.number.load(std::memory_order_relaxed),
                              std::memory_order_release);
    }

    [[nodiscard]] const GrowingList<Listener> &listeners() const noexcept { return listeners_; }

private:
    template <typename T>
    [[nodiscard]] static T *make(GrowingList<T> &list, BoardHost &host) noexcept;
    [[nodiscard]] EndOrder *find_free(const BoardHost &host) const noexcept;

    GrowingList<Listener> listeners_;
    GrowingList<EndOrder> orders_;
    std::uint64_t last_ = 0;
};

}  // namespace ws
