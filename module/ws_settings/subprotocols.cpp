#include "module/ws_settings/subprotocols.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

}  // namespace

bool merge_subprotocols(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept {
    if (conf.subprotocol.names == nullptr) {
        conf.subprotocol.names = prev.subprotocol.names;
        conf.subprotocol.required = prev.subprotocol.required;
    }
    if (conf.subprotocol.names == nullptr) {
        conf.subprotocol.names = ngx_array_create(cf->pool, 1, sizeof(std::string_view));
    }
    return conf.subprotocol.names != nullptr;
}

extern "C" char *ngx_http_ws_set_subprotocol(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto *conf = static_cast<LocConf *>(data);
    if (conf->subprotocol.names != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    conf->subprotocol.names = ngx_array_create(cf->pool, 4, sizeof(std::string_view));
    if (conf->subprotocol.names == nullptr) {
        return conf_error();
    }
    auto names = ngx::elements<ngx_str_t>(cf->args).subspan(1);
    conf->subprotocol.required = names.size() > 1 && ngx::view(names.back()) == "required";
    if (conf->subprotocol.required) {
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
        void *slot = ngx_array_push(conf->subprotocol.names);
        if (slot == nullptr) {
            return conf_error();
        }
        *static_cast<std::string_view *>(slot) = ngx::view(name);
    }
    return NGX_CONF_OK;
}

}  // namespace ngx_ws
