#include "module/ws_settings/choice.hpp"

#include <array>

#include "module/ws_reports/log.hpp"
#include "module/ws_settings/setters.hpp"

namespace ngx_ws {

namespace {

constexpr size_t max_logged = 64;

// Lists the words as they stand in a message: "text", "binary".
ngx_str_t list(const ngx_conf_enum_t *words, std::span<u_char> room) noexcept {
    u_char *const last = room.data() + room.size();
    u_char *end = room.data();
    for (const ngx_conf_enum_t *word = words; word->name.len != 0; ++word) {
        end = ngx_slprintf(end, last, "%s\"%V\"", word == words ? "" : ", ", &word->name);
    }
    return {static_cast<size_t>(end - room.data()), room.data()};
}

char *choose(ngx_conf_t *cf, ngx_command_t *cmd, void *conf, const ngx_conf_enum_t *words,
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
    choice.words = words;
    choice.directive = cmd->name;
    ngx_http_compile_complex_value_t compile = {};
    compile.cf = cf;
    compile.value = text;
    compile.complex_value = choice.value;
    const bool compiled =
        choice.value != nullptr && ngx_http_compile_complex_value(&compile) == NGX_OK;
    return compiled ? NGX_CONF_OK : static_cast<char *>(NGX_CONF_ERROR);
}

const ngx_conf_enum_t switches[] = {
    {ngx_string("on"), 1},
    {ngx_string("off"), 0},
    {ngx_null_string, 0},
};

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
    for (const ngx_conf_enum_t *word = words; word->name.len != 0; ++word) {
        if (ngx::view(word->name) == ngx::view(text)) {
            return word->value;
        }
    }
    std::array<u_char, max_logged> room;
    const ngx_str_t said = printable(ngx::view(text), room);
    std::array<u_char, max_logged> list_room;
    const ngx_str_t expected = list(words, list_room);
    RequestLog log(r);
    ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: invalid value \"%V%s\" in \"%V %V\": expected %V",
                  &said, text.len > said.len ? "..." : "", &directive, &value->value, &expected);
    return std::nullopt;
}

extern "C" {

char *ngx_http_ws_choose_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return choose(cf, cmd, conf, static_cast<const ngx_conf_enum_t *>(cmd->post),
                  ngx_http_ws_set_enum);
}

char *ngx_http_ws_choose_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return choose(cf, cmd, conf, switches, ngx_conf_set_flag_slot);
}

}  // extern "C"

}  // namespace ngx_ws
