#include "module/ws_upgrade/expiry.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_life/numeric_date.hpp"

#include <algorithm>

namespace ngx_ws {

namespace {

uint64_t milliseconds_since_1970() noexcept {
    const ngx_time_t *now = ngx_timeofday();
    return static_cast<uint64_t>(now->sec) * 1000 + now->msec;
}

ngx_int_t refuse_value(ngx_http_request_t *r, const ngx_str_t &value) noexcept {
    std::array<u_char, 64> room;
    const ngx_str_t said = printable(ngx::view(value), room);
    RequestLog log(r);
    ngx_log_error(NGX_LOG_ERR, log.get(), 0,
                  "ws: invalid value \"%V%s\" in \"ws_expires %V\": expected seconds since 1970",
                  &said, value.len > said.len ? "..." : "", &loc_conf(r).times.expires->value);
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

}  // namespace

ngx_int_t check_expiry(ngx_http_request_t *r, Context &ctx) noexcept {
    const LocConf &conf = loc_conf(r);
    ngx_str_t value = ngx_null_string;
    if (conf.times.expires == nullptr) {
        return NGX_OK;
    }
    if (ngx_http_complex_value(r, conf.times.expires, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (value.len == 0) {
        return NGX_OK;
    }
    const std::optional<uint64_t> at = ws::read_numeric_date(ngx::view(value));
    if (!at) {
        return refuse_value(r, value);
    }
    if (*at <= milliseconds_since_1970()) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: refused: its time in ws_expires is over");
        return NGX_HTTP_FORBIDDEN;
    }
    ctx.expires_at = *at;
    return NGX_OK;
}

// Milliseconds; 0: it may last for ever. It may have expired while the backend was dialled.
ngx_msec_t time_left(ngx_http_request_t *r, const Context &ctx) noexcept {
    const ngx_msec_t longest = loc_conf(r).times.max_duration;
    if (ctx.expires_at == 0) {
        return longest;
    }
    const uint64_t now = milliseconds_since_1970();
    const ngx_msec_t left = ctx.expires_at <= now ? 1 : ctx.expires_at - now;
    return longest == 0 ? left : std::min(left, longest);
}

void bound(ws::Relay &relay, ngx_http_request_t *r, const Context &ctx) noexcept {
    if (const ngx_msec_t left = time_left(r, ctx); left != 0) {
        relay.expire_at(ngx_current_msec + left);
    }
}

}  // namespace ngx_ws
