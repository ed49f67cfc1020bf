#include "module/ngx_http_ws_setters.hpp"

namespace ngx_ws {

namespace {

char *message(const char *text) noexcept {
    return const_cast<char *>(text);
}

// nginx's setters answer with a text for a wrong value, NGX_CONF_OK, or NGX_CONF_ERROR if they have
// logged one themselves. Neither of the latter points to anything.
bool says(const char *answer, std::string_view text) noexcept {
    return answer != NGX_CONF_OK && answer != NGX_CONF_ERROR && answer == text;
}

char *explain(char *answer, const char *expected) noexcept {
    return says(answer, "invalid value") ? message(expected) : answer;
}

// The tables of enumerations and of bit masks have the same shape but for the names of its parts.
template <typename Entry>
bool all_are_named(ngx_conf_t *cf, const ngx_command_t *cmd) noexcept {
    const auto *table = static_cast<const Entry *>(cmd->post);
    u_char expected[256];
    u_char *end = expected;
    for (const Entry *entry = table; entry->name.len != 0; ++entry) {
        end = ngx_slprintf(end, std::end(expected), "%s\"%V\"", entry == table ? "" : ", ",
                           &entry->name);
    }
    const ngx_str_t list = {static_cast<size_t>(end - expected), expected};

    for (const ngx_str_t &value : ngx::elements<ngx_str_t>(cf->args).subspan(1)) {
        const Entry *entry = table;
        while (entry->name.len != 0 && ngx::view(entry->name) != ngx::view(value)) {
            ++entry;
        }
        if (entry->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\" directive, expected %V", &value,
                               &cmd->name, &list);
            return false;
        }
    }
    return true;
}

}  // namespace

extern "C" {

char *ngx_http_ws_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return explain(ngx_conf_set_size_slot(cf, cmd, conf),
                   "has an invalid value, expected a size such as 65536, 64k or 1m");
}

char *ngx_http_ws_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    char *answer = ngx_conf_set_num_slot(cf, cmd, conf);
    return says(answer, "invalid number")
               ? message("has an invalid value, expected a number such as 3")
               : answer;
}

char *ngx_http_ws_set_time_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return explain(ngx_conf_set_msec_slot(cf, cmd, conf),
                   "has an invalid value, expected a time such as 30s, 500ms, or 0 for never");
}

char *ngx_http_ws_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    const char *expected = "has an invalid value, expected a time above 0 such as 30s or 500ms";
    char *answer = explain(ngx_conf_set_msec_slot(cf, cmd, conf), expected);
    const auto *value = reinterpret_cast<ngx_msec_t *>(static_cast<char *>(conf) + cmd->offset);
    return answer == NGX_CONF_OK && *value == 0 ? message(expected) : answer;
}

char *ngx_http_ws_set_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return all_are_named<ngx_conf_enum_t>(cf, cmd) ? ngx_conf_set_enum_slot(cf, cmd, conf)
                                                   : static_cast<char *>(NGX_CONF_ERROR);
}

char *ngx_http_ws_set_bitmask(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return all_are_named<ngx_conf_bitmask_t>(cf, cmd) ? ngx_conf_set_bitmask_slot(cf, cmd, conf)
                                                      : static_cast<char *>(NGX_CONF_ERROR);
}

}  // extern "C"

}  // namespace ngx_ws
