// What a session's life orders next, read from what is known.
#include "ngx_ws_filter/ws_life/tunnel.hpp"

#include <cassert>

namespace ws {

bool Tunnel::give_owed_pong(Millis now) noexcept {
    return phase_ <= Phase::delivering && !witness_->standing().to_client_blocked &&
           delivery_.give_pong(*session_, *witness_, now);
}

bool Tunnel::all_is_told(const Standing &standing) const noexcept {
    const bool backend = backend_ == Peer::lost || standing.backend_lost || backend_has_all_ ||
                         (backend_ == Peer::ended && !end_.cut && !standing.to_backend_blocked);
    return client_ != Peer::speaks && backend;
}

bool Tunnel::owes_backend_an_end(const Standing &standing) const noexcept {
    const bool due = ending() || session_->close_received() || legs_.client_said_end;
    return due && !end_.cut && !standing.backend_finished && !standing.backend_lost &&
           !standing.to_backend_blocked && !standing.rest_waits;
}

// Once both Close frames are through, or ours after a violation, the server closes first (RFC 6455,
// section 7.1.1).
bool Tunnel::owes_client_an_end(const Standing &standing) const noexcept {
    const bool may = phase_ == Phase::closing && !standing.to_client_blocked;
    assert(!may || session_->close_sent());  // nothing that is due waits for an end
    return may && (client_is_silent() || out_of_time_);
}

// What a lane cannot know: its destination is given up.
Order Tunnel::loss(const Standing &standing) const noexcept {
    if (client_ == Peer::lost && !standing.client_lost) {
        return Order::drop_client;
    }
    return backend_stalled_ && backend_ != Peer::lost ? Order::drop_backend : Order::none;
}

// The backend has all that it is to get, and nobody wants what it says.
bool Tunnel::is_unwanted(const Standing &standing) const noexcept {
    return ending() && backend_has_all_ && (end_.cut || may_swallow_ == 0) &&
           !standing.backend_lost;
}

// Once the backend has all that it is to get, it is waited for no more. As long as the client is
// waited for that makes no difference, and is not asked.
void Tunnel::settle_backend(const Standing &standing, Millis now) noexcept {
    if (client_ == Peer::speaks && !end_.cut && may_swallow_ != 0) {
        return;
    }
    if (!ending() || backend_has_all_ || backend_ == Peer::lost || standing.backend_lost ||
        (backend_ == Peer::ended && !end_.cut) || standing.to_backend_blocked) {
        return;
    }
    if ((end_.cut || standing.backend_finished) && witness_->backend_has_all()) {
        backend_has_all_ = true;
        return;
    }
    delivery_.ask_again(now);
}

void Tunnel::settle(const Standing &standing, Millis now) noexcept {
    if (phase_ == Phase::delivering && (backend_ == Peer::lost || standing.backend_lost ||
                                        out_of_time_ || delivery_.may_answer(*witness_, now))) {
        conclude(now);
    }
    if (phase_ == Phase::closing && standing.client_finished) {
        enter(Phase::draining);
    }
    if (standing.must_be_polled) {
        delivery_.ask_again(now);
    }
}

// The kernel is asked once a turn, when nothing else is left to be done.
Order Tunnel::last_order(const Standing &standing, Millis now) noexcept {
    settle_backend(standing, now);
    if (is_unwanted(standing)) {
        return Order::reset_backend;
    }
    if ((phase_ == Phase::draining && (out_of_time_ || all_is_told(standing))) ||
        (phase_ == Phase::closing && out_of_time_)) {
        enter(Phase::over);
    }
    return phase_ == Phase::over ? Order::end : Order::none;
}

Order Tunnel::next(Millis now) noexcept {
    // A pong that may be given stands before the Close.
    if (give_pong(now)) {
        return Order::write_due;
    }
    const Standing standing = witness_->standing();
    if (phase_ == Phase::detached) {
        return next_detached(standing, now);
    }
    settle(standing, now);
    if (const Order order = loss(standing); order != Order::none) {
        return order;
    }
    stalls_.watch(standing, *witness_, now);
    if (phase_ == Phase::connecting) {
        return Order::none;
    }
    if (owes_backend_an_end(standing)) {
        return Order::finish_backend;
    }
    if (session_->anything_due() && !standing.to_client_blocked && client_ != Peer::lost) {
        return phase_ == Phase::closing && client_is_silent() ? Order::write_last
                                                              : Order::write_due;
    }
    if (owes_client_an_end(standing)) {
        return Order::finish_client;
    }
    return last_order(standing, now);
}

Use Tunnel::use_of_client() const noexcept {
    if (phase_ == Phase::connecting || client_ != Peer::speaks) {
        return Use::leave;
    }
    if (lives()) {
        return Use::relay;
    }
    return may_ignore_ != 0 ? Use::drop : Use::leave;
}

Use Tunnel::use_of_backend() const noexcept {
    if (phase_ == Phase::connecting || backend_ != Peer::speaks) {
        return Use::leave;
    }
    if (lives()) {
        return Use::relay;
    }
    return may_swallow_ != 0 ? Use::drop : Use::leave;
}

}  // namespace ws
