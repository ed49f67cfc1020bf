#include "module/ws_settings/resume_conf.hpp"

#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_resume/sid.hpp"

namespace ngx_ws {

namespace {

char *refuse(ngx_conf_t *cf, const ngx_command_t *cmd, const ngx_str_t &value,
             const char *expected) noexcept {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\": expected %s", &value,
                       &cmd->name, expected);
    return static_cast<char *>(NGX_CONF_ERROR);
}

}  // namespace

extern "C" {

char *ngx_http_ws_set_resume(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    auto &mode = static_cast<LocConf *>(conf)->resume.mode;
    if (mode != NGX_CONF_UNSET_UINT) {
        return const_cast<char *>("is duplicate");
    }
    const auto values = ngx::elements<ngx_str_t>(cf->args).subspan(1);
    const bool on = ngx::view(values[0]) == "on";
    if (!on && ngx::view(values[0]) != "off") {
        return refuse(cf, cmd, values[0], "\"on\" or \"off\"");
    }
    if (values.size() > 1 && (!on || ngx::view(values[1]) != "away")) {
        return refuse(cf, cmd, values[1], on ? "\"away\"" : "nothing behind \"off\"");
    }
    const Resume value = !on ? Resume::off : values.size() > 1 ? Resume::away : Resume::on;
    mode = static_cast<ngx_uint_t>(value);
    return NGX_CONF_OK;
}

char *ngx_http_ws_set_resume_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    ngx_str_t &name = static_cast<MainConf *>(conf)->resume_node;
    if (name.data != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    const ngx_str_t &value = ngx::elements<ngx_str_t>(cf->args)[1];
    if (!ws::is_node_name(ngx::view(value))) {
        return refuse(cf, cmd, value, "1 to 64 letters, digits, \"-\" and \"_\"");
    }
    name = value;
    return NGX_CONF_OK;
}

}  // extern "C"

}  // namespace ngx_ws
