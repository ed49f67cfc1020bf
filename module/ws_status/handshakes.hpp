// Requests for a session, counted: how they were answered, and why they were refused.
#pragma once

#include "module/ws_upgrade/context.hpp"

#include "ngx_ws_filter/ws_handshake/handshake.hpp"

namespace ngx_ws {

// The 101 is on its way to the client, after so many milliseconds of connecting.
void count_session(ngx_http_request_t *r) noexcept;
void count_refusal(ngx_http_request_t *r, ws::Handshake verdict) noexcept;
void count_origin(ngx_http_request_t *r, OriginVerdict verdict) noexcept;

// The handler of the log phase: counts what was answered in the place of a 101.
extern "C" ngx_int_t ngx_http_ws_count_answer(ngx_http_request_t *r);

}  // namespace ngx_ws
