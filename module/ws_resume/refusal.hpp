// What is wrong with a session that can be resumed is told behind the 101, by a Close as the only
// frame: pages cannot see statuses. docs/resume-protocol.md, section 2.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_messages/close.hpp"

namespace ngx_ws {

// Writes the Close behind the 101 that was sent. NGX_ERROR if the client is lost.
[[nodiscard]] ngx_int_t send_close(ngx_http_request_t *r, ws::CloseCode code,
                                   std::string_view why) noexcept;

}  // namespace ngx_ws
