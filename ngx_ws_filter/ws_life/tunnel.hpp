// The life of one session, from its 101 to its end: in which phase it is, who ended it and why,
// what is still owed to whom, and when to look again. RFC 6455, section 7.
//
// Facts go in, with the time at which they became known, and orders come out:
//
//     tunnel.client_said(event, offset, now);  // whatever has happened since the last turn
//     while ((order = tunnel.next(now)) != ws::Order::none) { ... }  // carried out, one by one
//     arm(tunnel.wake_at());
//
// The tunnel decides; its driver reads, writes and closes. It holds no socket and no clock, and it
// allocates nothing.
#pragma once

#include "ngx_ws_filter/ws_life/delivery.hpp"
#include "ngx_ws_filter/ws_life/end_clock.hpp"
#include "ngx_ws_filter/ws_life/legs.hpp"
#include "ngx_ws_filter/ws_life/liveness.hpp"
#include "ngx_ws_filter/ws_life/order.hpp"
#include "ngx_ws_filter/ws_life/stalls.hpp"

namespace ws {

struct TunnelOptions {
    LivenessOptions liveness;
    bool receipts = true;             // ws_receipts
    bool half_close = false;          // ws_half_close
    bool needs_close_notify = false;  // ws_ssl_require_close_notify
    Millis send_timeout = 0;          // a side that takes nothing for so long is given up
    Millis close_timeout = 0;         // an end that stands still is over after so long
    Millis close_time = 0;            // any end is over after so long
};

class Tunnel {
public:
    // All of these outlive the object.
    Tunnel(const TunnelOptions &options, Session &session, FlowLedger &to_client,
           FlowLedger &to_backend, Witness &witness) noexcept;

    // --- facts

    // The 101 is through to the client.
    void answered(Millis now) noexcept;

    // The session is over then, if it has no other end before.
    void expire_at(Millis at) noexcept { liveness_.expire_at(at); }

    // Bytes of the client were read.
    void heard(Millis now) noexcept { liveness_.heard(now); }
    // Data was taken for a side.
    void took_for_backend(Millis now) noexcept;
    void took_for_client(Millis now) noexcept;
    // Payload of the client was taken, or bytes of the backend were read, and go nowhere.
    void dropped(std::uint64_t payload) noexcept { delivery_.drop(payload); }
    void swallowed(std::uint64_t bytes) noexcept { may_swallow_ -= std::min(may_swallow_, bytes); }
    // Bytes of the client were read of which only its Close, or its end, is of interest.
    void ignored(std::uint64_t bytes) noexcept { may_ignore_ -= std::min(may_ignore_, bytes); }

    // The session met this, behind `offset` bytes of the stream to the backend, dropped ones
    // included.
    void client_said(Event event, std::uint64_t offset, Millis now) noexcept;

    // The client's FIN was read; or its connection broke.
    void client_ended(Millis now) noexcept;
    void client_lost(Millis now) noexcept;

    // The backend's FIN was read, and what the stream had left of a message was wrapped. `fault`:
    // what was wrong with that, a literal, of which each leg is told until a client has answered.
    void backend_ended(Millis now, std::string_view fault = {}) noexcept;
    // TCP has ended the backend's stream, and TLS has said nothing of it.
    void backend_cut(Millis now, std::string_view fault = {}) noexcept;
    // The backend's connection was reset, or is lost for writing and has no more to be read.
    // Whatever the client's kernel had was read before this, so that it is counted.
    void backend_lost(Millis now) noexcept;

    // The end is decided by the gateway, or by what the backend said: the literal `why` is the
    // Close's reason and the log's words. The first end counts.
    void close(Side by, CloseCode code, std::string_view why, Millis now) noexcept;

    // --- legs

    // What becomes of the session when it loses its leg.
    void set_legs(const Legs &legs) noexcept;
    // It ends with this leg, or now if there is none.
    void keep_no_longer(Millis now) noexcept;
    // When the client is to be told next what the backend has acknowledged.
    void remind(Millis at) noexcept { deadlines_.set(Deadline::tell, at); }
    [[nodiscard]] bool is_kept() const noexcept { return legs_.grace != 0; }
    // Whether the session would go on without its leg; and the leg is left by the gateway's own
    // wish, or for another one.
    [[nodiscard]] bool may_detach() const noexcept;
    void leave(Millis now) noexcept { detach(now); }
    // What is said on the next leg, or that nothing is. Only while detached, or at the end.
    void use(Session &session) noexcept { session_ = &session; }
    // The next leg has a connection, whose 101 is due. Only while detached.
    void attached() noexcept;
    // What a detached session waits with; and the same in another process, in place of a first leg.
    [[nodiscard]] Waiting waiting(Millis now) const noexcept;
    void wait(const Waiting &waiting, Millis now) noexcept;
    // The client says that its stream ends here. It may go on to listen.
    void client_said_end(Millis now) noexcept;

    // A deadline has passed.
    void on_time(Millis now) noexcept;

    // Both connections are about to be closed by somebody else: what can be said at once is said,
    // with this code and these words if the session has no end yet, and nothing is waited for.
    void stop(CloseCode code, std::string_view why, Millis now) noexcept;

    // --- orders

