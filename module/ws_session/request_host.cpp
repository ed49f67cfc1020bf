#include "module/ws_session/request_host.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_session/clock.hpp"
#include "module/ws_session/rates.hpp"
#include "module/ws_upgrade/expiry.hpp"

namespace ngx_ws {

namespace {

// A turn as nginx runs a request's: with its log, and with whatever the end of a request leaves to
// be done.
void handle_backend(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    auto &leg = static_cast<RequestHost &>(leg_of(static_cast<ngx_http_request_t *>(c->data)));
    if (!ngx_ws::is_news(leg.backend(), ev)) {
        return;
    }
    ngx_connection_t *client = leg.request()->connection;
    ngx_http_set_log_request(client->log, leg.request());

    ev->timedout = 0;
    // A worker whose shutdown timeout is over marks each of its connections so.
    if (c->close) {
        leg.shut_down();
    } else {
        leg.turn();
    }
    ngx_http_run_posted_requests(client);
}

}  // namespace

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
    : Leg(r, ctx),
      session_(&session),
      lending_(lending),
      translator_(std::in_place_type<ws::Translator>, session) {
}

// --- the beginning

// A request that nginx gives up before it dials is not released.
ngx_int_t RequestHost::enter() noexcept {
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(request()->pool, 0);
    if (cleanup == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    cleanup->handler = [](void *session) { static_cast<Steered *>(session)->leave(); };
    cleanup->data = static_cast<Steered *>(this);
    return Steered::enter(request());
}

void RequestHost::start() noexcept {
    make_backend(backend_);
    ngx_connection_t *c = request()->upstream->peer.connection;
    c->read->handler = handle_backend;
    c->write->handler = handle_backend;
    take_client();
    relay_.emplace(conf().relay.raw, *session_, choose_translator(), client(), backend_.endpoint(),
                   static_cast<ws::Host &>(*this));
}

ws::Translator &RequestHost::choose_translator() noexcept {
    const ws::CopyingOptions room = {.framer = lending_.framer(),
                                     .compression = lending_.compression() != nullptr,
                                     .repairs_text = repairs_text(conf())};
    if (lending_.lends() || session_->repairs_text()) {
        return translator_.emplace<ws::CopyingTranslator>(*session_, room, lending_);
    }
    return translator_.emplace<ws::Translator>(*session_);
}

void RequestHost::begin_session() noexcept {
    Steered::begin();
    begin_report(request(), request()->pool, context().subprotocol);
    bound(*relay_, request(), context());
    limit_rates(*relay_, request());
    if (conf().times.drain_time != 0) {
        join_worker();
    }
}

// --- turns

void RequestHost::turn() noexcept {
    if (!started()) {
        if (refused() != 0) {
            answer_without(refused());
            return;
        }
        if (!begin_answer()) {
            return;
        }
        begin_session();
    }
    if (relay_->advance(ngx_current_msec) == ws::Relay::Turn::over ||
        !watch(client(), relay_->waits_for_room(ws::Side::client)) ||
        !watch(backend(), relay_->waits_for_room(ws::Side::backend))) {
        note_end(relay_->tunnel());
        end();
        return;
    }
    note_turn();
    wake_at(clock_of(request()->upstream->peer.connection), relay_->wake_at());
}

// --- the end

bool RequestHost::end_now(ws::CloseCode code, std::string_view why) noexcept {
    const bool went_on = !relay_->tunnel().ending();
    end_for(code, ngx::view(ngx::copy(request()->pool, why)));
    return went_on;
}

// The session ends in a turn of its own, as by an event of the backend's connection.
void RequestHost::end_for(ws::CloseCode code, std::string_view why) noexcept {
    ngx_connection_t *client = request()->connection;
    ngx_http_set_log_request(client->log, request());
    relay_->end(code, why, ngx_current_msec);
    turn();
    ngx_http_run_posted_requests(client);
}

void RequestHost::release() noexcept {
    ngx_http_request_t *r = request();
    leave_worker();
    Steered::leave();
    if (relay_.has_value()) {
        ngx_connection_t *backend = r->upstream->peer.connection;
        if (started()) {
            say_goodbye(*relay_, request()->connection, backend);
        }
        relay_->release(ngx_current_msec);
        if (started()) {
            log_end();
            end_report(facts());
        }
        // The endpoint has said all that TLS could say. nginx would try it again, and lose the TLS
        // connection's memory where there is no room for it.
        backend->error = 1;
    }
    lending_.release();
    // The request may outlive us, as long as a subrequest of it does.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}

}  // namespace ngx_ws
