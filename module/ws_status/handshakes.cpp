#include "module/ws_status/handshakes.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

namespace ngx_ws {

namespace {

void count(ngx_http_request_t *r, ws::Metric metric, size_t label) noexcept {
    ws::Counters *counters = counters_of(loc_conf(r).status.zone);
    if (counters != nullptr) {
        counters->count(metric, label);
    }
}

}  // namespace

void count_session(ngx_http_request_t *r) noexcept {
    ws::Counters *counters = counters_of(loc_conf(r).status.zone);
    if (counters != nullptr) {
        counters->count(ws::Metric::handshakes, ws::status_label(NGX_HTTP_SWITCHING_PROTOCOLS));
        counters->observe(ws::Metric::connects, r->upstream->state->connect_time);
    }
}

void count_resume(ngx_http_request_t *r, unsigned code) noexcept {
    constexpr auto unknown = static_cast<unsigned>(ws::resume_close::unknown_sid);
    enum Result : size_t { resumed, not_known, refused };
    const Result otherwise = code == unknown ? not_known : refused;
    count(r, ws::Metric::resumes, code == 0 ? resumed : otherwise);
}

void count_refusal(ngx_http_request_t *r, ws::Handshake verdict) noexcept {
    count(r, ws::Metric::refusals, static_cast<size_t>(verdict) - 1);
}

void count_origin(ngx_http_request_t *r, OriginVerdict verdict) noexcept {
    count(r, ws::Metric::origins, static_cast<size_t>(verdict) - 1);
}

}  // namespace ngx_ws
