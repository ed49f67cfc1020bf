#include "module/ws_settings/status_conf.hpp"

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

MainConf &main_conf(ngx_conf_t *cf) noexcept {
    return *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ws_module));
}

StatusZone *find_or_add(ngx_conf_t *cf, MainConf &conf, const ngx_str_t &name) noexcept {
    for (StatusZone *zone : ngx::elements<StatusZone *>(&conf.status_zones)) {
        if (ngx::view(zone->name) == ngx::view(name)) {
            return zone;
        }
    }
    auto *made = static_cast<StatusZone *>(ngx_pcalloc(cf->pool, sizeof(StatusZone)));
    auto *slot = static_cast<StatusZone **>(ngx_array_push(&conf.status_zones));
    if (made == nullptr || slot == nullptr) {
        return nullptr;
    }
    made->name = name;
    *slot = made;
    return made;
}

ngx_str_t server_name(ngx_conf_t *cf) noexcept {
    const auto *cscf = static_cast<ngx_http_core_srv_conf_t *>(
        ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module));
    return cscf->server_name.len != 0 ? cscf->server_name : ngx_str_t ngx_string("-");
}

// The handler answers the requests of this location, and needs a zone.
char *answer_by(ngx_conf_t *cf, ngx_http_handler_pt handler, std::string_view name) noexcept {
    auto *clcf = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    if (clcf->handler == handler) {
        return const_cast<char *>("is duplicate");
    }
    clcf->handler = handler;
    main_conf(cf).needs_zone = line_here(cf, name);
    return NGX_CONF_OK;
}

}  // namespace

bool name_status_zone(ngx_conf_t *cf, LocConf &conf) noexcept {
    MainConf &main = main_conf(cf);
    const bool counts =
        conf.upstream.upstream != nullptr || conf.target != nullptr || conf.origin.guards != 0;
    if (main.zone == nullptr || !counts) {
        return true;
    }
    const ngx_str_t name = conf.status.name.len != 0 ? conf.status.name : server_name(cf);
    conf.status.zone = find_or_add(cf, main, name);
    return conf.status.zone != nullptr;
}

extern "C" char *ngx_http_ws_set_zone(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto &conf = *static_cast<MainConf *>(data);
    if (conf.zone != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    const ngx_str_t &value = static_cast<ngx_str_t *>(cf->args->elts)[1];
    const std::string_view text = ngx::view(value);
    const size_t colon = text.find(':');
    ngx_str_t name = value;
    ngx_str_t size_text = ngx_null_string;
    if (colon != std::string_view::npos) {
        name.len = colon;
        size_text = {value.len - colon - 1, value.data + colon + 1};
    }
    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone name \"%V\"", &value);
        return conf_error();
    }
    const ssize_t size = size_text.len == 0 ? NGX_ERROR : ngx_parse_size(&size_text);
    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\" in \"ws_zone\": expected a name and a size "
                           "such as ws:1m",
                           &value);
        return conf_error();
    }
    if (size < static_cast<ssize_t>(8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: expected at least %uz bytes", &value,
                           8 * ngx_pagesize);
        return conf_error();
    }
    conf.zone = ngx_shared_memory_add(cf, &name, static_cast<size_t>(size), &ngx_http_ws_module);
    if (conf.zone == nullptr ||
        ngx_array_init(&conf.status_zones, cf->pool, 4, sizeof(void *)) != NGX_OK) {
        return conf_error();
    }
    conf.cycle = cf->cycle;
    conf.zone->data = &conf;
    return NGX_CONF_OK;
}

extern "C" char *ngx_http_ws_set_status(ngx_conf_t *cf, ngx_command_t *, void *) {
    return answer_by(cf, ngx_http_ws_status_handler, "ws_status");
}

extern "C" char *ngx_http_ws_set_control(ngx_conf_t *cf, ngx_command_t *, void *) {
    return answer_by(cf, ngx_http_ws_control_handler, "ws_control");
}

}  // namespace ngx_ws
