// ws_upload_rate and ws_download_rate: how fast a session is read.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

// The session of this request begins.
void limit_rates(ws::Relay &relay, ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws
