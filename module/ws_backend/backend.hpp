// The backend connection, by nginx's own upstream machinery: picked, resolved, connected, retried.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// Begins to connect; the relay starts once the backend stands. What a content handler returns.
[[nodiscard]] ngx_int_t connect_backend(ngx_http_request_t *r, Context &ctx) noexcept;

}  // namespace ngx_ws
