// ws_zone, ws_status_zone, ws_status and ws_control: where sessions are counted, under which names,
// and which locations tell of them and end them.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_status/board.hpp"

namespace ngx_ws {

struct LocConf;

// A name of the configuration.
struct StatusZone {
    ngx_str_t name;
    const ws::ZoneName *on_board;  // once the memory stands
    ws::Counters *counters;        // of this process; null before they are asked for first
};

// Settles which name a location counts under, once it is known what it serves. False if there is no
// memory.
[[nodiscard]] bool name_status_zone(ngx_conf_t *cf, LocConf &conf) noexcept;

extern "C" {
// Answers the requests of a location with ws_status. It is of module/ws_status/, above this room.
ngx_int_t ngx_http_ws_status_handler(ngx_http_request_t *r);

// Answers those of a location with ws_control; it is of module/ws_steering/.
ngx_int_t ngx_http_ws_control_handler(ngx_http_request_t *r);

char *ngx_http_ws_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

}  // namespace ngx_ws
