// The 101, which a session begins with, and what becomes of it where another module's filter does
// not let it pass.
#include "module/ws_endpoints/tls_connection.hpp"
#include "module/ws_requests/context.hpp"
#include "module/ws_requests/log.hpp"
#include "module/ws_session/deflate.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_status/handshakes.hpp"
#include "module/ws_upgrade/upgrade.hpp"

namespace ngx_ws {

namespace {

// While the rate of a subrequest is limited nginx holds back what the whole connection says.
template <typename Send>
ngx_int_t without_delay(ngx_connection_t *c, Send send) noexcept {
    const unsigned delayed = c->write->delayed;
    c->write->delayed = 0;
    const ngx_int_t rc = send();
    c->write->delayed = delayed & 1;
    return rc;
}

// A subprotocol is named only where the configuration names it: one that a client alone has chosen
// may be a token.
void log_begin(ngx_http_request_t *r, const Context &ctx, const LocConf &conf) noexcept {
    RequestLog log(r);
    if (ctx.subprotocol.empty() || conf.subprotocol.names->nelts == 0) {
        ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: session opened");
        return;
    }
    const ngx_str_t subprotocol = ngx::str(ctx.subprotocol);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: session opened, subprotocol \"%V\"",
                  &subprotocol);
}

// What the 101 says.
ws::Agreement agreement_of(const Context &ctx) noexcept {
    const Deflation *deflation = ctx.deflation;
    return {.key = ctx.request.key(),
            .subprotocol =
                ctx.resumes == ws::ResumeName::none ? ctx.subprotocol : ws::text(ctx.resumes),
            .extensions = deflation == nullptr ? std::string_view{} : deflation->answer()};
}

}  // namespace

void Leg::note_answer() noexcept {
    answer_ = Answer::begun;
    log_begin(r_, *ctx_, *conf_);
    count_session(r_);
}

// A client that was lost while it was answered had a session, however short.
bool Leg::begin_answer() noexcept {
    ngx_http_request_t *r = r_;
    const ngx_http_upstream_t *u = r->upstream;
    const ngx_int_t rc = without_delay(
        r->connection, [this] { return send_switching_protocols(r_, agreement_of(*ctx_)); });
    if (rc == NGX_OK || (r->connection->error && !r->filter_finalize)) {
        note_answer();
        return true;
    }
    // nginx does this for any upstream. The filter may have given the request to another content
    // handler, which has ended our part of it.
    if (u->cleanup == nullptr) {
        ngx_http_finalize_request(r, NGX_DONE);
        return false;
    }
    if (!r->header_sent) {
        ngx_http_clean_header(r);
    }
    answer_without(rc);
    return false;
}

void Leg::answer_without(ngx_int_t status) noexcept {
    ngx_http_request_t *r = r_;
    r->main->count++;
    end();
    ngx_http_finalize_request(r, status);
}

bool Leg::prepare_answer() noexcept {
    if (!prepare_switching_protocols(r_, agreement_of(*ctx_))) {
        return false;
    }
    note_answer();
    return true;
}

bool Leg::answer_at_once() noexcept {
    if (send_switching_protocols(r_, agreement_of(*ctx_)) != NGX_OK) {
        return false;
    }
    answer_ = Answer::begun;
    return true;
}

// For a socket that took it in parts.
ws::Answer Leg::send_answer() noexcept {
    ngx_connection_t *c = r_->connection;
    if (!c->error && (r_->out != nullptr || c->buffered)) {
        const ngx_int_t rc =
            without_delay(c, [this] { return ngx_http_output_filter(r_, nullptr); });
        if (rc == NGX_ERROR) {
            c->error = 1;
        } else if (r_->out != nullptr || c->buffered) {
            return ws::Answer::pending;
        }
    }
    answer_ = Answer::sent;
    r_->header_in->pos = r_->header_in->last;  // the endpoint has them
    if (c->error) {
        return ws::Answer::failed;
    }
    free_tls_buffer(c);
    return ws::Answer::sent;
}

}  // namespace ngx_ws
