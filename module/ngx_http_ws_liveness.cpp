// Time: pings, idleness, and how long a closing session may take. One timer is
// always armed: nginx lets an exiting worker go as soon as none is.
#include "module/ngx_http_ws_relay.hpp"

#include "module/ngx_http_ws_kernel.hpp"

namespace ngx_ws {

namespace {

constexpr ngx_msec_t longest_wait = 3600000;

// What is left of `limit` since `since`; 0 if it is over.
ngx_msec_t left(ngx_msec_t now, ngx_msec_t since, ngx_msec_t limit) noexcept {
    const ngx_msec_t elapsed = now - since;
    return elapsed < limit ? limit - elapsed : 0;
}

}  // namespace

void Relay::on_clock() noexcept {
    const ngx_msec_t now = ngx_current_msec;
    if (!closing()) {
        check_liveness(now);
    } else if (!end_may_go_on(now)) {
        give_up();
        return;
    }
    arm_clock();
    advance();
}

// A client that has sent its Close need not answer pings, and a half-closed session can last.
bool Relay::asks_for_pongs() const noexcept {
    return conf_->ping_interval != 0 && !session_.close_received();
}

// While the backend is stuck a pong stands behind data that cannot be read, and nothing is read
// behind a Close.
bool Relay::hears_client() const noexcept {
    return !to_backend_.blocked() && !has_rest() && !session_.close_received();
}

// A client that is not heard cannot confirm: the backend may be stuck because nobody takes what it
// says, and each would wait for the next in a circle. Until the client is heard again, the kernel's
// window alone bounds what goes to it.
bool Relay::waits_for_pong() const noexcept {
    return to_client_.paused() && !closing() && hears_client();
}

void Relay::check_liveness(ngx_msec_t now) noexcept {
    if (conf_->idle_timeout != 0 && left(now, moved_, conf_->idle_timeout) == 0) {
        if (!still_delivering()) {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, client_->log, 0,
                           "ws: ws_idle_timeout: no data for %M ms", now - moved_);
            begin_close(ClosedBy::gateway, ws::CloseCode::policy_violation, "idle too long");
            return;
        }
        moved_ = now;
    }
    // Bytes of another kind prove life, and confirm nothing.
    const bool unconfirmed = to_client_.paused() && left(now, confirmed_, conf_->pong_timeout) == 0;
    const bool unanswered =
        asks_for_pongs() && awaiting_pong_ && left(now, pinged_, conf_->pong_timeout) == 0;
    if (unconfirmed || unanswered) {
        if (hears_client() && !ping_is_on_its_way()) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, client_->log, 0,
                           "ws: ws_pong_timeout: no pong for %M ms, client silent for %M ms",
                           now - (unanswered ? pinged_ : confirmed_), now - heard_);
            begin_close(ClosedBy::gateway, ws::CloseCode::policy_violation, "no pong in time");
            return;
        }
        pinged_ = confirmed_ = now;
    }
    if (asks_for_pongs() && !awaiting_pong_ && left(now, heard_, conf_->ping_interval) == 0) {
        send_ping(now);
    }
}

// Whether the peers have acknowledged anything since this was last asked: data moves through the
// kernels too, when none is read.
bool Relay::still_delivering() noexcept {
    const uint64_t before = delivering_;
    const uint64_t moved = to_client_.moved() + to_backend_.moved();
    const bool under_way =
        unacknowledged(client_) != size_t{0} || unacknowledged(backend_) != size_t{0};
    delivering_ = under_way ? moved : nothing_under_way;
    return before == nothing_under_way ? under_way : moved > before;
}

void Relay::begin_end_clock() noexcept {
    closing_since_ = ngx_current_msec;
    delivering_ = to_client_.moved() + to_backend_.moved();
}

// A service that is slow is not dead: as long as what has still to be delivered is on its way the
// end may take its time, within a bound. Who vanished waits for nothing, and what it sent is given
// the time that the lane allows.
bool Relay::end_may_go_on(ngx_msec_t now) noexcept {
    if (left(now, ended_at_, conf_->close_time) == 0) {
        return false;
    }
    if (left(now, closing_since_, conf_->close_timeout) != 0) {
        return true;
    }
    const uint64_t before = delivering_;
    begin_end_clock();
    if (client_gone_ && to_backend_.blocked()) {
        return true;
    }
    const bool waits = to_client_.blocked() || to_backend_.undelivered() != 0;
    return waits && delivering_ > before;
}

// Only one ping at a time is waited for; a marker that follows it says the same and more.
void Relay::send_ping(ngx_msec_t now) noexcept {
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, client_->log, 0, "ws: ping, client was silent for %M ms",
                   now - heard_);
    if (!awaiting_pong_) {
        acknowledged_ = to_client_.acknowledged();
        reached_ = to_client_.moved();
        pinged_ = now;
        awaiting_pong_ = true;
        arm_clock();
    }
    marked_ = now;
    timing_ = true;
    marked_at_ = to_client_.ledger().taken();
    session_.ping(markers_.mark(to_client_.ledger().data()));
}

// A ping behind much data reaches a slow client late. As long as the client acknowledges what is
// ahead of the ping it is not dead. Nor is it while it takes from a backlog: its kernel would soon
// be full.
bool Relay::ping_is_on_its_way() noexcept {
    const uint64_t before = std::exchange(acknowledged_, to_client_.acknowledged());
    const uint64_t reached = std::exchange(reached_, to_client_.moved());
    const bool expected = before < marked_at_ || to_client_.blocked();
    return expected && reached_ > reached;
}

// The deadlines only move away between two calls, so the timer may go off early and never late.
void Relay::arm_clock() noexcept {
    const ngx_msec_t now = ngx_current_msec;
    ngx_msec_t wait = longest_wait;
    if (closing()) {
        const ngx_msec_t in_all = left(now, ended_at_, conf_->close_time);
        wait = ngx_min(in_all, left(now, closing_since_, conf_->close_timeout));
    } else {
        if (conf_->idle_timeout != 0) {
            wait = ngx_min(wait, left(now, moved_, conf_->idle_timeout));
        }
        if (to_client_.paused()) {
            wait = ngx_min(wait, left(now, confirmed_, conf_->pong_timeout));
        }
        if (asks_for_pongs()) {
            // While a pong is awaited too: once it came, the next ping is due by the interval.
            const ngx_msec_t ping =
                awaiting_pong_ ? conf_->ping_interval : left(now, heard_, conf_->ping_interval);
            wait = ngx_min(wait, ping);
            if (awaiting_pong_) {
                wait = ngx_min(wait, left(now, pinged_, conf_->pong_timeout));
            }
        }
    }
    ngx_add_timer(backend_->read, wait);
}

}  // namespace ngx_ws
