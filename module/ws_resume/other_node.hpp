// Where a request belongs that resumes a session of another node: $ws_resume_node.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// The name of the node that the request's SID names, in the request's memory. Empty if the request
// is for this node: it resumes nothing, its SID is none or is of here, or another node has passed
// it on, so that it goes round in no circle. False if there is no memory.
[[nodiscard]] bool find_other_node(ngx_http_request_t *r, ngx_str_t &name) noexcept;

}  // namespace ngx_ws
