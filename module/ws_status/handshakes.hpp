// Requests for a session, counted: how they were answered, and why they were refused.
#pragma once

#include "module/ws_requests/context.hpp"

#include "ngx_ws_filter/ws_handshake/handshake.hpp"

namespace ngx_ws {

// The 101 is on its way to the client, after so many milliseconds of connecting.
void count_session(ngx_http_request_t *r) noexcept;
// A client has come back, and this is the code of the Close that it got; 0: it has its session.
void count_resume(ngx_http_request_t *r, unsigned code) noexcept;
void count_refusal(ngx_http_request_t *r, ws::Handshake verdict) noexcept;
void count_origin(ngx_http_request_t *r, OriginVerdict verdict) noexcept;

}  // namespace ngx_ws
