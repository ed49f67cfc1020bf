// An upstream{} may be shared with proxy_pass and its keepalive. What has spoken HTTP, or anything
// else, is no backend of a session: that begins on a connection of its own.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// ngx_http_upstream_init() for a request of ours whose servers are those of an upstream, null if
// they are not.
void connect_anew(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *upstream) noexcept;

}  // namespace ngx_ws
