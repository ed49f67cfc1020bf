#include "module/ws_session/leg.hpp"

#include "module/ws_endpoints/kernel.hpp"
#include "module/ws_requests/context.hpp"
#include "module/ws_requests/log.hpp"

namespace ngx_ws {

namespace {

// For the client's connection nginx calls the request's handlers, with the request's log, and does
// whatever the end of a request leaves to be done. It sets its own handlers of the connection anew
// when a subrequest fails.
void handle_client(ngx_http_request_t *r) {
    r->connection->write->timedout = 0;
    leg_of(r).turn();
}

void handle_room_to_client(ngx_http_request_t *r) {
    if (leg_of(r).takes_turn(r->connection->write)) {
        handle_client(r);
    }
}

bool wants_nodelay(ngx_http_request_t *r) noexcept {
    return ngx::core_location(r).tcp_nodelay != 0;
}

// A client on this machine has no path to follow, and is slower all the time if its first bytes
// have come before the bound was set.
WindowConf client_rcvbuf(const WindowConf &asked, const ngx_connection_t *client) noexcept {
    return asked.follows() && comes_from_loopback(client)
               ? WindowConf{.size = IntakeWindow::fixed_part(asked.most)}
               : asked;
}

std::span<uint8_t> content(const ngx_buf_t &buffer) noexcept {
    return {buffer.pos, buffer.last};
}

}  // namespace

// A fixed receive buffer was set before the backend was dialled.
Bounds backend_bounds(const FlowConf &flow, bool client_is_close_by) noexcept {
    return {.window = flow.backend_window,
            .notsent_lowat = flow.notsent_lowat,
            .rcvbuf = flow.backend_rcvbuf.follows() ? flow.backend_rcvbuf : WindowConf{},
            .short_close_by = true,
            .wide_close_by = client_is_close_by};
}

Leg &leg_of(ngx_http_request_t *r) noexcept {
    return *static_cast<Leg *>(r->main->upstream->output.filter_ctx);
}

Leg::Leg(ngx_http_request_t *r, Context &ctx) noexcept : r_(r), ctx_(&ctx), conf_(&loc_conf(r)) {
}

// --- the beginning

void Leg::take_client() noexcept {
    const Bounds bounds = {.window = conf_->flow.client_window,
                           .notsent_lowat = conf_->flow.notsent_lowat,
                           .rcvbuf = client_rcvbuf(conf_->flow.client_rcvbuf, r_->connection)};
    client_.make(r_->connection, bounds, wants_nodelay(r_), content(*r_->header_in), nullptr);
    r_->read_event_handler = handle_client;
    r_->write_event_handler = handle_room_to_client;
    r_->connection->log->action = const_cast<char *>("relaying a websocket");
    ngx_post_event(r_->connection->write, &ngx_posted_events);
}

void Leg::make_backend(EndpointPlace &place) noexcept {
    ngx_http_upstream_t &u = *r_->upstream;
    place.make(u.peer.connection, backend_bounds(conf_->flow, comes_from_loopback(r_->connection)),
               wants_nodelay(r_), content(u.buffer), &u.state->bytes_received);
    u.peer.connection->read->available = -1;
    // No event will tell of it again, and without it the last short read would be taken for all.
    if (ctx_->backend_ended) {
        u.peer.connection->read->ready = 1;
        u.peer.connection->read->pending_eof = 1;
    }
}

// nginx has more reasons to call for an answer that is not yet sent; and behind a subrequest, which
// had the client's events meanwhile.
bool Leg::takes_turn(const ngx_event_t *ev) noexcept {
    const bool comes_back = std::exchange(comes_back_, false);
    return comes_back || answer_ != Answer::sent || r_->connection->read->ready != 0 ||
           ngx_ws::is_news(client(), ev);
}

void Leg::come_back() noexcept {
    comes_back_ = true;
    ngx_post_event(r_->connection->write, &ngx_posted_next_events);
}

// --- the end

void Leg::note_end(const ws::Tunnel &tunnel) noexcept {
    r_->connection->timedout = tunnel.client_has_stalled();
    r_->lingering_close = tunnel.client_speaks();
    // nginx would read a flood for as long as lingering_time allows.
    if (tunnel.client_floods()) {
        r_->lingering_close = 0;
        r_->connection->read->ready = 0;
    }
}

void Leg::end() noexcept {
    const ngx_http_cleanup_pt finish = *r_->upstream->cleanup;
    finish(r_);
}

// The session ends before its request, for which nginx may still have a post_action.
void Leg::shut_down() noexcept {
    ngx_http_request_t *r = r_;
    r->main->count++;
    end();
    ngx_http_finalize_request(r, NGX_ERROR);
}

void say_goodbye(ws::Relay &relay, ngx_connection_t *client, ngx_connection_t *backend) noexcept {
    if (relay.tunnel().phase() == ws::Phase::over) {
        return;
    }
    if (client->close || backend->close) {
        relay.stop(ws::CloseCode::going_away, "gateway is shutting down", ngx_current_msec);
    } else {
        relay.stop(ws::CloseCode::internal_error, "request was aborted", ngx_current_msec);
    }
    drop_unread(client);
    drop_unread(backend);
}

void Leg::log_end(bool goes_on) noexcept {
    const ws::Facts facts = this->facts();
    const ngx_str_t who = ngx::str(ws::name(facts.ended_by));
    const ngx_str_t why = ngx::str(facts.why);
    u_char lost[sizeof(", undelivered to backend , to client ") + 2 * NGX_INT64_LEN];
    u_char *end = lost;
    if (facts.undelivered_to_backend != 0 || facts.undelivered_to_client != 0) {
        end = ngx_sprintf(lost, ", undelivered to backend %uL, to client %uL",
                          facts.undelivered_to_backend, facts.undelivered_to_client);
    }
    *end = '\0';
    RequestLog log(r_);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: %V closed%s%V, code %ui%s%s", &who,
                  why.len == 0 ? "" : ": ", &why, static_cast<ngx_uint_t>(facts.close_code), lost,
                  goes_on ? ", the session waits" : "");
}

}  // namespace ngx_ws
