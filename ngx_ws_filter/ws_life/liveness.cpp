#include "ngx_ws_filter/ws_life/liveness.hpp"

#include <algorithm>
#include <utility>

namespace ws {

void Liveness::begin(Millis now) noexcept {
    asks_ = true;
    timing_ = false;
    markers_ = {};
    heard(now);
    moved(now);
}

void Liveness::heard(Millis now) noexcept {
    heard_at_ = now;
    if (options_->ping_interval != 0 && asks_) {
        deadlines_->set(Deadline::ping, now + options_->ping_interval);
        deadlines_->clear(Deadline::pong);
    }
}

void Liveness::moved(Millis now) noexcept {
    moved_at_ = now;
    if (options_->idle_timeout != 0) {
        deadlines_->set(Deadline::idle, now + options_->idle_timeout);
    }
}

// A pong that answers no marker of ours means nothing.
void Liveness::on_pong(const Session &session, const Witness &witness, Millis now) noexcept {
    const PingMarkers::Answer answer = markers_.answer(session.control_payload());
    if (!answer.believed) {
        return;
    }
    if (answer.newest && timing_) {
        round_trip_ = std::max<Millis>(now - marked_at_, 1);
        timing_ = false;
        witness.tell_pong(now - marked_at_);
    }
    if (!options_->pongs_acknowledge || answer.offset <= to_client_->acknowledged()) {
        return;
    }
    (void)to_client_->acknowledge(answer.offset);
    if (to_client_->paused() && asks_) {
        deadlines_->set(Deadline::acknowledgement, now + options_->pong_timeout);
    } else {
        deadlines_->clear(Deadline::acknowledgement);
    }
}

// A ping follows each interval of bytes, and the last byte before a pause.
void Liveness::took_for_client(Session &session, Witness &witness, Millis now) noexcept {
    if (!options_->pongs_acknowledge || !asks_) {
        return;
    }
    const std::uint64_t unmarked = to_client_->taken() - markers_.offset();
    if (unmarked >= options_->marker_interval || (to_client_->paused() && unmarked != 0)) {
        send_ping(session, witness, now);
    }
    if (to_client_->paused()) {
        deadlines_->set(Deadline::acknowledgement, now + options_->pong_timeout);
    }
}

void Liveness::stop_asking() noexcept {
    asks_ = false;
    deadlines_->clear(Deadline::ping);
    deadlines_->clear(Deadline::pong);
    deadlines_->clear(Deadline::acknowledgement);
}

void Liveness::stop() noexcept {
    stop_asking();
    deadlines_->clear(Deadline::idle);
    deadlines_->clear(Deadline::expiry);
}

// Only one ping is waited for; a marker behind it says the same and more.
void Liveness::send_ping(Session &session, Witness &witness, Millis now) noexcept {
    const bool awaited = !deadlines_->is_set(Deadline::pong);
    if (options_->ping_interval != 0 && awaited) {
        read_ = witness.acknowledged(Side::client);
        reached_ = witness.moved(Side::client);
        deadlines_->set(Deadline::pong, now + options_->pong_timeout);
        deadlines_->clear(Deadline::ping);
    }
    witness.tell_ping(now - heard_at_);
    marked_at_ = now;
    timing_ = true;
    session.ping(markers_.mark(to_client_->taken()));
}

// While the backend is stuck, or the client has a rate, the client's pong may stand behind data
// that nobody can read. A ping behind much data reaches a slow client late: as long as its kernel
// acknowledges what is ahead of the ping, or takes from a backlog, the client is slow and not dead.
// A pong cannot stand inside a frame: as long as the bytes of one come, the client has had no place
// for it.
bool Liveness::excused(const Session &session, Witness &witness, Millis now) noexcept {
    const Standing standing = witness.standing();
    if (standing.to_backend_blocked || standing.rest_waits || standing.upload_waits) {
        return true;
    }
    if (session.inside_frame() && now - heard_at_ < options_->pong_timeout) {
        return true;
    }
    const std::uint64_t before = std::exchange(read_, witness.acknowledged(Side::client));
    const std::uint64_t reached = std::exchange(reached_, witness.moved(Side::client));
    const bool expected = before < markers_.offset() || standing.to_client_blocked;
    return expected && reached_ > reached;
}

// Data moves through the kernels too, when none is read here.
bool Liveness::still_moving(Witness &witness) noexcept {
    const std::uint64_t moved = witness.moved(Side::client) + witness.moved(Side::backend);
    const bool under_way =
        witness.is_under_way(Side::client) || witness.is_under_way(Side::backend);
    const std::uint64_t before =
        std::exchange(under_way_at_, under_way ? moved : nothing_under_way);
    return before == nothing_under_way ? under_way : moved > before;
}

Liveness::Verdict Liveness::check(Session &session, Witness &witness, Millis now) noexcept {
    if (deadlines_->is_over(Deadline::expiry, now)) {
        witness.tell_late(Deadline::expiry, 0, now - heard_at_);
        return Verdict::expired;
    }
    if (deadlines_->is_over(Deadline::idle, now)) {
        if (!still_moving(witness)) {
            witness.tell_late(Deadline::idle,
                              deadlines_->waited(Deadline::idle, options_->idle_timeout, now),
                              now - heard_at_);
            return Verdict::idle;
        }
        moved(now);
    }
    for (const Deadline late : {Deadline::pong, Deadline::acknowledgement}) {
        if (!deadlines_->is_over(late, now)) {
            continue;
        }
        if (!excused(session, witness, now)) {
            witness.tell_late(late, deadlines_->waited(late, options_->pong_timeout, now),
                              now - heard_at_);
            return Verdict::silent;
        }
        deadlines_->set(late, now + options_->pong_timeout);
    }
    if (deadlines_->is_over(Deadline::ping, now)) {
        send_ping(session, witness, now);
    }
    return Verdict::lives;
}

std::string_view words(Liveness::Verdict verdict) noexcept {
    switch (verdict) {
        case Liveness::Verdict::silent:
            return "no pong in time";
        case Liveness::Verdict::idle:
            return "idle too long";
        case Liveness::Verdict::expired:
            return "session has expired";
        case Liveness::Verdict::lives:
            break;
    }
    return {};
}

}  // namespace ws
