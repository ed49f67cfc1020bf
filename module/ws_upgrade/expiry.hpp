// ws_expires and ws_max_duration: until when a session may last.
#pragma once

#include "module/ws_requests/context.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

// Asks the variables of ws_expires. NGX_OK, or the status for the client, with a line in the log.
[[nodiscard]] ngx_int_t check_expiry(ngx_http_request_t *r, Context &ctx) noexcept;

// Milliseconds that a session of this request, or its next leg, may last from now on; 0: any time.
[[nodiscard]] ngx_msec_t time_left(ngx_http_request_t *r, const Context &ctx) noexcept;

// The session of this request begins now.
void bound(ws::Relay &relay, ngx_http_request_t *r, const Context &ctx) noexcept;

}  // namespace ngx_ws
