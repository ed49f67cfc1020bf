// How a session ends: who ended it, with which code, and what still has to be delivered.
#include "module/ngx_http_ws_kernel.hpp"
#include "module/ngx_http_ws_log.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

namespace {

// Unread bytes would turn the close of a connection into a reset. Who sends faster than they can be
// dropped must not keep a worker from its exit.
void drop_unread(ngx_connection_t *c) noexcept {
    constexpr unsigned max_reads = 256;
    const std::span<uint8_t> room = scratch().from_client;
    for (unsigned reads = 0; reads < max_reads; ++reads) {
        if (ngx_recv(c, room.data(), room.size()) <= 0) {
            return;
        }
    }
}

}  // namespace

namespace {

// Asks for the events that are wanted now. Free where events are edges; where they are levels, an
// end that was read must not be told again and again.
bool watch(ngx_connection_t *c) noexcept {
    const ngx_uint_t flags = c->read->eof || c->read->error ? NGX_CLOSE_EVENT : 0;
    return ngx_handle_read_event(c->read, flags) == NGX_OK &&
           ngx_handle_write_event(c->write, 0) == NGX_OK;
}

}  // namespace

std::string_view name(ClosedBy side) noexcept {
    constexpr std::string_view names[] = {"nobody", "client", "backend", "gateway"};
    return names[static_cast<unsigned>(side)];
}

void Relay::note_end(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept {
    closed_by_ = by;
    close_code_ = code;
    why_ = why;
    cut_ = cuts_client(by, code);
    ended_at_ = ngx_current_msec;
    poll_wait_ = 0;
    begin_dropping();
    begin_end_clock();
    arm_clock();
}

// Whether something that has arrived from the client is left behind, whatever it waits in. Who says
// Close, breaks a rule, leaves or falls silent decides itself where its stream ends, and so does a
// backend that says its own end; a failure at this side ends it in mid-message too.
bool Relay::cuts_client(ClosedBy by, ws::CloseCode code) const noexcept {
    if (client_is_silent()) {
        return false;
    }
    if (has_rest() || held_in_framing() != 0) {
        return true;
    }
    const bool failed =
        code == ws::CloseCode::internal_error || code == ws::CloseCode::try_again_later;
    int unread = 0;
    return by == ClosedBy::gateway && ((failed && session_.inside_message()) ||
                                       ngx_socket_nread(client_->fd, &unread) == -1 || unread != 0);
}

void Relay::begin_close(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept {
    if (!closing()) {
        note_end(by, code, why);
        session_.close(code, why);
    }
}

// The answer is a receipt, so it waits; see conclude(). With ws_half_close the Close ends only
// what the client says, and the session when the backend has said its last.
void Relay::on_client_close() noexcept {
    if (closing() || (conf_->half_close && !backend_gone_)) {
        return;
    }
    note_end(ClosedBy::client, session_.peer_status().code, {});
    verdict_pending_ = true;
}

// A client that has said its last word may end its direction too, and still hears the answer.
void Relay::on_client_end(bool orderly) noexcept {
    client_gone_ = true;
    if (!orderly || !client_is_silent() || to_client_.lost() ||
        broken_behind_its_end(client_, to_client_.finished())) {
        on_client_gone();
    }
}

void Relay::on_client_gone() noexcept {
    client_gone_ = true;
    to_client_.lose();
    if (!closing()) {
        note_end(ClosedBy::client, ws::CloseCode::abnormal, "connection lost");
    }
}

void Relay::on_backend_gone(bool reset) noexcept {
    backend_gone_ = true;
    if (reset || to_backend_.lost() || broken_behind_its_end(backend_, to_backend_.finished())) {
        on_backend_lost();
        return;
    }
    if (!closing()) {
        take_end();
    }
    if (session_.held_back() != 0) {
        begin_close(ClosedBy::backend, ws::CloseCode::internal_error,
                    "backend closed inside a UTF-8 code point");
    }
    if (closing()) {
        return;
    }
    if (session_.close_received()) {
        note_end(ClosedBy::client, session_.peer_status().code, {});
    } else if (!conf_->half_close) {
        note_end(ClosedBy::backend, ws::CloseCode::normal, {});
    }
    verdict_pending_ = closing();
}

void Relay::on_backend_lost() noexcept {
    constexpr std::string_view why = "backend connection was reset";
    close_lost(ClosedBy::backend, ws::CloseCode::internal_error, why);
    if (!verdict_pending_) {
        return;
    }
    if (closed_by_ == ClosedBy::client) {
        conclude(why);
        return;
    }
    verdict_pending_ = false;
    begin_end_clock();
    close_undelivered(ws::CloseCode::internal_error, why);
}

// What our kernel has already taken from the client is undelivered too. It is read in order to be
// counted; the client's Close may be found in it.
void Relay::close_lost(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept {
    to_backend_.lose();
    if (!closing() || verdict_pending_) {
        pump_to_backend();
    }
    if (!closing()) {
        note_end(by, code, why);
        close_undelivered(code, why);
    }
}

// Nothing more can be expected of it but its FIN.
bool Relay::client_is_silent() const noexcept {
    return session_.close_received() || session_.violation() != ws::Violation::none;
}

void Relay::settle_closing() noexcept {
    if (verdict_pending_ && (to_backend_.lost() || delivered())) {
        conclude();
    }
    if (!to_client_.blocked()) {
        if (!verdict_pending_ && !session_.close_sent() && client_is_silent()) {
            to_client_.gather();
        }
        send_due();
    }
    // Once both Close frames, or ours after a violation, are through, the server closes first
    // (RFC 6455, section 7.1.1).
    if (session_.close_sent() && client_is_silent() && !to_client_.blocked() &&
        !to_client_.finished()) {
        to_client_.finish();
    }
}

void Relay::settle() noexcept {
    // In a half-closed session the end of a side was no end, but its loss is.
    if (!closing() && backend_gone_ && to_backend_.lost()) {
        on_backend_lost();
    }
    if (!closing() && client_gone_ && to_client_.lost()) {
        on_client_gone();
    }
    if ((closing() || session_.close_received()) && !cut_ && !to_backend_.blocked() &&
        !to_backend_.finished()) {
        to_backend_.finish();
    }
    if (closing()) {
        settle_closing();
        settle_backend();
        if (client_is_done() && backend_is_done()) {
            end();
            return;
        }
    }
    const bool waits = closing() && !backend_is_done() && !to_backend_.blocked();
    if (verdict_pending_ || receipt_may_ripen() || waits || looks_behind_ends()) {
        poll_again();
    }
    resume_after_loss();
    if (!watch(client_) || !watch(backend_)) {
        end();
    }
}

// A lost connection has its end to be read, which this turn may have passed already.
void Relay::resume_after_loss() noexcept {
    const bool client = to_client_.lost() && !client_gone_ && client_->read->ready;
    const bool backend = to_backend_.lost() && !backend_gone_ && backend_->read->ready;
    const bool waits = to_client_.blocked() || waits_for_pong();
    if ((client && !to_backend_.blocked()) || (backend && !waits)) {
        ngx_post_event(&resume_, &ngx_posted_next_events);
    }
}

// The time for a clean end is over: what is due is said, and both connections are closed. nginx
// drains the client's, so that the Close frame is not destroyed by a reset.
void Relay::give_up() noexcept {
    if (verdict_pending_) {
        conclude();
    }
    if (!to_client_.blocked()) {
        send_due();
    }
    r_->lingering_close = !client_gone_;
    end();
}

void Relay::on_client_stalled() noexcept {
    if (answer_ != Answer::sent || !to_client_.still_moving()) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, client_->log, 0,
                       "ws: ws_send_timeout: the client has acknowledged nothing");
        client_->timedout = 1;
        begin_close(ClosedBy::gateway, ws::CloseCode::policy_violation, "client takes no data");
        answer_ = Answer::sent;
        on_client_gone();
    }
    advance();
}

void Relay::on_backend_stalled() noexcept {
    if (!to_backend_.still_moving()) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, client_->log, 0,
                       "ws: ws_send_timeout: the backend has acknowledged nothing");
        backend_gone_ = true;
        close_lost(ClosedBy::gateway, ws::CloseCode::try_again_later, "backend takes no data");
    }
    advance();
}

// The session ends before its request, for which nginx may still have a post_action.
void Relay::shut_down() noexcept {
    ngx_http_request_t *r = r_;
    r->main->count++;
    end();
    ngx_http_finalize_request(r, NGX_ERROR);
}

// Where nginx ends the request, because the worker's time is up or a subrequest has aborted it,
// both ends are told as well as can be at once, and waited for no more.
void Relay::say_goodbye() noexcept {
    const bool leaving = client_->close || backend_->close;
    if (closing() && !leaving) {
        return;
    }
    if (leaving) {
        begin_close(ClosedBy::gateway, ws::CloseCode::going_away, "gateway is shutting down");
    } else {
        begin_close(ClosedBy::gateway, ws::CloseCode::internal_error, "request was aborted");
    }
    to_backend_.flush_at_last();
    to_client_.flush_at_last();
    if (verdict_pending_) {
        conclude();
    }
    if (answer_ == Answer::sent && !to_client_.blocked()) {
        send_due();
    }
    if (!cut_) {
        to_backend_.finish();
    }
    to_client_.finish();
    if (!client_gone_) {
        drop_unread(client_);
    }
    if (!backend_gone_) {
        drop_unread(backend_);
    }
}

void Relay::log_end() noexcept {
    const ngx_str_t who = ngx::str(name(closed_by_));
    const ngx_str_t why = ngx::str(why_);
    u_char lost[sizeof(", undelivered to backend , to client ") + 2 * NGX_INT64_LEN];
    u_char *end = lost;
    if (lost_to_backend_ != 0 || lost_to_client_ != 0) {
        end = ngx_sprintf(lost, ", undelivered to backend %uL, to client %uL", lost_to_backend_,
                          lost_to_client_);
    }
    *end = '\0';
    RequestLog log(r_);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: %V closed%s%V, code %ui%s", &who,
                  why.len == 0 ? "" : ": ", &why, static_cast<ngx_uint_t>(close_code_), lost);
}

// A stream that was cut must not look whole to the backend.
void Relay::abort_backend_if_cut() noexcept {
    if (cut_ || to_backend_.ledger().unwritten() != 0) {
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(backend_->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    // The lane has said all that could be said by TLS. nginx would try it again, and lose the TLS
    // connection's memory where there is no room for it.
    backend_->error = 1;
}

void Relay::end() noexcept {
    const ngx_http_cleanup_pt finish = *r_->upstream->cleanup;
    finish(r_);
}

}  // namespace ngx_ws
