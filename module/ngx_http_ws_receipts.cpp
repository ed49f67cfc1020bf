// Confirmations: a pong and the answer to a Close are receipts, given when the backend's TCP has
// acknowledged what came before them.
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

namespace {

// An acknowledgement is asked for again after so long, doubled each time: short enough for a near
// backend, and never late by more than the time it took.
constexpr ngx_msec_t first_poll = 1;
constexpr ngx_msec_t longest_poll = 64;

}  // namespace

bool Relay::confirmed(uint64_t offset) noexcept {
    if (to_backend_.ledger().confirmed() < offset) {
        to_backend_.confirm(to_backend_.acknowledged());
    }
    return to_backend_.ledger().confirmed() >= offset;
}

// Everything that was taken from the client is where it should be, as far as anybody asked.
bool Relay::delivered() noexcept {
    if (to_backend_.blocked()) {
        return false;
    }
    return !conf_->receipts || confirmed(to_backend_.ledger().taken());
}

// A ping behind bytes that were dropped is never answered: it would speak for them.
void Relay::on_ping(uint64_t offset) noexcept {
    if (closing() && offset > to_backend_.ledger().taken()) {
        return;
    }
    if (!conf_->receipts || (!receipts_.waiting() && confirmed(offset))) {
        session_.answer_ping();
        return;
    }
    receipts_.add(session_.control_payload(), offset);
}

// What is held in a framing cannot be acknowledged before the client has said more.
bool Relay::receipt_may_ripen() const noexcept {
    return receipts_.waiting() && receipts_.offset() <= to_backend_.ledger().taken();
}

void Relay::give_receipts() noexcept {
    while (receipt_may_ripen() && !to_client_.blocked()) {
        (void)confirmed(to_backend_.ledger().taken());
        if (!receipts_.ripe(to_backend_.ledger().confirmed())) {
            return;
        }
        session_.pong(receipts_.payload());
        receipts_.pop();
        send_due();
        poll_wait_ = 0;
    }
}

// One timer serves both that wait for the backend.
void Relay::poll_again() noexcept {
    if (poll_.timer_set) {
        return;
    }
    poll_wait_ = poll_wait_ == 0 ? first_poll : ngx_min(poll_wait_ * 2, longest_poll);
    ngx_add_timer(&poll_, poll_wait_);
}

void Relay::conclude() noexcept {
    conclude("not acknowledged by the backend");
}

// The clean answer, or the number of bytes for which it would be a lie. What the client said when
// the backend had ended is not among them, but its own code is then no answer either.
void Relay::conclude(std::string_view why_not) noexcept {
    verdict_pending_ = false;
    begin_end_clock();
    const bool clean =
        conf_->receipts ? to_backend_.undelivered() == 0 : to_backend_.ledger().unwritten() == 0;
    if (!clean) {
        close_undelivered(ws::CloseCode::internal_error, why_not);
    } else if (held_in_framing() != 0) {
        close_undelivered(ws::CloseCode::internal_error, "message was not finished");
    } else if (session_.close_received() && dropped_ == 0) {
        session_.answer_close();
    } else {
        session_.close(close_code_, {});
    }
}

void Relay::close_undelivered(ws::CloseCode code, std::string_view why) noexcept {
    close_code_ = code;
    why_ = why;
    const uint64_t bytes = to_backend_.undelivered() + dropped_ + held_in_framing();
    const char *bound = to_backend_.knows_exactly() ? "" : "at most ";
    const ngx_str_t words = ngx::str(why);
    std::array<u_char, ws::max_close_reason> reason;
    const u_char *end = bytes == 0
                            ? ngx_slprintf(reason.begin(), reason.end(), "%V", &words)
                            : ngx_slprintf(reason.begin(), reason.end(),
                                           "%s%uL bytes undelivered, %V", bound, bytes, &words);
    session_.close(code, {reinterpret_cast<const char *>(reason.data()),
                          static_cast<size_t>(end - reason.data())});
}

// What comes back and is the answer to no marker of ours means nothing (RFC 6455, 5.5.3).
void Relay::on_pong() noexcept {
    const ws::PingMarkers::Answer answer = markers_.answer(session_.control_payload());
    if (!answer.believed) {
        return;
    }
    if (answer.newest && timing_) {
        const ngx_msec_t round_trip = ngx_current_msec - marked_;
        rtt_ = ngx_max(round_trip, 1);
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, client_->log, 0, "ws: pong after %M ms", round_trip);
        timing_ = false;
    }
    if (pongs_confirm() && answer.offset > to_client_.ledger().confirmed()) {
        confirmed_ = ngx_current_msec;
        to_client_.confirm(answer.offset);
    }
}

bool Relay::pongs_confirm() const noexcept {
    return conf_->client_ack == static_cast<ngx_uint_t>(ClientAck::pong);
}

// In a stream that pongs confirm, a ping follows each interval of bytes, and the last of them.
void Relay::send_marker() noexcept {
    if (!pongs_confirm() || session_.close_received()) {
        return;
    }
    const size_t window = conf_->client_window != 0 ? conf_->client_window : 1024 * 1024;
    const size_t interval = conf_->ack_interval != 0 ? conf_->ack_interval : window / 4;
    const uint64_t unmarked = to_client_.ledger().data() - markers_.offset();
    if (unmarked >= interval || (to_client_.paused() && unmarked != 0)) {
        send_ping(ngx_current_msec);
    }
    if (to_client_.paused()) {
        confirmed_ = ngx_current_msec;
        arm_clock();
    }
}

}  // namespace ngx_ws
