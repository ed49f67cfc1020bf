// TLS to the backend: ws_ssl and the ws_ssl_* directives, which mirror nginx's proxy_ssl_*.
#pragma once

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

#if (NGX_HTTP_SSL)

// Makes the context of a location with "ws_ssl on"; false after a logged error.
[[nodiscard]] bool finish_ssl(ngx_conf_t *cf, LocConf &conf) noexcept;

extern "C" {
char *ngx_http_ws_set_ssl_password_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_ssl_conf_command(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

#else

[[nodiscard]] inline bool finish_ssl(ngx_conf_t *, LocConf &) noexcept {
    return true;
}

#endif

}  // namespace ngx_ws
