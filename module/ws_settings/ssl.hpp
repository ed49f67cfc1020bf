// TLS to the backend: ws_ssl and the ws_ssl_* directives, which mirror nginx's proxy_ssl_*.
#pragma once

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

#if (NGX_HTTP_SSL)

void unset_ssl(LocConf &conf) noexcept;

// Inherits, and makes the context of a location with "ws_ssl on"; false after a logged error.
[[nodiscard]] bool merge_ssl(ngx_conf_t *cf, LocConf &conf, LocConf &prev) noexcept;

extern "C" {
char *ngx_http_ws_set_ssl_password_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

#endif

}  // namespace ngx_ws
