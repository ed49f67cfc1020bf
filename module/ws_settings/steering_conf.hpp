// ws_session_key and ws_limit_sessions: whose session it is, and how many of them there may be.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

struct LocConf;

struct SessionLimit {
    ngx_uint_t most;       // sessions of one key; 0: any number
    ngx_flag_t displaces;  // the oldest one ends, in place of a refusal
};

// Plain, because it is a part of LocConf.
struct SteeringConf {
    ngx_http_complex_value_t *key;  // or null
    SessionLimit limit;
};

// What is said of a location with ws_pass once its settings have been merged; false after an error.
[[nodiscard]] bool check_steering(ngx_conf_t *cf, const LocConf &conf) noexcept;

extern "C" char *ngx_http_ws_set_limit_sessions(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws
