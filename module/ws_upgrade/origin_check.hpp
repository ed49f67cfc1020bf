// ws_origin: may a page of this origin open a WebSocket here.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// Checks the request's Origin once a location, and logs a refusal once; later calls give the same
// verdict.
[[nodiscard]] OriginVerdict check_origin(ngx_http_request_t *r, Context &ctx) noexcept;

// The phase handler: guards upgrade requests in every location in which ws_origin is written,
// whoever serves it.
extern "C" ngx_int_t ngx_http_ws_origin_handler(ngx_http_request_t *r);

}  // namespace ngx_ws
