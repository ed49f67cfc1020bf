// ws_subprotocol.
#pragma once

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

// Inherits the names of the enclosing block; false if there is no memory.
[[nodiscard]] bool merge_subprotocols(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept;

extern "C" char *ngx_http_ws_set_subprotocol(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws
