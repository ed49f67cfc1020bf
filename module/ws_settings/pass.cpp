#include "module/ws_settings/pass.hpp"

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

constexpr const char *expected =
    "expected host:port, unix:/path, the name of an upstream, or variables, without a scheme";

ngx_http_core_loc_conf_t &core_conf(ngx_conf_t *cf) noexcept {
    return *static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

char *set_variable_target(ngx_conf_t *cf, LocConf &conf, ngx_str_t &value) noexcept {
    conf.target = static_cast<ngx_http_complex_value_t *>(
        ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    ngx_http_compile_complex_value_t compile = {};
    compile.cf = cf;
    compile.value = &value;
    compile.complex_value = conf.target;
    const bool compiled =
        conf.target != nullptr && ngx_http_compile_complex_value(&compile) == NGX_OK;
    return compiled ? NGX_CONF_OK : conf_error();
}

// Why the value is no address, or null. `url` is left as nginx parsed it.
const char *parse(ngx_conf_t *cf, ngx_str_t value, ngx_url_t &url) noexcept {
    const std::string_view text = ngx::view(value);
    if (text.empty()) {
        return "it is empty";
    }
    if (text.find("://") != std::string_view::npos) {
        return "it has a scheme";
    }
    if (!text.starts_with("unix:") && text.find('/') != std::string_view::npos) {
        return "it takes no path";
    }
    url.url = value;
    url.no_resolve = 1;
    if (ngx_parse_url(cf->pool, &url) != NGX_OK) {
        return url.err != nullptr ? url.err : "it is no address";
    }
    return nullptr;
}

// An upstream{} of that name; hosts that other modules name in passing are none.
ngx_http_upstream_srv_conf_t *find_upstream(ngx_conf_t *cf, std::string_view name) noexcept {
    auto *umcf = static_cast<ngx_http_upstream_main_conf_t *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module));
    for (ngx_http_upstream_srv_conf_t *upstream :
         ngx::elements<ngx_http_upstream_srv_conf_t *>(&umcf->upstreams)) {
        if ((upstream->flags & NGX_HTTP_UPSTREAM_CREATE) != 0 &&
            upstream->host.len == name.size() &&
            ngx_strncasecmp(upstream->host.data, ngx::str(name).data, name.size()) == 0) {
            return upstream;
        }
    }
    return nullptr;
}

bool is_zero(const ngx_http_complex_value_t *value) noexcept {
    return value->lengths == nullptr && ngx::view(value->value) == "0";
}

constexpr const char *contradiction =
    "\"ws_pass\" cannot stand beside another directive that answers the requests of a location, "
    "such as \"proxy_pass\"";

}  // namespace

extern "C" char *ngx_http_ws_set_pass(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto &conf = *static_cast<LocConf *>(data);
    if (conf.pass.value.data != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    if (core_conf(cf).handler != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, contradiction);
        return conf_error();
    }
    core_conf(cf).handler = ngx_http_ws_handler;

    ngx_str_t &value = static_cast<ngx_str_t *>(cf->args->elts)[1];
    conf.pass = {value, line_here(cf, "ws_pass")};
    if (ngx_http_script_variables_count(&value) != 0 &&
        ngx::view(value).find("://") == std::string_view::npos) {
        return set_variable_target(cf, conf, value);
    }
    ngx_url_t url = {};
    if (const char *problem = parse(cf, value, url); problem != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid address \"%V\" in \"ws_pass\": %s, %s",
                           &value, problem, expected);
        return conf_error();
    }
    if (url.no_port && url.family != AF_UNIX) {
        return NGX_CONF_OK;  // the upstream{} may stand further below: see finish_pass()
    }
    url = {};
    url.url = value;
    url.no_resolve = 1;
    conf.upstream.upstream = ngx_http_upstream_add(cf, &url, 0);
    return conf.upstream.upstream != nullptr ? NGX_CONF_OK : conf_error();
}

bool finish_pass(ngx_conf_t *cf, LocConf &conf) noexcept {
    if (conf.pass.value.data == nullptr) {
        return true;
    }
    if (core_conf(cf).handler != ngx_http_ws_handler) {
        log_at(cf, conf.pass.line, NGX_LOG_EMERG, contradiction);
        return false;
    }
    if (conf.upstream.upstream == nullptr && conf.target == nullptr) {
        conf.upstream.upstream = find_upstream(cf, ngx::view(conf.pass.value));
    }
    if (conf.upstream.upstream == nullptr && conf.target == nullptr) {
        log_at(cf, conf.pass.line, NGX_LOG_EMERG,
               "\"%V\" in \"ws_pass\" is no upstream{} and has no port, %s", &conf.pass.value,
               expected);
        return false;
    }
    return true;
}

void warn_of_useless(ngx_conf_t *cf, const LocConf &conf) noexcept {
    if (conf.pass.value.data == nullptr) {
        return;
    }
    const ngx_http_complex_value_t *rate = core_conf(cf).limit_rate;
    if (rate != nullptr && !is_zero(rate)) {
        log_at(cf, conf.pass.line, NGX_LOG_WARN,
               "\"limit_rate\" does not limit the sessions of \"ws_pass\", \"ws_upload_rate\" and "
               "\"ws_download_rate\" do");
    }
    const Line *frame_type = conf.lines.find_here("ws_frame_type");
    if (frame_type != nullptr && conf.framing.settings.kind == ws::FramingKind::typed) {
        log_at(cf, *frame_type, NGX_LOG_WARN,
               "\"ws_frame_type\" has no effect with \"ws_framing typed\", whose records name "
               "their type, beside \"ws_pass\"");
    }
    const Line *interval = conf.lines.find_here("ws_ack_interval");
    if (interval != nullptr && conf.flow.client_ack != static_cast<ngx_uint_t>(ClientAck::pong)) {
        log_at(cf, *interval, NGX_LOG_WARN,
               "\"ws_ack_interval\" has no effect without \"ws_client_ack pong\" beside "
               "\"ws_pass\"");
    }
}

}  // namespace ngx_ws
