// ws_status: what is counted, and which sessions are open, for whoever asks.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

extern "C" {
char *ngx_http_ws_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

// The content handler.
ngx_int_t ngx_http_ws_status_handler(ngx_http_request_t *r);
}

}  // namespace ngx_ws
