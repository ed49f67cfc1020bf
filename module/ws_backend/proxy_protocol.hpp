// ws_proxy_protocol: the backend is told who the client is, before anything else.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Sends the header that the location asks for, if any, over the backend's new connection. Not whole
// is not at all: then the connection is of no use. The first bytes on it, and none of a session's.
[[nodiscard]] bool send_proxy_header(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws
