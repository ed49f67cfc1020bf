#include "module/ws_settings/choice.hpp"

#include <array>

#include "module/ws_requests/log.hpp"
#include "module/ws_settings/setters.hpp"

namespace ngx_ws {

namespace {

constexpr size_t max_logged = 64;

char *choose(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
             char *(*set)(ngx_conf_t *, ngx_command_t *, void *)) noexcept {
    auto &choice = *reinterpret_cast<Choice *>(static_cast<char *>(conf) + cmd->offset);
    ngx_str_t *text = static_cast<ngx_str_t *>(cf->args->elts) + 1;
    const bool variable = ngx_http_script_variables_count(text) != 0;
    if (choice.value != nullptr || (variable && choice.is_set())) {
        return const_cast<char *>("is duplicate");
    }
    if (!variable) {
        return set(cf, cmd, conf);
    }
    choice.value = static_cast<ngx_http_complex_value_t *>(
        ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    choice.directive = &directive_of(cmd);
    ngx_http_compile_complex_value_t compile = {};
    compile.cf = cf;
    compile.value = text;
    compile.complex_value = choice.value;
    const bool compiled =
        choice.value != nullptr && ngx_http_compile_complex_value(&compile) == NGX_OK;
    return compiled ? NGX_CONF_OK : static_cast<char *>(NGX_CONF_ERROR);
}

}  // namespace

void Choice::unset() noexcept {
    fixed = NGX_CONF_UNSET_UINT;
}

void Choice::merge(const Choice &prev, ngx_uint_t otherwise) noexcept {
    if (!is_set()) {
        *this = prev;
    }
    if (value == nullptr) {
        ngx_conf_init_uint_value(fixed, otherwise);
    }
}

std::optional<ngx_uint_t> Choice::at(ngx_http_request_t *r) const noexcept {
    if (value == nullptr) {
        return fixed;
    }
    ngx_str_t text;
    if (ngx_http_complex_value(r, value, &text) != NGX_OK) {
        return std::nullopt;
    }
    for (const Word &word : directive->accepted.words) {
        if (word.text == ngx::view(text)) {
            return word.number;
        }
    }
    std::array<u_char, max_logged> room;
    const ngx_str_t said = printable(ngx::view(text), room);
    std::array<u_char, max_logged> list_room;
    const ngx_str_t expected = list_words(directive->accepted.words, list_room);
    const ngx_str_t name = ngx::str(directive->name.view());
    RequestLog log(r);
    ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: invalid value \"%V%s\" in \"%V %V\": expected %V",
                  &said, text.len > said.len ? "..." : "", &name, &value->value, &expected);
    return std::nullopt;
}

extern "C" {

char *ngx_http_ws_choose_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return choose(cf, cmd, conf, ngx_http_ws_set_word);
}

char *ngx_http_ws_choose_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return choose(cf, cmd, conf, ngx_http_ws_set_flag);
}

}  // extern "C"

}  // namespace ngx_ws
