// The content handler of a location with ws_pass: a request becomes a session, or is refused.
#include "module/ws_backend/backend.hpp"
#include "module/ws_requests/log.hpp"
#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/reconnect.hpp"
#include "module/ws_session/deflate.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_upgrade/expiry.hpp"
#include "module/ws_upgrade/origin_check.hpp"
#include "module/ws_upgrade/upgrade.hpp"

namespace ngx_ws {

namespace {

// nginx cannot run a session in the place of a part of another answer.
bool may_be_session(ngx_http_request_t *r) noexcept {
    if (r != r->main) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: ws_pass cannot serve a subrequest");
        return false;
    }
    // This request is for an error page, and nginx would replace its 101.
    if (r->err_status != 0) {
        RequestLog log(r);
        ngx_log_error(
            NGX_LOG_ERR, log.get(), 0,
            "ws: an error page keeps its status %ui and is no session; \"error_page CODE = "
            "URI\" leaves the status to ws_pass",
            r->err_status);
        return false;
    }
    return true;
}

// Null if there is no memory.
Context *begin(ngx_http_request_t *r) noexcept {
    Context *ctx = context(r);
    if (ctx != nullptr) {
        if (ctx->deflation != nullptr) {
            ctx->deflation->release();
        }
        begin_again(*ctx);
        ctx->status_zone = loc_conf(r).status.zone;
    }
    return ctx;
}

// What variables may say once it is known what the client wants, its subprotocol for one. False if
// they say what cannot be.
bool choose(ngx_http_request_t *r, Context &ctx) noexcept {
    const LocConf &conf = loc_conf(r);
    const std::optional<ngx_uint_t> type = conf.frame_type.at(r);
    const std::optional<ngx_uint_t> compressed = conf.deflate.on.at(r);
    if (!type || !compressed) {
        return false;
    }
    ctx.frame_type = static_cast<ws::Opcode>(*type);
    if (ctx.resumes != ws::ResumeName::none) {
        ctx.asked = Asked::read(r, ctx.resumes);
        return ctx.asked != nullptr;
    }
    if (*compressed != 0) {
        ctx.deflation = Deflation::negotiate(r, ctx.request);
    }
    return true;
}

}  // namespace

extern "C" ngx_int_t ngx_http_ws_handler(ngx_http_request_t *r) {
    if (!may_be_session(r)) {
        return r == r->main && r->err_status >= NGX_HTTP_SPECIAL_RESPONSE
                   ? static_cast<ngx_int_t>(r->err_status)
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    Context *ctx = begin(r);
    if (ctx == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const ws::Handshake verdict = check_upgrade(r, *ctx);
    if (verdict != ws::Handshake::accepted) {
        return refuse_upgrade(r, verdict);
    }
    if (check_origin(r, *ctx) == OriginVerdict::refused) {
        return NGX_HTTP_FORBIDDEN;
    }
    if (!choose(r, *ctx)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (const ngx_int_t status = check_expiry(r, *ctx); status != NGX_OK) {
        return status;
    }
    return ctx->asked != nullptr && ctx->asked->request.resumes ? reconnect(r, *ctx)
                                                                : connect_backend(r, *ctx);
}

}  // namespace ngx_ws
