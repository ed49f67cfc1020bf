// A setting that is one word of a few: written in the configuration, or said by variables at the
// request.
#pragma once

#include "module/ngx.hpp"

#include <optional>

namespace ngx_ws {

struct Directive;

// Plain, because nginx's setters write into it by offset.
struct Choice {
    ngx_uint_t fixed;                 // the number of the word; first, for nginx's setters
    ngx_http_complex_value_t *value;  // or null
    const Directive *directive;       // that of `value`

    void unset() noexcept;
    void merge(const Choice &prev, ngx_uint_t otherwise) noexcept;

    [[nodiscard]] bool is_set() const noexcept {
        return fixed != NGX_CONF_UNSET_UINT || value != nullptr;
    }

    // Never another one, whatever the request.
    [[nodiscard]] bool always(ngx_uint_t number) const noexcept {
        return value == nullptr && fixed == number;
    }

    // The number of the word; nothing, with a line in the log, if the variables say no such word.
    [[nodiscard]] std::optional<ngx_uint_t> at(ngx_http_request_t *r) const noexcept;
};

extern "C" {
// One of the directive's words, or variables.
char *ngx_http_ws_choose_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// "on" or "off", or variables.
char *ngx_http_ws_choose_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

}  // namespace ngx_ws
