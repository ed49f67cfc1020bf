// Whether a worker can keep one more session for its client, and for whom: ws_resume_sessions,
// ws_resume_memory, ws_resume_bind.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

[[nodiscard]] bool may_keep_another(ngx_http_request_t *r) noexcept;

// What has to be equal at each leg, in this pool; empty if nothing has. False if there is no
// memory.
[[nodiscard]] bool read_bound(ngx_http_request_t *r, ngx_pool_t *pool, ngx_str_t &bound) noexcept;

}  // namespace ngx_ws
