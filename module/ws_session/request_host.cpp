#include "module/ws_session/request_host.hpp"

#include "module/ws_reports/log.hpp"
#include "module/ws_upgrade/context.hpp"

namespace ngx_ws {

namespace {

// nginx lets an exiting worker go as soon as no timer is armed.
constexpr ngx_msec_t longest_wait = 3600000;

// A turn as nginx runs a request's: with its log, and with whatever the end of a request leaves to
// be done.
void handle_event(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    RequestHost &host = host_of(static_cast<ngx_http_request_t *>(c->data));
    ngx_connection_t *client = host.request()->connection;
    ngx_http_set_log_request(client->log, host.request());

    ev->timedout = 0;
    // A worker whose shutdown timeout is over marks each of its connections so.
    if (c->close) {
        host.shut_down();
    } else {
        host.turn();
    }
    ngx_http_run_posted_requests(client);
}

// For the client's connection nginx calls the request's handlers, and does what handle_event() does
// itself. It sets its own handlers of the connection anew when a subrequest fails.
void handle_client(ngx_http_request_t *r) {
    r->connection->write->timedout = 0;
    host_of(r).turn();
}

bool wants_nodelay(ngx_http_request_t *r) noexcept {
    return static_cast<ngx_http_core_loc_conf_t *>(
               ngx_http_get_module_loc_conf(r, ngx_http_core_module))
               ->tcp_nodelay != 0;
}

std::span<uint8_t> content(const ngx_buf_t &buffer) noexcept {
    return {buffer.pos, buffer.last};
}

}  // namespace

RequestHost &host_of(ngx_http_request_t *r) noexcept {
    return *static_cast<RequestHost *>(r->main->upstream->output.filter_ctx);
}

RequestHost *RequestHost::make(ngx_http_request_t *r, Context &ctx) noexcept {
    const LocConf &conf = loc_conf(r);
    const Lending lending(ctx.deflation, ctx.framing);
    const ws::SessionOptions options = {
        .outgoing = ctx.frame_type,
        .max_message_size = conf.framing.max_message_size(conf.max_message_size),
        .compression = lending.compression(),
        .framer = lending.framer(),
        .repairs_text = repairs_text(conf)};
    auto *session = ngx::make_apart<ws::Session>(r->pool, options);
    return session == nullptr ? nullptr
                              : ngx::make<RequestHost>(r->pool, r, ctx, lending, *session);
}

RequestHost::RequestHost(ngx_http_request_t *r, Context &ctx, const Lending &lending,
                         ws::Session &session) noexcept
    : r_(r),
      ctx_(&ctx),
      conf_(&loc_conf(r)),
      lending_(lending),
      session_(&session),
      translator_(std::in_place_type<ws::Translator>, session) {
}

// --- the beginning

void RequestHost::start() noexcept {
    make_endpoints();
    make_relay();
    take_events();
    ngx_connection_t *backend = r_->upstream->peer.connection;
    backend->read->available = -1;
    // No event will tell of it again, and without it the last short read would be taken for all.
    if (ctx_->backend_ended) {
        backend->read->ready = 1;
        backend->read->pending_eof = 1;
    }
    ngx_post_event(r_->connection->write, &ngx_posted_events);
}

void RequestHost::make_endpoints() noexcept {
    ngx_http_upstream_t &u = *r_->upstream;
    const bool nodelay = wants_nodelay(r_);
    const Bounds to_client = {.window = conf_->client_window,
                              .notsent_lowat = conf_->notsent_lowat,
                              .rcvbuf = conf_->client_rcvbuf};
    const Bounds to_backend = {
        .window = conf_->backend_window, .notsent_lowat = conf_->notsent_lowat, .rcvbuf = 0};
    client_ = make_endpoint(client_place_, r_->connection, to_client, nodelay,
                            content(*r_->header_in), nullptr);
    backend_ = make_endpoint(backend_place_, u.peer.connection, to_backend, nodelay,
                             content(u.buffer), &u.state->bytes_received);
}

ws::Translator &RequestHost::choose_translator() noexcept {
    const ws::RoomOptions room = {.framer = lending_.framer(),
                                  .compression = lending_.compression() != nullptr,
                                  .repairs_text = repairs_text(*conf_)};
    if (lending_.lends() || session_->repairs_text()) {
        return translator_.emplace<ws::RoomTranslator>(*session_, room, lending_);
    }
    return translator_.emplace<ws::Translator>(*session_);
}

void RequestHost::make_relay() noexcept {
    relay_.emplace(conf_->relay, *session_, choose_translator(), *client_, *backend_,
                   static_cast<ws::Host &>(*this));
}

void RequestHost::take_events() noexcept {
    ngx_connection_t *client = r_->connection;
    ngx_connection_t *backend = r_->upstream->peer.connection;
    backend->read->handler = handle_event;
    backend->write->handler = handle_event;
    r_->read_event_handler = handle_client;
    r_->write_event_handler = handle_client;
    client->log->action = const_cast<char *>("relaying a websocket");
}

// --- turns

void RequestHost::turn() noexcept {
    if (answer_ == Answer::due && !begin_answer()) {
        return;
    }
    if (relay_->advance(ngx_current_msec) == ws::Relay::Turn::over || !watch()) {
        r_->connection->timedout = relay_->tunnel().client_has_stalled();
        r_->lingering_close = relay_->tunnel().client_speaks();
        end();
        return;
    }
    arm();
}

bool RequestHost::watch() noexcept {
    return client_->watch() && backend_->watch();
}

// The one timer is that of the backend's writing, since a subrequest has the client's too. A timer
// that goes off early does no harm, and most deadlines only move away.
void RequestHost::arm() noexcept {
    ngx_event_t *clock = r_->upstream->peer.connection->write;
    const ngx_msec_t now = ngx_current_msec;
    const ngx_msec_t wake_at = ngx_min(relay_->wake_at(), now + longest_wait);
    if (clock->timer_set && static_cast<ngx_msec_int_t>(wake_at - clock->timer.key) >= 0) {
        return;
    }
    if (clock->timer_set) {
        ngx_del_timer(clock);
    }
    ngx_add_timer(clock, wake_at > now ? wake_at - now : 0);
}

// --- the end

void RequestHost::end() noexcept {
    const ngx_http_cleanup_pt finish = *r_->upstream->cleanup;
    finish(r_);
}

// The session ends before its request, for which nginx may still have a post_action.
void RequestHost::shut_down() noexcept {
    ngx_http_request_t *r = r_;
    r->main->count++;
    end();
    ngx_http_finalize_request(r, NGX_ERROR);
}

// Where nginx ends the request, because the worker's time is up or a subrequest has aborted it,
// both ends are told as well as can be at once, and waited for no more.
void RequestHost::say_goodbye() noexcept {
    if (relay_->tunnel().phase() == ws::Phase::over) {
        return;
    }
    if (r_->connection->close || r_->upstream->peer.connection->close) {
        relay_->stop(ws::CloseCode::going_away, "gateway is shutting down", ngx_current_msec);
    } else {
        relay_->stop(ws::CloseCode::internal_error, "request was aborted", ngx_current_msec);
    }
    client_->drop_unread();
    backend_->drop_unread();
}

void RequestHost::release() noexcept {
    if (relay_.has_value()) {
        if (started()) {
            say_goodbye();
        }
        relay_->release(ngx_current_msec);
        if (started()) {
            log_end();
        }
        // The endpoint has said all that TLS could say. nginx would try it again, and lose the TLS
        // connection's memory where there is no room for it.
        r_->upstream->peer.connection->error = 1;
    }
    lending_.release();
    // The request may outlive us, as long as a subrequest of it does.
    r_->read_event_handler = ngx_http_block_reading;
    r_->write_event_handler = ngx_http_request_empty_handler;
}

void RequestHost::log_end() noexcept {
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
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: %V closed%s%V, code %ui%s", &who,
                  why.len == 0 ? "" : ": ", &why, static_cast<ngx_uint_t>(facts.close_code), lost);
}

// --- what the relay asks for

const ws::Scratch &RequestHost::scratch() const noexcept {
    return ngx_ws::scratch();
}

size_t RequestHost::empty_pipe(std::span<uint8_t> to) noexcept {
    return pipe_of_worker().read_rest(to);
}

void RequestHost::come_back() noexcept {
    ngx_post_event(r_->connection->write, &ngx_posted_next_events);
}

void RequestHost::tell(ws::Order order, ws::Phase phase) noexcept {
    [[maybe_unused]] const ngx_str_t what = ngx::str(ws::name(order));
    [[maybe_unused]] const ngx_str_t when = ngx::str(ws::name(phase));
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r_->connection->log, 0, "ws: %V: %V", &when, &what);
}

void RequestHost::tell_ping([[maybe_unused]] ws::Millis silence) noexcept {
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r_->connection->log, 0,
                   "ws: ping, client was silent for %M ms", silence);
}

void RequestHost::tell_pong([[maybe_unused]] ws::Millis round_trip) noexcept {
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r_->connection->log, 0, "ws: pong after %M ms", round_trip);
}

void RequestHost::tell_late(ws::Deadline which, [[maybe_unused]] ws::Millis waited,
                            [[maybe_unused]] ws::Millis silence) noexcept {
    [[maybe_unused]] ngx_log_t *log = r_->connection->log;
    switch (which) {
        case ws::Deadline::idle:
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log, 0, "ws: ws_idle_timeout: no data for %M ms",
                           waited);
            break;
        case ws::Deadline::pong:
        case ws::Deadline::confirm:
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log, 0,
                           "ws: ws_pong_timeout: no pong for %M ms, client silent for %M ms",
                           waited, silence);
            break;
        case ws::Deadline::client:
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, log, 0,
                           "ws: ws_send_timeout: the client has acknowledged nothing");
            break;
        case ws::Deadline::backend:
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, log, 0,
                           "ws: ws_send_timeout: the backend has acknowledged nothing");
            break;
        default:
            break;
    }
}

}  // namespace ngx_ws
