// A whole answer of ours, other than a 101.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Name and value must last as long as the request. False if there is no memory.
[[nodiscard]] bool add_field(ngx_http_request_t *r, std::string_view name,
                             std::string_view value) noexcept;

// Sends the text, which lasts as long as the request; its data is null if there was no memory for
// it. What a content handler returns.
[[nodiscard]] ngx_int_t send_text(ngx_http_request_t *r, ngx_uint_t status, std::string_view type,
                                  ngx_str_t text) noexcept;

}  // namespace ngx_ws
