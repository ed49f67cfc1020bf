// How a session ends: who ended it, with which code, and what still has to be delivered.
#include "module/ngx_http_ws_log.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

namespace {

// Ends our side of a connection; what the peer still sends can be read, raw.
void send_fin(ngx_connection_t *c) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        const ngx_event_handler_pt on_read = c->read->handler;
        const ngx_event_handler_pt on_write = c->write->handler;
        c->ssl->no_wait_shutdown = 1;
        c->ssl->shutdown_without_free = 1;
        (void)ngx_ssl_shutdown(c);
        // It would wait for room for its alert by itself. Nothing of ours depends on that.
        c->read->handler = on_read;
        c->write->handler = on_write;
    }
#endif
    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1 && ngx_socket_errno != NGX_ENOTCONN) {
        ngx_connection_error(c, ngx_socket_errno, const_cast<char *>("shutdown() failed"));
    }
}

}  // namespace

std::string_view name(ClosedBy side) noexcept {
    constexpr std::string_view names[] = {"nobody", "client", "backend", "gateway"};
    return names[static_cast<unsigned>(side)];
}

void Relay::note_end(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept {
    closed_by_ = by;
    close_code_ = code;
    closing_since_ = ngx_current_msec;
    arm_clock();
    const ngx_str_t who = ngx::str(name(by));
    const ngx_str_t words = ngx::str(why);
    RequestLog log(r_);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: %V closed%s%V, code %ui", &who,
                  words.len == 0 ? "" : ": ", &words, static_cast<ngx_uint_t>(code));
}

void Relay::begin_close(ClosedBy by, ws::CloseCode code, std::string_view reason) noexcept {
    if (!closing()) {
        note_end(by, code, reason);
        session_.close(code, reason);
    }
}

// The answer waits until the client's bytes are on their way to the backend.
void Relay::on_client_close() noexcept {
    if (!closing()) {
        note_end(ClosedBy::client, session_.peer_status().code, {});
        reply_pending_ = true;
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
    if (reset || to_backend_.lost()) {
        to_backend_.lose();
        begin_close(ClosedBy::backend, ws::CloseCode::internal_error,
                    "backend connection was reset");
    } else if (session_.held_back() != 0) {
        begin_close(ClosedBy::backend, ws::CloseCode::internal_error,
                    "backend closed inside a UTF-8 code point");
    } else {
        begin_close(ClosedBy::backend, ws::CloseCode::normal, {});
    }
}

// A clean answer is a receipt, so it is given only for bytes that went out.
void Relay::answer_client() noexcept {
    reply_pending_ = false;
    const uint64_t undelivered = to_backend_.ledger().unwritten();
    if (undelivered == 0) {
        session_.answer_close();
        return;
    }
    std::array<u_char, ws::max_close_reason> reason;
    const u_char *end =
        ngx_slprintf(reason.begin(), reason.end(), "%uL bytes were not delivered", undelivered);
    close_code_ = ws::CloseCode::internal_error;
    session_.close(close_code_, {reinterpret_cast<const char *>(reason.data()),
                                 static_cast<size_t>(end - reason.data())});
}

// Once both Close frames, or ours after a violation, are through, the server closes first
// (RFC 6455, section 7.1.1).
void Relay::finish_client() noexcept {
    const bool silent = session_.close_received() || session_.violation() != ws::Violation::none;
    if (fin_to_client_ || client_gone_ || !session_.close_sent() || to_client_.blocked() ||
        !silent) {
        return;
    }
    fin_to_client_ = true;
    send_fin(client_);
}

void Relay::finish_backend() noexcept {
    if (fin_to_backend_ || to_backend_.blocked()) {
        return;
    }
    fin_to_backend_ = true;
    if (!to_backend_.lost()) {
        send_fin(backend_);
    }
}

// A lost connection has its end to be read, which this turn may have passed already.
void Relay::resume_after_loss() noexcept {
    const bool client = to_client_.lost() && !client_gone_ && client_->read->ready;
    const bool backend = to_backend_.lost() && !backend_gone_ && backend_->read->ready;
    if ((client && !to_backend_.blocked()) || (backend && !to_client_.blocked())) {
        ngx_post_event(&resume_, &ngx_posted_next_events);
    }
}

void Relay::settle() noexcept {
    if (closing()) {
        if (reply_pending_ && !to_backend_.blocked()) {
            answer_client();
        }
        if (!to_client_.blocked()) {
            send_due();
        }
        finish_backend();
        finish_client();
        if (client_gone_ && backend_gone_ && !to_backend_.blocked()) {
            end();
            return;
        }
    }
    resume_after_loss();
    if (ngx_handle_read_event(client_->read, 0) != NGX_OK ||
        ngx_handle_write_event(client_->write, 0) != NGX_OK ||
        ngx_handle_read_event(backend_->read, 0) != NGX_OK ||
        ngx_handle_write_event(backend_->write, 0) != NGX_OK) {
        end();
    }
}

// The time for a clean end is over: what is due is said, and both connections are closed. nginx
// drains the client's, so that the Close frame is not destroyed by a reset.
void Relay::give_up() noexcept {
    if (reply_pending_) {
        answer_client();
    }
    if (!to_client_.blocked()) {
        send_due();
    }
    r_->lingering_close = !client_gone_;
    end();
}

void Relay::on_client_stalled() noexcept {
    if (answer_pending_ || !to_client_.still_moving()) {
        client_->timedout = 1;
        begin_close(ClosedBy::gateway, ws::CloseCode::policy_violation, "client takes no data");
        answer_pending_ = false;
        on_client_gone();
    }
    advance();
}

void Relay::on_backend_stalled() noexcept {
    if (!to_backend_.still_moving()) {
        begin_close(ClosedBy::gateway, ws::CloseCode::try_again_later, "backend takes no data");
        to_backend_.lose();
        backend_gone_ = true;
    }
    advance();
}

// The worker's time is up: both ends are told as well as can be at once, and waited for no more.
void Relay::shut_down() noexcept {
    begin_close(ClosedBy::gateway, ws::CloseCode::going_away, "gateway is shutting down");
    to_backend_.flush();
    to_client_.flush();
    if (reply_pending_) {
        answer_client();
    }
    if (!answer_pending_ && !to_client_.blocked()) {
        send_due();
    }
    finish_backend();
    if (!client_gone_) {
        send_fin(client_);
        // Unread bytes would turn the close into a reset.
        const std::span<uint8_t> room = scratch().from_client;
        while (ngx_recv(client_, room.data(), room.size()) > 0) {
        }
    }
    ngx_http_request_t *r = r_;
    r->main->count++;
    ngx_http_finalize_request(r, NGX_ERROR);
}

void Relay::end() noexcept {
    const ngx_http_cleanup_pt finish = *r_->upstream->cleanup;
    finish(r_);
}

}  // namespace ngx_ws
