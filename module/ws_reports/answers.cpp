#include "module/ws_reports/answers.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_status/counting.hpp"

namespace ngx_ws {

namespace {

unsigned status_of(ngx_http_request_t *r) noexcept {
    const ngx_uint_t status = r->err_status != 0 ? r->err_status : r->headers_out.status;
    return static_cast<unsigned>(status);
}

// The first counts: an error page may be another location's.
StatusZone *zone_of(ngx_http_request_t *r) noexcept {
    const Context *ctx = find_context(r);
    if (ctx != nullptr && ctx->status_zone != nullptr) {
        return ctx->status_zone;
    }
    const LocConf &conf = loc_conf(r);
    const bool serves = conf.upstream.upstream != nullptr || conf.target != nullptr;
    return serves ? conf.status.zone : nullptr;
}

}  // namespace

extern "C" ngx_int_t ngx_http_ws_count_answer(ngx_http_request_t *r) {
    if (r != r->main) {
        return NGX_OK;
    }
    const Context *ctx = find_context(r);
    if (ctx != nullptr && ctx->leg != nullptr && ctx->leg->started()) {
        return NGX_OK;
    }
    ws::Counters *counters = counters_of(zone_of(r));
    if (counters != nullptr) {
        counters->count(ws::Metric::handshakes, ws::status_label(status_of(r)));
    }
    return NGX_OK;
}

}  // namespace ngx_ws
