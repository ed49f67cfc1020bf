// nginx's own setters, made to name the directive, quote the value and say what was expected. The
// `post` of each command is its Directive.
#pragma once

#include "module/ws_settings/directive.hpp"

namespace ngx_ws {

[[nodiscard]] inline const Directive &directive_of(const ngx_command_t *cmd) noexcept {
    return *static_cast<const Directive *>(cmd->post);
}

// The words as they stand in a message: "text", "binary".
[[nodiscard]] ngx_str_t list_words(std::span<const Word> words, std::span<u_char> room) noexcept;

extern "C" {
char *ngx_http_ws_set_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// A value that is a size, unless it has variables.
char *ngx_http_ws_set_size_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// 0 stands for "never".
char *ngx_http_ws_set_time_or_never(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// 0 is refused.
char *ngx_http_ws_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_text(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// One of the directive's words.
char *ngx_http_ws_set_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
// Some of them; the field has a bit for each.
char *ngx_http_ws_set_words(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ws_set_bind(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
}

}  // namespace ngx_ws
