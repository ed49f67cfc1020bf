#include "module/ws_session/rates.hpp"

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

// A value that is no size is none, with a line of nginx's in the log.
uint64_t rate(ngx_http_request_t *r, ngx_http_complex_value_t *value) noexcept {
    return value == nullptr ? 0 : ngx_http_complex_value_size(r, value, 0);
}

}  // namespace

void limit_rates(ws::Relay &relay, ngx_http_request_t *r) noexcept {
    const FlowConf &conf = loc_conf(r).flow;
    if (conf.upload_rate != nullptr || conf.download_rate != nullptr) {
        relay.set_rates(rate(r, conf.upload_rate), rate(r, conf.download_rate), ngx_current_msec);
    }
}

}  // namespace ngx_ws
