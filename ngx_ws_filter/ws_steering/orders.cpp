#include "ngx_ws_filter/ws_steering/orders.hpp"

#include <algorithm>
#include <new>

namespace ws {
namespace {

[[nodiscard]] bool is_gone(const Owner &owner, const BoardHost &host) noexcept {
    return owner.pid == 0 || !host.lives(owner);
}

}  // namespace

template <typename T>
T *Orders::make(GrowingList<T> &list, BoardHost &host) noexcept {
    void *memory = host.allocate(sizeof(T));
    if (memory == nullptr) {
        return nullptr;
    }
    T *made = new (memory) T{};
    list.add(*made);
    return made;
}

bool Orders::reserve(std::size_t listeners, BoardHost &host) noexcept {
    const Locked locked(host);
    bool made = make(orders_, host) != nullptr;
    for (std::size_t i = 0; made && i < listeners; ++i) {
        made = make(listeners_, host) != nullptr;
    }
    return made;
}

Listener *Orders::join(const Owner &owner, std::uint64_t address, BoardHost &host) noexcept {
    const Locked locked(host);
    Listener *found = nullptr;
    for (Listener &listener : listeners_) {
        if (listener.pid.get() == owner.pid || is_gone(listener.owner(), host)) {
            found = &listener;
            break;
        }
    }
    found = found == nullptr ? make(listeners_, host) : found;
    if (found != nullptr) {
        found->obeyed.store(last_, std::memory_order_relaxed);
        found->address.set(address);
        found->started.set(owner.started);
        found->pid.set(owner.pid);
    }
    return found;
}

void Orders::leave(Listener &listener, BoardHost &host) noexcept {
    const Locked locked(host);
    listener.pid.set(0);
}

std::size_t Orders::missing(const EndOrder &order, const BoardHost &host) const noexcept {
    const std::uint64_t number = order.number.load(std::memory_order_relaxed);
    std::size_t count = 0;
    for (const Listener &listener : listeners_) {
        if (listener.obeyed.load(std::memory_order_acquire) < number &&
            !is_gone(listener.owner(), host)) {
            ++count;
        }
    }
    return count;
}

EndOrder *Orders::find_free(const BoardHost &host) const noexcept {
    for (EndOrder &order : orders_) {
        if (is_gone(order.asker, host) && missing(order, host) == 0) {
            return &order;
        }
    }
    return nullptr;
}

EndOrder *Orders::give(const Wish &wish, const Owner &asker, BoardHost &host) noexcept {
    const Locked locked(host);
    EndOrder *order = find_free(host);
    order = order == nullptr ? make(orders_, host) : order;
    if (order == nullptr) {
        return nullptr;
    }
    order->ended.store(0, std::memory_order_relaxed);
    order->asker = asker;
    order->selection = wish.selection;
    order->code = wish.code;
    order->reason_size = std::min(wish.why.size(), order->reason.size());
    std::copy_n(wish.why.begin(), order->reason_size, order->reason.begin());
    order->number.store(++last_, std::memory_order_relaxed);
    return order;
}

void Orders::forget(EndOrder &order, BoardHost &host) noexcept {
    const Locked locked(host);
    order.asker = {};
}

// Without the lock an order that another process gives at this moment could be passed over.
EndOrder *Orders::next(const Listener &listener, BoardHost &host) const noexcept {
    const Locked locked(host);
    const std::uint64_t last = listener.obeyed.load(std::memory_order_relaxed);
    EndOrder *first = nullptr;
    for (EndOrder &order : orders_) {
        const std::uint64_t number = order.number.load(std::memory_order_relaxed);
        if (number > last &&
            (first == nullptr || number < first->number.load(std::memory_order_relaxed))) {
            first = &order;
        }
    }
    return first;
}

}  // namespace ws
