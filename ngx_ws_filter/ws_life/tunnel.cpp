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
    cut_ = leaves_bytes_behind(by, code);
    by_ = by;
    code_ = code;
    why_ = why;
    may_swallow_ = most_swallowed;
    may_ignore_ = most_ignored;
    liveness_.stop();
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
}

void Tunnel::took_for_backend(Millis now) noexcept {
    if (!ending()) {
        liveness_.moved(now);
    }
}

void Tunnel::took_for_client(Millis now) noexcept {
    if (!ending()) {
        liveness_.moved(now);
        liveness_.took_for_client(*session_, *witness_, now);
    }
}

void Tunnel::client_said(Event event, std::uint64_t offset, Millis now) noexcept {
    switch (event) {
        case Event::ping:
            delivery_.on_ping(*session_, offset, *witness_);
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
        case Event::room_full:
        case Event::memory_full:
            break;
    }
}

// The answer is a receipt, so it waits. With ws_half_close the Close ends only what the client
// says, and the session ends when the backend has said its last.
void Tunnel::on_client_close(Millis now) noexcept {
    if (!lives()) {
        return;
    }
    if (options_->half_close && backend_ == Peer::speaks) {
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
    if (!ending()) {
        note_end(Side::client, CloseCode::abnormal, "connection lost", now);
    }
    client_ = Peer::lost;
    if (phase_ < Phase::draining) {
        enter(Phase::draining);
    }
}

void Tunnel::backend_ended(Millis now) noexcept {
    backend_ = Peer::ended;
    if (!lives()) {
        return;
    }
    if (session_->close_received()) {
        note_end(Side::client, session_->peer_status().code, {}, now);
        enter(Phase::delivering);
    } else if (options_->half_close) {
        enter(Phase::half_closed);
    } else {
        note_end(Side::backend, CloseCode::normal, {}, now);
        enter(Phase::delivering);
    }
}

void Tunnel::backend_cut(Millis now) noexcept {
    if (!options_->end_is_confirmed || !lives()) {
        backend_ended(now);
        return;
    }
    backend_ = Peer::lost;
    note_end(Side::backend, CloseCode::internal_error, "backend closed without close_notify", now);
    conclude_undelivered(code_, why_);
}

// A backend that resets behind its FIN has not ended in order: what it was told before may be lost.
void Tunnel::backend_lost(Millis now) noexcept {
    backend_ = Peer::lost;
    if (lives() && backend_stalled_) {
        note_end(Side::gateway, CloseCode::try_again_later, "backend takes no data", now);
        conclude_undelivered(code_, why_);
    } else if (lives()) {
        note_end(Side::backend, CloseCode::internal_error, was_reset, now);
        conclude_undelivered(code_, why_);
    } else if (phase_ == Phase::delivering && by_ != Side::client && !backend_stalled_) {
        conclude_undelivered(CloseCode::internal_error, was_reset);
    }
}

void Tunnel::close(Side by, CloseCode code, std::string_view why, Millis now) noexcept {
    if (ending()) {
        return;
    }
    note_end(by, code, why, now);
    if (phase_ == Phase::connecting) {
        client_lost(now);  // a Close cannot stand in front of the 101
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
    if (ending()) {
        out_of_time_ = out_of_time_ || !end_may_go_on(now);
        return;
    }
    const Liveness::Verdict verdict = liveness_.check(*session_, *witness_, now);
    if (verdict != Liveness::Verdict::lives) {
        const bool silent = verdict == Liveness::Verdict::silent;
        close(Side::gateway, CloseCode::policy_violation,
              silent ? "no pong in time" : "idle too long", now);
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
        session_->close(code_, {});
    }
    enter(Phase::closing);
}

void Tunnel::conclude_undelivered(CloseCode code, std::string_view why) noexcept {
    code_ = code;
    why_ = why;
    const std::uint64_t bytes = count_undelivered();
    const Undelivered reason(bytes, witness_->knows_exactly(), why);
    session_->close(code, reason.text());
    enter(Phase::closing);
}

std::uint64_t Tunnel::count_undelivered() noexcept {
    delivery_.ask(*witness_);
    return delivery_.undelivered() + delivery_.dropped() + witness_->standing().held;
}

// --- orders

bool Tunnel::give_pong(Millis now) noexcept {
    const bool may = phase_ != Phase::connecting && phase_ <= Phase::delivering;
    return may && !witness_->standing().to_client_blocked &&
           delivery_.give_pong(*session_, *witness_, now);
}

bool Tunnel::all_is_told(const Standing &standing) const noexcept {
    const bool backend = backend_ == Peer::lost || standing.backend_lost || backend_has_all_ ||
                         (backend_ == Peer::ended && !cut_ && !standing.to_backend_blocked);
    return client_ != Peer::speaks && backend;
}

bool Tunnel::owes_backend_an_end(const Standing &standing) const noexcept {
    const bool due = ending() || session_->close_received();
    return due && !cut_ && !standing.backend_finished && !standing.backend_lost &&
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
    if (backend_stalled_ && backend_ != Peer::lost) {
        return Order::drop_backend;
    }
    const bool unwanted = backend_has_all_ && (cut_ || may_swallow_ == 0);
    return unwanted && !standing.backend_lost ? Order::reset_backend : Order::none;
}

// Once the backend has all that it is to get, it is waited for no more.
void Tunnel::settle_backend(const Standing &standing, Millis now) noexcept {
    if (!ending() || backend_has_all_ || backend_ == Peer::lost || standing.backend_lost ||
        (backend_ == Peer::ended && !cut_) || standing.to_backend_blocked) {
        return;
    }
    if ((cut_ || standing.backend_finished) && witness_->backend_has_all()) {
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
    settle_backend(standing, now);
    if (phase_ == Phase::draining && (out_of_time_ || all_is_told(standing))) {
        enter(Phase::over);
    }
    if (standing.must_be_polled) {
        delivery_.ask_again(now);
    }
}

Order Tunnel::next(Millis now) noexcept {
    // A pong that may be given stands before the Close.
    if (give_pong(now)) {
        return Order::write_due;
    }
    const Standing standing = witness_->standing();
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
    if (phase_ == Phase::closing && out_of_time_) {
        enter(Phase::over);
    }
    return phase_ == Phase::over ? Order::end : Order::none;
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
