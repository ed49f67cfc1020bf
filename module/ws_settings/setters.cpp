#include "module/ws_settings/setters.hpp"

#include <array>

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

// nginx's setters answer with a text for a wrong value, NGX_CONF_OK, or NGX_CONF_ERROR if they have
// logged one themselves. Neither of the latter points to anything.
bool says(const char *answer, std::string_view text) noexcept {
    return answer != NGX_CONF_OK && answer != NGX_CONF_ERROR && answer == text;
}

char *refuse(ngx_conf_t *cf, const ngx_command_t *cmd, const ngx_str_t &value,
             const char *expected) noexcept {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\": expected %s", &value,
                       &cmd->name, expected);
    return conf_error();
}

ngx_str_t &argument(ngx_conf_t *cf, unsigned i) noexcept {
    return static_cast<ngx_str_t *>(cf->args->elts)[i];
}

using Setter = char *(*)(ngx_conf_t *, ngx_command_t *, void *);

// nginx would call what it finds in `post`.
char *set_plainly(Setter set, ngx_conf_t *cf, const ngx_command_t *cmd, void *conf) noexcept {
    ngx_command_t plain = *cmd;
    plain.post = nullptr;
    return set(cf, &plain, conf);
}

char *explain(ngx_conf_t *cf, const ngx_command_t *cmd, char *answer,
              const char *expected) noexcept {
    return says(answer, "invalid value") || says(answer, "invalid number")
               ? refuse(cf, cmd, argument(cf, 1), expected)
               : answer;
}

template <typename T>
T &field(void *conf, const ngx_command_t *cmd) noexcept {
    return *reinterpret_cast<T *>(static_cast<char *>(conf) + cmd->offset);
}

// A number or a size between the directive's bounds.
template <typename T>
char *set_within(Setter set, ngx_conf_t *cf, const ngx_command_t *cmd, void *conf,
                 const char *usual) noexcept {
    const Accepted &accepted = directive_of(cmd).accepted;
    const char *expected = accepted.expected != nullptr ? accepted.expected : usual;
    char *answer = explain(cf, cmd, set_plainly(set, cf, cmd, conf), expected);
    if (answer != NGX_CONF_OK) {
        return answer;
    }
    const auto value = static_cast<ngx_uint_t>(field<T>(conf, cmd));
    return value < accepted.least || value > accepted.most
               ? refuse(cf, cmd, argument(cf, 1), expected)
               : NGX_CONF_OK;
}

const Word *find_word(const Directive &directive, const ngx_str_t &text) noexcept {
    for (const Word &word : directive.accepted.words) {
        if (word.text == ngx::view(text)) {
            return &word;
        }
    }
    return nullptr;
}

bool all_are_words(ngx_conf_t *cf, const ngx_command_t *cmd) noexcept {
    const Directive &directive = directive_of(cmd);
    for (const ngx_str_t &value : ngx::elements<ngx_str_t>(cf->args).subspan(1)) {
        if (find_word(directive, value) == nullptr) {
            std::array<u_char, 256> room;
            const ngx_str_t list = list_words(directive.accepted.words, room);
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\": expected %V",
                               &value, &cmd->name, &list);
            return false;
        }
    }
    return true;
}

}  // namespace

ngx_str_t list_words(std::span<const Word> words, std::span<u_char> room) noexcept {
    u_char *const last = room.data() + room.size();
    u_char *end = room.data();
    for (const Word &word : words) {
        const ngx_str_t text = ngx::str(word.text);
        end = ngx_slprintf(end, last, "%s\"%V\"", end == room.data() ? "" : ", ", &text);
    }
    return {static_cast<size_t>(end - room.data()), room.data()};
}

extern "C" {

char *ngx_http_ws_set_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return set_plainly(ngx_conf_set_flag_slot, cf, cmd, conf);
}

char *ngx_http_ws_set_text(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return set_plainly(ngx_conf_set_str_slot, cf, cmd, conf);
}

char *ngx_http_ws_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return set_within<size_t>(ngx_conf_set_size_slot, cf, cmd, conf,
                              "a size such as 65536, 64k or 1m");
}

char *ngx_http_ws_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return set_within<ngx_int_t>(ngx_conf_set_num_slot, cf, cmd, conf, "a number such as 3");
}

char *ngx_http_ws_set_size_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return explain(cf, cmd, set_plainly(ngx_http_set_complex_value_size_slot, cf, cmd, conf),
                   "a size such as 64k, variables, or 0 for no limit");
}

char *ngx_http_ws_set_time_or_never(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return explain(cf, cmd, set_plainly(ngx_conf_set_msec_slot, cf, cmd, conf),
                   "a time such as 30s, 500ms, or 0 for never");
}

char *ngx_http_ws_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    const char *expected = "a time above 0 such as 30s or 500ms";
    char *answer = explain(cf, cmd, set_plainly(ngx_conf_set_msec_slot, cf, cmd, conf), expected);
    return answer == NGX_CONF_OK && field<ngx_msec_t>(conf, cmd) == 0
               ? refuse(cf, cmd, argument(cf, 1), expected)
               : answer;
}

// nginx's own setter, which names no directive, takes what has passed here.
char *ngx_http_ws_set_bind(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    ngx_str_t &address = argument(cf, 1);
    if (ngx::view(address) != "off" && ngx_http_script_variables_count(&address) == 0) {
        ngx_addr_t parsed;
        if (ngx_parse_addr_port(cf->pool, &parsed, address.data, address.len) != NGX_OK) {
            return refuse(cf, cmd, address,
                          "an address of this machine such as 192.0.2.1, variables, or \"off\"");
        }
    }
    if (cf->args->nelts > 2 && ngx::view(argument(cf, 2)) != "transparent") {
        return refuse(cf, cmd, argument(cf, 2), "\"transparent\" behind the address");
    }
    return ngx_http_upstream_bind_set_slot(cf, cmd, conf);
}

char *ngx_http_ws_set_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    if (!all_are_words(cf, cmd)) {
        return conf_error();
    }
    auto &number = field<ngx_uint_t>(conf, cmd);
    if (number != NGX_CONF_UNSET_UINT) {
        return const_cast<char *>("is duplicate");
    }
    number = find_word(directive_of(cmd), argument(cf, 1))->number;
    return NGX_CONF_OK;
}

char *ngx_http_ws_set_words(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    if (!all_are_words(cf, cmd)) {
        return conf_error();
    }
    auto &bits = field<ngx_uint_t>(conf, cmd);
    for (const ngx_str_t &value : ngx::elements<ngx_str_t>(cf->args).subspan(1)) {
        const ngx_uint_t bit = find_word(directive_of(cmd), value)->number;
        if ((bits & bit) != 0) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "duplicate value \"%V\"", &value);
        }
        bits |= bit;
    }
    return NGX_CONF_OK;
}

}  // extern "C"

}  // namespace ngx_ws
