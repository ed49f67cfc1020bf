// ws_resume and what belongs to it.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

// `away`: a page that is left or reloaded may come back.
enum class Resume : ngx_uint_t { off, on, away };

// Plain, because setters write into it by offset.
struct ResumeConf {
    ngx_uint_t mode;     // a Resume
    ngx_msec_t timeout;  // without a client
    size_t buffer;       // bytes that a client need not have acknowledged
    ngx_http_complex_value_t *bind;

    [[nodiscard]] bool on() const noexcept { return mode != static_cast<ngx_uint_t>(Resume::off); }
    [[nodiscard]] bool keeps_away() const noexcept {
        return mode == static_cast<ngx_uint_t>(Resume::away);
    }
};

extern "C" {
char *ngx_http_ws_set_resume(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_resume_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

}  // namespace ngx_ws
