#include "ngx_ws_filter/ws_life/tunnel.hpp"

#include "ngx_ws_filter/ws_life/undelivered.hpp"

#include <cassert>
#include <utility>

namespace ws {
namespace {

constexpr std::string_view was_reset = "backend connection was reset";

// A backend that cannot write does not read either. So this much is taken from it, for the sake of
// the client's bytes that it still has to take, and for its farewell behind them while the client
// is still there.
constexpr std::uint64_t most_swallowed = 8ULL << 20U;
// A client's Close may stand behind what it had sent before it knew of the end. Who sends more than
// this is not listened to.
constexpr std::uint64_t most_ignored = 8ULL << 20U;

}  // namespace

Tunnel::Tunnel(const TunnelOptions &options, Session &session, FlowLedger &to_client,
               FlowLedger &to_backend, Witness &witness) noexcept
    : options_(&options),
      witness_(&witness),
      session_(&session),
      liveness_(options.liveness, to_client, deadlines_),
      delivery_(options.receipts, to_backend, deadlines_),
      stalls_(options.send_timeout, deadlines_),
      end_clock_(options.close_timeout, options.close_time, deadlines_) {
}

void Tunnel::enter(Phase phase) noexcept {
    assert(may_follow(phase_, phase));
    witness_->tell_phase(phase_, phase);
    phase_ = phase;
}

void Tunnel::note_end(Side by, CloseCode code, std::string_view why, Millis now) noexcept {
    end_ = {.why = why, .code = code, .by = by, .cut = leaves_bytes_behind(by, code)};
    may_swallow_ = most_swallowed;
    may_ignore_ = most_ignored;
    liveness_.stop();
    deadlines_.clear(Deadline::tell);
    end_clock_.begin(*witness_, now);
}

// A client that says Close, breaks a rule, leaves or falls silent decides itself where its stream
// ends, and so does a backend that says its own end; a failure at this side ends it in mid-message
// too.
bool Tunnel::leaves_bytes_behind(Side by, CloseCode code) noexcept {
    if (session_->close_received() || session_->violation() != Violation::none) {
        return false;
    }
    const Standing standing = witness_->standing();
    const bool failed = code == CloseCode::internal_error || code == CloseCode::try_again_later;
    return standing.rest_waits || standing.held != 0 ||
           (by == Side::gateway &&
            ((failed && session_->inside_message()) || witness_->client_has_more()));
}

// --- facts

void Tunnel::answered(Millis now) noexcept {
    enter(Phase::open);
    liveness_.begin(now);
    legs_.has_begun = true;
    resume(now);
}

void Tunnel::took_for_backend(Millis now) noexcept {
    if (!ending() && phase_ != Phase::detached) {
        liveness_.moved(now);
    }
}

void Tunnel::took_for_client(Millis now) noexcept {
    if (!ending() && phase_ != Phase::detached) {
        liveness_.moved(now);
        liveness_.took_for_client(*session_, *witness_, now);
    }
}

void Tunnel::client_said(Event event, std::uint64_t offset, Millis now) noexcept {
    switch (event) {
        case Event::ping:
            if (!delivery_.on_ping(*session_, offset, *witness_)) {
                close(Side::gateway, CloseCode::try_again_later, "gateway has no memory", now);
            }
            break;
        case Event::pong:
            liveness_.on_pong(*session_, *witness_, now);
            break;
        case Event::close:
            on_client_close(now);
            break;
        case Event::violation:
            close(Side::gateway, ws::close_code(session_->violation()),
                  words(session_->violation()), now);
            break;
        case Event::exhausted:
        case Event::piece:
        case Event::room_full:
        case Event::memory_full:
        case Event::eof:
        case Event::fault:
            break;
    }
}

// The answer is a receipt, so it waits. With ws_half_close the Close ends only what the client
// says, and the session ends when the backend has said its last.
void Tunnel::on_client_close(Millis now) noexcept {
    if (leaves_leg() && may_detach()) {
        session_->answer_close();
        detach(now);
        return;
    }
    if (!lives()) {
        return;
    }
    if (options_->half_close && !legs_.are_resumable && backend_ == Peer::speaks) {
        enter(Phase::half_closed);
        liveness_.stop_asking();
        return;
    }
    note_end(Side::client, session_->peer_status().code, {}, now);
    enter(Phase::delivering);
}

// A client that has said its last word may end its direction too, and hears the answer all the
// same.
void Tunnel::client_ended(Millis now) noexcept {
    if (session_->close_received() || session_->violation() != Violation::none) {
        client_ = Peer::ended;
        return;
    }
    client_lost(now);
}

void Tunnel::client_lost(Millis now) noexcept {
    if (may_detach()) {
        detach(now);
        return;
    }
    if (!ending()) {
        note_end(Side::client, CloseCode::abnormal, "connection lost", now);
    }
    client_ = Peer::lost;
    if (phase_ < Phase::draining) {
        enter(Phase::draining);
    }
}

void Tunnel::backend_ended(Millis now, std::string_view fault) noexcept {
    backend_ = Peer::ended;
    backend_fault_ = fault;
    if (!lives() || phase_ == Phase::detached) {
        return;
    }
    if (!fault.empty()) {
        close(Side::backend, CloseCode::internal_error, fault, now);
    } else if (session_->close_received()) {
        note_end(Side::client, session_->peer_status().code, {}, now);
        enter(Phase::delivering);
    } else if (options_->half_close && !legs_.client_said_end) {
        enter(Phase::half_closed);
    } else {
        note_end(Side::backend, CloseCode::normal, {}, now);
        enter(Phase::delivering);
    }
}

void Tunnel::backend_cut(Millis now, std::string_view fault) noexcept {
    if (!options_->needs_close_notify || !lives() || !fault.empty()) {
        backend_ended(now, fault);
        return;
    }
    backend_ = Peer::lost;
    if (phase_ == Phase::detached) {
        return;
    }
    note_end(Side::backend, CloseCode::internal_error, "backend closed without close_notify", now);
    conclude_undelivered(end_.code, end_.why);
}

// A backend that resets behind its FIN has not ended in order: what it was told before may be lost.
void Tunnel::backend_lost(Millis now) noexcept {
    backend_ = Peer::lost;
    if (phase_ == Phase::detached) {
        return;
    }
    if (lives() && backend_stalled_) {
        note_end(Side::gateway, CloseCode::try_again_later, "backend takes no data", now);
        conclude_undelivered(end_.code, end_.why);
    } else if (lives()) {
        note_end(Side::backend, CloseCode::internal_error, was_reset, now);
        conclude_undelivered(end_.code, end_.why);
    } else if (phase_ == Phase::delivering && end_.by != Side::client && !backend_stalled_) {
        conclude_undelivered(CloseCode::internal_error, was_reset);
    }
}

void Tunnel::close(Side by, CloseCode code, std::string_view why, Millis now) noexcept {
    if (ending()) {
        return;
    }
    note_end(by, code, why, now);
    // A Close cannot stand in front of the 101, and between two legs nobody hears it.
    if (phase_ == Phase::connecting || phase_ == Phase::detached) {
        legs_.grace = 0;
        client_lost(now);
        return;
    }
    session_->close(code, why);
    enter(Phase::closing);
}

void Tunnel::on_time(Millis now) noexcept {
    if (deadlines_.is_over(Deadline::ask, now)) {
        deadlines_.clear(Deadline::ask);
    }
    check_stalls(now);
    if (phase_ == Phase::detached) {
        if (deadlines_.is_over(Deadline::grace, now)) {
            give_up(now);
        }
        return;
    }
    if (ending()) {
        out_of_time_ = out_of_time_ || !end_may_go_on(now);
        return;
    }
    const Liveness::Verdict verdict = liveness_.check(*session_, *witness_, now);
    if (verdict == Liveness::Verdict::silent && may_detach()) {
        detach(now);
    } else if (verdict != Liveness::Verdict::lives) {
        close(Side::gateway, CloseCode::policy_violation, words(verdict), now);
    }
}

void Tunnel::stop(CloseCode code, std::string_view why, Millis now) noexcept {
    close(Side::gateway, code, why, now);
    if (phase_ == Phase::delivering) {
        conclude(now);
    }
    out_of_time_ = true;
}

// --- time

void Tunnel::check_stalls(Millis now) noexcept {
    if (stalls_.is_over(Side::client, *witness_, now)) {
        if (may_detach()) {
            detach(now);
            return;
        }
        client_stalled_ = true;
        if (!ending()) {
            note_end(Side::gateway, CloseCode::policy_violation, "client takes no data", now);
        }
        client_lost(now);
    }
    backend_stalled_ = backend_stalled_ || stalls_.is_over(Side::backend, *witness_, now);
}

// A service that is slow is not dead: as long as what has still to be delivered is on its way, the
// end may take its time, within a bound. A client that has vanished waits for nothing, and what it
// sent is given the time that ws_send_timeout allows.
bool Tunnel::end_may_go_on(Millis now) noexcept {
    const Standing standing = witness_->standing();
    if (client_ == Peer::lost && standing.to_backend_blocked) {
        (void)end_clock_.is_over(true, *witness_, now);
        return !deadlines_.is_over(Deadline::end, now);
    }
    delivery_.ask(*witness_);
    const bool waits = standing.to_client_blocked || delivery_.undelivered() != 0;
    return !end_clock_.is_over(waits, *witness_, now);
}

// --- the verdict

// The clean answer, or the number of bytes for which it would be a lie. What the client said when
// the backend had ended is not among them, but its own code is then no answer either.
void Tunnel::conclude(Millis now) noexcept {
    end_clock_.restart(*witness_, now);
    (void)delivery_.complete(*witness_, now);
    const bool reset = backend_ == Peer::lost && !backend_stalled_;
    if (!delivery_.is_receipt()) {
        conclude_undelivered(CloseCode::internal_error,
                             reset ? was_reset : "not acknowledged by the backend");
        return;
    }
    if (witness_->standing().held != 0) {
        conclude_undelivered(CloseCode::internal_error, "message was not finished");
        return;
    }
    if (session_->close_received() && delivery_.dropped() == 0) {
        session_->answer_close();
    } else {
        session_->close(end_.code, {});
    }
    enter(Phase::closing);
}

void Tunnel::conclude_undelivered(CloseCode code, std::string_view why) noexcept {
    end_.code = code;
    end_.why = why;
    const std::uint64_t bytes = count_undelivered();
    const Undelivered reason(bytes, witness_->knows_exactly(), why);
    session_->close(code, reason.text());
    enter(Phase::closing);
}

std::uint64_t Tunnel::count_undelivered() noexcept {
    delivery_.ask(*witness_);
    return delivery_.undelivered() + delivery_.dropped() + witness_->standing().held;
}

}  // namespace ws