    // Makes the pong due that has waited for what the backend has acknowledged by now. False if
    // there is none.
    [[nodiscard]] bool give_pong(Millis now) noexcept {
        return delivery_.owes_pong() && give_owed_pong(now);
    }
    [[nodiscard]] Order next(Millis now) noexcept;
    // Most turns move bytes and nothing else. Then next() has no order and changes nothing, as long
    // as neither side keeps the other waiting.
    [[nodiscard]] bool has_no_order() const noexcept {
        return phase_ == Phase::open && !delivery_.owes_pong() && !session_->anything_due() &&
               !deadlines_.is_set(Deadline::client) && !deadlines_.is_set(Deadline::backend);
    }
    // The first deadline; Deadlines::never if there is none.
    [[nodiscard]] Millis wake_at() const noexcept { return deadlines_.next(); }

    [[nodiscard]] Use use_of_client() const noexcept;
    [[nodiscard]] Use use_of_backend() const noexcept;

    // --- what can be told

    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] bool ending() const noexcept { return end_.by != Side::nobody; }
    [[nodiscard]] bool client_speaks() const noexcept { return client_ == Peer::speaks; }
    // The client sends so much behind the end that nobody listens any more.
    [[nodiscard]] bool client_floods() const noexcept { return ending() && may_ignore_ == 0; }
    [[nodiscard]] bool client_has_stalled() const noexcept { return client_stalled_; }
    [[nodiscard]] bool client_has_ended() const noexcept { return client_ == Peer::ended; }
    [[nodiscard]] bool client_is_lost() const noexcept { return client_ == Peer::lost; }
    [[nodiscard]] bool backend_has_ended() const noexcept { return backend_ == Peer::ended; }
    // Whether a peer's end was in order makes a difference: to what is still to be said of the
    // client's bytes; and to a client that has not said or heard its last.
    [[nodiscard]] bool needs_backend() const noexcept {
        return phase_ <= Phase::delivering || delivery_.undelivered() != 0;
    }
    [[nodiscard]] bool needs_client() const noexcept { return phase_ < Phase::draining; }
    [[nodiscard]] Side ended_by() const noexcept { return end_.by; }
    [[nodiscard]] CloseCode close_code() const noexcept { return end_.code; }
    [[nodiscard]] std::string_view why() const noexcept { return end_.why; }  // a literal
    [[nodiscard]] Millis round_trip() const noexcept { return liveness_.round_trip(); }
    [[nodiscard]] Millis moved_at() const noexcept { return liveness_.moved_at(); }  // data, last
    // The session is over: what was lent is given back.
    void release() noexcept { delivery_.forget_pings(*witness_); }
    // Taken from the client and not acknowledged by the backend. Asks.
    [[nodiscard]] std::uint64_t count_undelivered() noexcept;
    // Bytes that have arrived from the client are left behind: the backend must not take its stream
    // for a whole one.
    [[nodiscard]] bool is_cut() const noexcept { return end_.cut || delivery_.unwritten() != 0; }

private:
    // What can be expected of a connection's other end.
    enum class Peer : std::uint8_t { speaks, ended, lost };

    struct End {
        std::string_view why;
        CloseCode code = CloseCode::abnormal;
        Side by = Side::nobody;  // nobody: the session has no end yet
        bool cut = false;        // bytes of the client were left behind when the end came
    };

    [[nodiscard]] bool lives() const noexcept { return phase_ < Phase::delivering; }
    // Nothing more can be expected of the client but its FIN.
    [[nodiscard]] bool client_is_silent() const noexcept {
        return session_->close_received() || session_->violation() != Violation::none;
    }
    [[nodiscard]] bool give_owed_pong(Millis now) noexcept;
    [[nodiscard]] bool leaves_bytes_behind(Side by, CloseCode code) noexcept;
    void enter(Phase phase) noexcept;
    void note_end(Side by, CloseCode code, std::string_view why, Millis now) noexcept;
    void conclude(Millis now) noexcept;
    void conclude_undelivered(CloseCode code, std::string_view why) noexcept;
    void on_client_close(Millis now) noexcept;
    [[nodiscard]] bool leaves_leg() const noexcept;
    void detach(Millis now) noexcept;
    void give_up(Millis now) noexcept;
    void resume(Millis now) noexcept;
    [[nodiscard]] Order next_detached(const Standing &standing, Millis now) noexcept;
    [[nodiscard]] Order loss(const Standing &standing) const noexcept;
    [[nodiscard]] bool is_unwanted(const Standing &standing) const noexcept;
    [[nodiscard]] Order last_order(const Standing &standing, Millis now) noexcept;
    void settle(const Standing &standing, Millis now) noexcept;
    void settle_backend(const Standing &standing, Millis now) noexcept;
    [[nodiscard]] bool all_is_told(const Standing &standing) const noexcept;
    void check_stalls(Millis now) noexcept;
    [[nodiscard]] bool end_may_go_on(Millis now) noexcept;
    [[nodiscard]] bool owes_backend_an_end(const Standing &standing) const noexcept;
    [[nodiscard]] bool owes_client_an_end(const Standing &standing) const noexcept;

    const TunnelOptions *options_;
    Witness *witness_;
    Session *session_;
    Deadlines deadlines_;
    Liveness liveness_;
    Delivery delivery_;
    Stalls stalls_;
    EndClock end_clock_;
    std::uint64_t may_swallow_ = 0;  // bytes of a backend that nobody listens to
    std::uint64_t may_ignore_ = 0;   // the same of a client
    End end_;
    std::string_view backend_fault_;  // at the end of its stream
    Legs legs_;
    Phase phase_ = Phase::connecting;
    Peer client_ = Peer::speaks;
    Peer backend_ = Peer::speaks;
    bool client_stalled_ = false;
    bool backend_stalled_ = false;
    bool backend_has_all_ = false;
    bool out_of_time_ = false;  // nothing is waited for any more
};

}  // namespace ws
