// $ws_* variables.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

extern "C" ngx_int_t ngx_http_ws_add_variables(ngx_conf_t *cf);

}  // namespace ngx_ws
