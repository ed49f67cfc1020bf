// A reconnect that has come to another worker than its session: its bytes go to the owner and back,
// as nginx's own upgrade tunnel passes them.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// What a content handler returns.
[[nodiscard]] ngx_int_t pass_to_owner(ngx_http_request_t *r, Context &ctx,
                                      uint64_t worker) noexcept;

}  // namespace ngx_ws
