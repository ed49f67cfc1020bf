// ws_pass: where it is written, what it names, and what may not stand beside it.
#pragma once

#include "module/ws_settings/lines.hpp"

namespace ngx_ws {

struct LocConf;

// A ws_pass as it stands in nginx.conf; the value's data is null where there is none.
struct PassConf {
    ngx_str_t value;
    Line line;
};

// What can be said only when the whole configuration has been read: that a name without a port is
// an upstream{}, that no other directive answers the requests, and which directives have no effect.
// Called for each location, after its settings have been merged; false after an error.
[[nodiscard]] bool finish_pass(ngx_conf_t *cf, LocConf &conf) noexcept;

// Warns of directives beside ws_pass that change nothing there.
void warn_of_useless(ngx_conf_t *cf, const LocConf &conf) noexcept;

// Answers the requests of a location with ws_pass. It is of module/ws_upgrade/, above this room.
extern "C" ngx_int_t ngx_http_ws_handler(ngx_http_request_t *r);

extern "C" char *ngx_http_ws_set_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws
