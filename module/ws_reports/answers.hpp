// The answers that were given in the place of a 101, counted.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// The handler of the log phase.
extern "C" ngx_int_t ngx_http_ws_count_answer(ngx_http_request_t *r);

}  // namespace ngx_ws
