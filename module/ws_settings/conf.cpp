#include "module/ws_settings/conf.hpp"

#include "module/ws_settings/commands.hpp"
#include "module/ws_settings/ssl.hpp"
#include "module/ws_settings/status_conf.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

// What no directive says of the upstream; what is left at zero is right for us.
void prepare_upstream(ngx_http_upstream_conf_t &upstream) noexcept {
    upstream.buffer_size = early_bytes_size;
    upstream.preserve_output = 1;
    ngx_str_set(&upstream.module, "ws");
}

void finish_upstream(ngx_http_upstream_conf_t &upstream) noexcept {
    if (upstream.next_upstream & NGX_HTTP_UPSTREAM_FT_OFF) {
        upstream.next_upstream = NGX_HTTP_UPSTREAM_FT_OFF;
    }
    // Used by nginx for TLS and never for our relay.
    upstream.send_timeout = upstream.connect_timeout;
    upstream.read_timeout = upstream.connect_timeout;
}

// "if" and "limit_except" blocks are the same location to their author.
void inherit_pass(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept {
    auto *clcf = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    if (!clcf->noname && !clcf->lmt_excpt) {
        return;
    }
    conf.origin.guards |= prev.origin.guards;
    if (conf.upstream.upstream != nullptr || conf.target != nullptr) {
        return;
    }
    conf.upstream.upstream = prev.upstream.upstream;
    conf.target = prev.target;
    if (clcf->lmt_excpt && clcf->handler == nullptr &&
        (conf.upstream.upstream != nullptr || conf.target != nullptr)) {
        clcf->handler = ngx_http_ws_handler;
    }
}

// Bytes that a client may leave without a pong, where pongs are its acknowledgements.
size_t pong_window(const FlowConf &conf) noexcept {
    constexpr size_t by_default = 1024 * 1024;
    return conf.client_window.follows() ? by_default : conf.client_window.size;
}

ws::RelayOptions relay_options(const LocConf &conf) noexcept {
    const bool by_pong = conf.flow.client_ack == static_cast<ngx_uint_t>(ClientAck::pong);
    const size_t pongs = pong_window(conf.flow);
    const size_t window = pongs != 0 ? pongs : 1024 * 1024;
    return {
        .tunnel = {.liveness = {.ping_interval = conf.times.ping_interval,
                                .pong_timeout = conf.times.pong_timeout,
                                .idle_timeout = conf.times.idle_timeout,
                                .pongs_acknowledge = by_pong,
                                .marker_interval = conf.flow.ack_interval != 0
                                                       ? conf.flow.ack_interval
                                                       : window / 4},
                   .receipts = conf.flow.receipts != 0,
                   .half_close = conf.flow.half_close != 0,
#if (NGX_HTTP_SSL)
                   .needs_close_notify = conf.tls.require_close_notify != 0,
#endif
                   .send_timeout = conf.times.send_timeout,
                   .close_timeout = conf.times.close_timeout,
                   .close_time = conf.times.close_time},
        .client_window = by_pong ? pongs : 0,
    };
}

// The client's own ACKs are what reopens its window, and the replay bounds that.
ws::RelayOptions resumed_relay_options(const LocConf &conf, ngx_msec_t ping_interval) noexcept {
    ws::RelayOptions options = relay_options(conf);
    options.tunnel.liveness.ping_interval = ping_interval;
    options.tunnel.liveness.pongs_acknowledge = false;
    options.client_window = 0;
    return options;
}

MainConf &main_conf(ngx_conf_t *cf) noexcept {
    return *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ws_module));
}

