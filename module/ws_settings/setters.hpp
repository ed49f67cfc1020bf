// nginx's own setters, made to name the directive, quote the value and say what was expected.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// cmd->post of ngx_http_ws_set_size(), or null.
struct LeastSize {
    size_t bytes;
    const char *expected;
};

// cmd->post of ngx_http_ws_set_number(), or null.
struct Range {
    ngx_int_t low;
    ngx_int_t high;
    const char *expected;
};

extern "C" {
char *ngx_http_ws_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// 0 stands for "never".
char *ngx_http_ws_set_time_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// 0 is refused.
char *ngx_http_ws_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_bind(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// One name of the ngx_conf_enum_t table in cmd->post.
char *ngx_http_ws_set_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// Names of the ngx_conf_bitmask_t table in cmd->post.
char *ngx_http_ws_set_bitmask(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

}  // namespace ngx_ws
