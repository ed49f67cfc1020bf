#include "module/ws_resume/reconnect.hpp"

#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/claim.hpp"
#include "module/ws_resume/resumable_leg.hpp"
#include "module/ws_resume/to_owner.hpp"
#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

// The accounts that the variables of nginx's upstream read; an empty one stands between those of
// two locations.
bool make_state(ngx_http_request_t *r) noexcept {
    if (r->upstream_states == nullptr) {
        r->upstream_states = ngx_array_create(r->pool, 1, sizeof(ngx_http_upstream_state_t));
    } else if (void *between = ngx_array_push(r->upstream_states); between != nullptr) {
        ngx_memzero(between, sizeof(ngx_http_upstream_state_t));
    }
    auto *state = r->upstream_states == nullptr ? nullptr : ngx_array_push(r->upstream_states);
    if (state == nullptr) {
        return false;
    }
    ngx_memzero(state, sizeof(ngx_http_upstream_state_t));
    ngx_http_upstream_t &u = *r->upstream;
    u.state = static_cast<ngx_http_upstream_state_t *>(state);
    u.state->connect_time = static_cast<ngx_msec_t>(-1);
    u.state->header_time = static_cast<ngx_msec_t>(-1);
    u.state->response_time = static_cast<ngx_msec_t>(-1);
    u.start_time = ngx_current_msec;
    return true;
}

void release_leg(ngx_http_request_t *r, ngx_int_t) {
    leg_of(r).release();
}

// What ngx_http_upstream does at the end of a request that has a connection.
void end_leg(void *data) {
    auto *r = static_cast<ngx_http_request_t *>(data);
    ngx_http_upstream_t &u = *r->upstream;
    *u.cleanup = nullptr;
    u.cleanup = nullptr;
    u.state->response_time = ngx_current_msec - u.start_time;
    u.finalize_request(r, NGX_DONE);
    ngx_http_finalize_request(r, NGX_DONE);
}

bool make_upstream(ngx_http_request_t *r, Context &ctx) noexcept {
    if (ngx_http_upstream_create(r) != NGX_OK || !make_state(r)) {
        return false;
    }
    ngx_http_cleanup_t *cleanup = ngx_http_cleanup_add(r, 0);
    ctx.leg = ResumableLeg::make_next(r, ctx);
    if (cleanup == nullptr || ctx.leg == nullptr) {
        return false;
    }
    ngx_http_upstream_t &u = *r->upstream;
    cleanup->handler = end_leg;
    cleanup->data = r;
    u.cleanup = &cleanup->handler;
    u.conf = &const_cast<LocConf &>(loc_conf(r)).upstream;
    u.output.filter_ctx = ctx.leg;
    u.finalize_request = release_leg;
    u.header_sent = 1;
    return true;
}

// What ngx_http_upstream_init() does with the client's connection.
bool take_connection(ngx_connection_t *c) noexcept {
    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }
    return (ngx_event_flags & NGX_USE_CLEAR_EVENT) == 0 || c->write->active ||
           ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT) == NGX_OK;
}

}  // namespace

ngx_int_t reconnect(ngx_http_request_t *r, Context &ctx) noexcept {
    if (const uint64_t owner = other_owner(ctx.asked->request.sid); owner != 0) {
        return pass_to_owner(r, ctx, owner);
    }
    if (!prepare_scratch() || !take_connection(r->connection) || !make_upstream(r, ctx)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->main->count++;
    static_cast<ResumableLeg *>(ctx.leg)->take_client();
    return NGX_DONE;
}

}  // namespace ngx_ws