// A worker that leaves hands its sessions to one that has this configuration.
bool list_resumed(ngx_conf_t *cf, const LocConf &conf) noexcept {
    MainConf &all = main_conf(cf);
    if (all.resumed == nullptr) {
        all.resumed = ngx_array_create(cf->pool, 4, sizeof(ResumedPlace));
    }
    auto *place =
        all.resumed == nullptr ? nullptr : static_cast<ResumedPlace *>(ngx_array_push(all.resumed));
    if (place == nullptr) {
        return false;
    }
    all.drains = 1;
    *place = {.server = static_cast<ngx_http_core_srv_conf_t *>(
                  ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module)),
              .location = static_cast<ngx_http_core_loc_conf_t *>(
                  ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module)),
              .conf = &conf};
    return true;
}

}  // namespace

// There is an http block, or there would be no session.
const MainConf &main_conf() noexcept {
    auto *http =
        reinterpret_cast<ngx_http_conf_ctx_t *>(ngx_get_conf(ngx_cycle->conf_ctx, ngx_http_module));
    return *static_cast<MainConf *>(http->main_conf[ngx_http_ws_module.ctx_index]);
}

extern "C" {

void *ngx_http_ws_create_main_conf(ngx_conf_t *cf) {
    auto *conf = static_cast<MainConf *>(ngx_pcalloc(cf->pool, sizeof(MainConf)));
    if (conf != nullptr) {
        unset_main(conf);
    }
    return conf;
}

char *ngx_http_ws_init_main_conf(ngx_conf_t *cf, void *conf) {
    return fill_main(cf, conf) ? NGX_CONF_OK : conf_error();
}

void *ngx_http_ws_create_loc_conf(ngx_conf_t *cf) {
    auto *conf = static_cast<LocConf *>(ngx_pcalloc(cf->pool, sizeof(LocConf)));
    if (conf != nullptr) {
        unset_location(conf);
        prepare_upstream(conf->upstream);
    }
    return conf;
}

char *ngx_http_ws_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child) {
    const auto &prev = *static_cast<LocConf *>(parent);
    auto &conf = *static_cast<LocConf *>(child);
    conf.lines.above = &prev.lines;

    if (!inherit_location(cf, child, parent)) {
        return conf_error();
    }
    finish_upstream(conf.upstream);
    if (!conf.proxy_protocol.finish(cf) || !finish_ssl(cf, conf) || !finish_pass(cf, conf)) {
        return conf_error();
    }
    inherit_pass(cf, conf, prev);
    if (!name_status_zone(cf, conf) || !check_steering(cf, conf) ||
        !conf.deflate.check(cf, conf.lines) ||
        !conf.framing.check(cf, conf.lines, conf.max_message_size)) {
        return conf_error();
    }
    conf.relay.raw = relay_options(conf);
    conf.relay.resumed = resumed_relay_options(conf, conf.times.ping_interval);
    conf.relay.unpinged = resumed_relay_options(conf, 0);
    if (conf.times.drain_time != 0 && conf.pass.value.data != nullptr) {
        main_conf(cf).drains = 1;
    }
    if (conf.resume.on() && conf.pass.value.data != nullptr && !list_resumed(cf, conf)) {
        return conf_error();
    }
    warn_of_useless(cf, conf);
    return NGX_CONF_OK;
}

}  // extern "C"

MainConf *find_main_conf(const ngx_cycle_t *cycle) noexcept {
    auto *http =
        reinterpret_cast<ngx_http_conf_ctx_t *>(ngx_get_conf(cycle->conf_ctx, ngx_http_module));
    return http == nullptr ? nullptr
                           : static_cast<MainConf *>(http->main_conf[ngx_http_ws_module.ctx_index]);
}

const ResumedPlace *find_resumed(const MainConf &conf, std::string_view server,
                                 std::string_view location) noexcept {
    if (conf.resumed == nullptr) {
        return nullptr;
    }
    for (const ResumedPlace &place : ngx::elements<ResumedPlace>(conf.resumed)) {
        if (ngx::view(place.server->server_name) == server &&
            ngx::view(place.location->name) == location) {
            return &place;
        }
    }
    return nullptr;
}

}  // namespace ngx_ws
