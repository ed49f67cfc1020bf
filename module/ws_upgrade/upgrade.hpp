// The request: may it become a WebSocket, and the answer either way.
#pragma once

#include "module/ws_requests/context.hpp"

namespace ngx_ws {

// Whether the request may become a WebSocket in this location, whatever its origin. What they agree
// on is noted.
[[nodiscard]] ws::Handshake check_upgrade(ngx_http_request_t *r, Context &ctx) noexcept;

// Answers a request that may not. What a content handler returns.
[[nodiscard]] ngx_int_t refuse_upgrade(ngx_http_request_t *r, ws::Handshake verdict) noexcept;

// Makes the 101 of an accepted request, for whoever sends it. False if memory is gone.
[[nodiscard]] bool prepare_switching_protocols(ngx_http_request_t *r,
                                               const ws::Agreement &agreement) noexcept;

// Sends the 101 of an accepted request. NGX_ERROR if the client is gone or memory is, or if another
// module's filter has refused it; or the status with which the request has to end.
[[nodiscard]] ngx_int_t send_switching_protocols(ngx_http_request_t *r,
                                                 const ws::Agreement &agreement) noexcept;

// What the client and this location agree on, before or after the handshake; empty if nothing.
[[nodiscard]] std::string_view agreed_subprotocol(ngx_http_request_t *r) noexcept;

// Whether this location has a page for the status, or another location that is to try.
[[nodiscard]] bool has_error_page(ngx_http_request_t *r, ngx_int_t status) noexcept;

// A phase handler, before those of other modules that may refuse the request: its connection
// serves no other one.
extern "C" ngx_int_t ngx_http_ws_early_handler(ngx_http_request_t *r);

}  // namespace ngx_ws
