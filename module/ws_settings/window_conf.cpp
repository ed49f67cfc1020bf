#include "module/ws_settings/window_conf.hpp"

#include "module/ws_settings/directive.hpp"

namespace ngx_ws {

namespace {

constexpr std::string_view max_is = "max=";

char *refuse(ngx_conf_t *cf, const ngx_command_t *cmd, const ngx_str_t &value) noexcept {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\": expected a size such as 65536, 64k or 1m, "
                       "or \"auto\" and perhaps \"max=\" with a size",
                       &value, &cmd->name);
    return static_cast<char *>(NGX_CONF_ERROR);
}

// False if it is none.
bool read_size(ngx_str_t text, size_t &size) noexcept {
    const ssize_t parsed = ngx_parse_size(&text);
    size = parsed == NGX_ERROR ? 0 : static_cast<size_t>(parsed);
    return parsed != NGX_ERROR;
}

}  // namespace

void WindowConf::merge(const WindowConf &prev, const WindowConf &by_default) noexcept {
    if (size == NGX_CONF_UNSET_SIZE) {
        *this = prev.size == NGX_CONF_UNSET_SIZE ? by_default : prev;
    }
}

extern "C" char *ngx_http_ws_set_window(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    auto &window = *reinterpret_cast<WindowConf *>(static_cast<char *>(conf) + cmd->offset);
    if (window.size != NGX_CONF_UNSET_SIZE) {
        return const_cast<char *>("is duplicate");
    }
    const auto words = ngx::elements<ngx_str_t>(cf->args).subspan(1);
    window = {0, 0};
    if (ngx::view(words[0]) != "auto") {
        const bool alone = words.size() == 1;
        return alone && read_size(words[0], window.size) ? NGX_CONF_OK
                                                         : refuse(cf, cmd, words[alone ? 0 : 1]);
    }
    window.most = static_cast<const Directive *>(cmd->post)->initial.number;
    if (words.size() == 1) {
        return NGX_CONF_OK;
    }
    ngx_str_t text = words[1];
    if (!ngx::view(text).starts_with(max_is)) {
        return refuse(cf, cmd, words[1]);
    }
    text.data += max_is.size();
    text.len -= max_is.size();
    return read_size(text, window.most) && window.most != 0 ? NGX_CONF_OK
                                                            : refuse(cf, cmd, words[1]);
}

}  // namespace ngx_ws
