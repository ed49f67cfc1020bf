#include "module/ws_settings/proxy_protocol_conf.hpp"

namespace ngx_ws {

// An indexed variable keeps its value, so that the backend and the log are told the same one.
bool ProxyProtocolConf::finish(ngx_conf_t *cf) noexcept {
    if (version != static_cast<ngx_uint_t>(ProxyProtocol::v2)) {
        return true;
    }
    ngx_str_t name = ngx_string("request_id");
    request_id = ngx_http_get_variable_index(cf, &name);
    return request_id != NGX_ERROR;
}

}  // namespace ngx_ws
