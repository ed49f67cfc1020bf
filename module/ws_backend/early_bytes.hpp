// What a backend says before it was seen to be connected: nginx reads it itself.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// What nginx calls when it has read. There is one read for each server, so that the
// room for its first bytes is also the most that it can say. The bytes stay in u->buffer for the
// relay.
ngx_int_t keep_early_bytes(ngx_http_request_t *r);

// The server that is tried now has been reached. What those before it said is dropped, and what it
// says from now on is read.
void end_early_bytes(ngx_http_request_t *r, Context &ctx) noexcept;

}  // namespace ngx_ws
