// How a session goes from one leg to the next.
#include "ngx_ws_filter/ws_life/tunnel.hpp"

namespace ws {
namespace {

// docs/resume-protocol.md, section 9: the client leaves the leg, and not the session.
constexpr auto come_back = static_cast<CloseCode>(4004);

}  // namespace

void Tunnel::set_legs(const Legs &legs) noexcept {
    legs_ = legs;
}

// A session whose end the client does not know yet is kept: one whose own Close is not answered,
// because the backend has still to acknowledge what stood before it, and one that the backend has
// ended. A Close with which the client leaves its leg crosses ours, and is no answer.
bool Tunnel::may_detach() const noexcept {
    if (!is_kept()) {
        return false;
    }
    switch (phase_) {
        case Phase::connecting:
            return legs_.has_begun;
        case Phase::open:
        case Phase::half_closed:
        case Phase::delivering:  // only the two sides' own ends are delivered
            return true;
        case Phase::closing:
            return end_.by == Side::backend && (!session_->close_received() || leaves_leg());
        case Phase::detached:
        case Phase::draining:
        case Phase::over:
            break;
    }
    return false;
}

bool Tunnel::leaves_leg() const noexcept {
    const CloseCode code = session_->peer_status().code;
    return (legs_.keeps_come_back && code == come_back) ||
           (legs_.keeps_going_away && code == CloseCode::going_away);
}

// The backend's end stays known, and the client's own is said again on the next leg.
void Tunnel::detach(Millis now) noexcept {
    enter(Phase::detached);
    liveness_.stop();
    end_clock_.stop();
    delivery_.forget_pings(*witness_);
    deadlines_.clear(Deadline::client);
    deadlines_.clear(Deadline::tell);
    deadlines_.set(Deadline::grace, now + legs_.grace);
    legs_.part_is_due = true;
    client_ = Peer::lost;
    end_ = {};
    out_of_time_ = false;
    backend_has_all_ = false;
    may_swallow_ = 0;
}

void Tunnel::attached() noexcept {
    enter(Phase::connecting);
    deadlines_.clear(Deadline::grace);
    client_ = Peer::speaks;
}

// Another worker cannot know what was wrong with the backend's end, but that something was.
Waiting Tunnel::waiting(Millis now) const noexcept {
    return {.grace = deadlines_.left(Deadline::grace, now),
            .dropped = delivery_.dropped(),
            .client_said_end = legs_.client_said_end,
            .backend_ended = backend_ == Peer::ended,
            .backend_lost = backend_ == Peer::lost || !backend_fault_.empty()};
}

void Tunnel::wait(const Waiting &waiting, Millis now) noexcept {
    enter(Phase::detached);
    legs_.has_begun = true;
    legs_.client_said_end = waiting.client_said_end;
    client_ = Peer::lost;
    if (waiting.backend_lost) {
        backend_ = Peer::lost;
    } else if (waiting.backend_ended) {
        backend_ = Peer::ended;
    }
    delivery_.drop(waiting.dropped);
    deadlines_.set(Deadline::grace, now + waiting.grace);
}

// What was decided while nobody listened is told now.
void Tunnel::resume(Millis now) noexcept {
    if (legs_.client_said_end && backend_ == Peer::speaks) {
        enter(Phase::half_closed);
    }
    if (backend_ == Peer::lost) {
        backend_lost(now);
    } else if (backend_ == Peer::ended) {
        backend_ended(now, backend_fault_);
    }
}

void Tunnel::client_said_end(Millis now) noexcept {
    legs_.client_said_end = true;
    if (phase_ == Phase::open) {
        enter(Phase::half_closed);
    } else if (phase_ == Phase::half_closed && backend_ == Peer::ended) {
        note_end(Side::backend, CloseCode::normal, {}, now);
        enter(Phase::delivering);
    }
}

void Tunnel::keep_no_longer(Millis now) noexcept {
    if (phase_ == Phase::detached) {
        give_up(now);
    }
    legs_.grace = 0;
}

// Nobody has come back: the session ends as if the client had vanished now.
void Tunnel::give_up(Millis now) noexcept {
    legs_.grace = 0;
    deadlines_.clear(Deadline::grace);
    client_lost(now);
}

Order Tunnel::next_detached(const Standing &standing, Millis now) noexcept {
    if (legs_.part_is_due) {
        legs_.part_is_due = false;
        return Order::part;
    }
    if (backend_stalled_ && backend_ != Peer::lost) {
        return Order::drop_backend;
    }
    stalls_.watch(standing, *witness_, now);
    if (legs_.client_said_end && owes_backend_an_end(standing)) {
        return Order::finish_backend;
    }
    return Order::none;
}

}  // namespace ws
