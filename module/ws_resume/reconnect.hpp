// A request that comes back to its session: it dials nobody.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// The 101 is sent in an event of its own, and the session is looked for behind it. What a content
// handler returns.
[[nodiscard]] ngx_int_t reconnect(ngx_http_request_t *r, Context &ctx) noexcept;

}  // namespace ngx_ws
