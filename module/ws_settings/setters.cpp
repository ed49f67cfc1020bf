#include "module/ws_settings/setters.hpp"

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

char *explain(ngx_conf_t *cf, const ngx_command_t *cmd, char *answer,
              const char *expected) noexcept {
    return says(answer, "invalid value") ? refuse(cf, cmd, argument(cf, 1), expected) : answer;
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
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\": expected %V",
                               &value, &cmd->name, &list);
            return false;
        }
    }
    return true;
}

}  // namespace

extern "C" {

char *ngx_http_ws_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    ngx_command_t plain = *cmd;
    plain.post = nullptr;
    char *answer = explain(cf, cmd, ngx_conf_set_size_slot(cf, &plain, conf),
                           "a size such as 65536, 64k or 1m");
    const auto *least = static_cast<const LeastSize *>(cmd->post);
    const auto *size = reinterpret_cast<size_t *>(static_cast<char *>(conf) + cmd->offset);
    return answer == NGX_CONF_OK && least != nullptr && *size < least->bytes
               ? refuse(cf, cmd, argument(cf, 1), least->expected)
               : answer;
}

char *ngx_http_ws_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    const auto *range = static_cast<const Range *>(cmd->post);
    const char *expected = range != nullptr ? range->expected : "a number such as 3";
    ngx_command_t plain = *cmd;
    plain.post = nullptr;
    char *answer = ngx_conf_set_num_slot(cf, &plain, conf);
    if (says(answer, "invalid number")) {
        return refuse(cf, cmd, argument(cf, 1), expected);
    }
    const auto *number = reinterpret_cast<ngx_int_t *>(static_cast<char *>(conf) + cmd->offset);
    const bool outside = answer == NGX_CONF_OK && range != nullptr &&
                         (*number < range->low || *number > range->high);
    return outside ? refuse(cf, cmd, argument(cf, 1), expected) : answer;
}

char *ngx_http_ws_set_time_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    return explain(cf, cmd, ngx_conf_set_msec_slot(cf, cmd, conf),
                   "a time such as 30s, 500ms, or 0 for never");
}

char *ngx_http_ws_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    const char *expected = "a time above 0 such as 30s or 500ms";
    char *answer = explain(cf, cmd, ngx_conf_set_msec_slot(cf, cmd, conf), expected);
    const auto *value = reinterpret_cast<ngx_msec_t *>(static_cast<char *>(conf) + cmd->offset);
    return answer == NGX_CONF_OK && *value == 0 ? refuse(cf, cmd, argument(cf, 1), expected)
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
