#include "module/ws_settings/subprotocols.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

}  // namespace

bool merge_subprotocols(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept {
    if (conf.subprotocols == nullptr) {
        conf.subprotocols = prev.subprotocols;
        conf.subprotocol_required = prev.subprotocol_required;
    }
    if (conf.subprotocols == nullptr) {
        conf.subprotocols = ngx_array_create(cf->pool, 1, sizeof(std::string_view));
    }
    return conf.subprotocols != nullptr;
}

extern "C" char *ngx_http_ws_set_subprotocol(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto *conf = static_cast<LocConf *>(data);
    if (conf->subprotocols != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    conf->subprotocols = ngx_array_create(cf->pool, 4, sizeof(std::string_view));
    if (conf->subprotocols == nullptr) {
        return conf_error();
    }
    auto names = ngx::elements<ngx_str_t>(cf->args).subspan(1);
    conf->subprotocol_required = names.size() > 1 && ngx::view(names.back()) == "required";
    if (conf->subprotocol_required) {
        names = names.first(names.size() - 1);
    }
    if (names.size() == 1 && ngx::view(names.front()) == "required") {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"required\" in \"ws_subprotocol\" needs a name before it");
        return conf_error();
    }
    for (const ngx_str_t &name : names) {
        if (!ws::is_token(ngx::view(name))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid subprotocol \"%V\" in \"ws_subprotocol\": "
                               "expected a token, such as \"mqtt\"",
                               &name);
            return conf_error();
        }
        void *slot = ngx_array_push(conf->subprotocols);
        if (slot == nullptr) {
            return conf_error();
        }
        *static_cast<std::string_view *>(slot) = ngx::view(name);
    }
    return NGX_CONF_OK;
}

}  // namespace ngx_ws
