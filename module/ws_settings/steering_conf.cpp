#include "module/ws_settings/steering_conf.hpp"

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

bool has_zone(ngx_conf_t *cf) noexcept {
    return static_cast<const MainConf *>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ws_module))
               ->zone != nullptr;
}

}  // namespace

bool check_steering(ngx_conf_t *cf, const LocConf &conf) noexcept {
    if (conf.pass.value.data == nullptr) {
        return true;
    }
    const Line *limit = conf.lines.find("ws_limit_sessions");
    if (conf.steering.limit.most != 0 && limit != nullptr) {
        if (!has_zone(cf)) {
            log_at(cf, *limit, NGX_LOG_EMERG,
                   "\"ws_limit_sessions\" needs \"ws_zone\" in the http block");
            return false;
        }
        if (conf.steering.key == nullptr) {
            log_at(cf, *limit, NGX_LOG_EMERG, "\"ws_limit_sessions\" needs \"ws_session_key\"");
            return false;
        }
    }
    const Line *key = conf.lines.find_here("ws_session_key");
    if (key != nullptr && !has_zone(cf)) {
        log_at(cf, *key, NGX_LOG_WARN, "\"ws_session_key\" has no effect without \"ws_zone\"");
    }
    return true;
}

extern "C" char *ngx_http_ws_set_limit_sessions(ngx_conf_t *cf, ngx_command_t *cmd, void *data) {
    auto &limit = *reinterpret_cast<SessionLimit *>(static_cast<char *>(data) + cmd->offset);
    const auto *arguments = static_cast<ngx_str_t *>(cf->args->elts);
    if (limit.most != NGX_CONF_UNSET_UINT) {
        return const_cast<char *>("is duplicate");
    }
    const ngx_int_t most = ngx_atoi(arguments[1].data, arguments[1].len);
    const bool displaces = cf->args->nelts > 2;
    if (most == NGX_ERROR || (displaces && most == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"ws_limit_sessions\": expected a number such "
                           "as 3, or 0 for any number",
                           &arguments[1]);
        return conf_error();
    }
    if (displaces && ngx::view(arguments[2]) != "displace") {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"ws_limit_sessions\": expected \"displace\" "
                           "behind the number",
                           &arguments[2]);
        return conf_error();
    }
    limit = {static_cast<ngx_uint_t>(most), displaces ? 1 : 0};
    return NGX_CONF_OK;
}

}  // namespace ngx_ws
