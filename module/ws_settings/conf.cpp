#include "module/ws_settings/conf.hpp"

#include "module/ws_settings/ssl.hpp"
#include "module/ws_upgrade/early_bytes.hpp"
#include "module/ws_upgrade/origin_check.hpp"
#include "module/ws_upgrade/upgrade.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

// The upstream fields that ws_* directives reach, unset; what is left at zero is right for us.
void unset_upstream(ngx_http_upstream_conf_t &upstream) noexcept {
    upstream.connect_timeout = NGX_CONF_UNSET_MSEC;
    upstream.next_upstream_timeout = NGX_CONF_UNSET_MSEC;
    upstream.next_upstream_tries = NGX_CONF_UNSET_UINT;
    upstream.local = static_cast<ngx_http_upstream_local_t *>(NGX_CONF_UNSET_PTR);
    upstream.socket_keepalive = NGX_CONF_UNSET;
    // Room for what a backend says before nginx has seen that it is connected.
    upstream.buffer_size = early_bytes_size;
    upstream.preserve_output = 1;
    ngx_str_set(&upstream.module, "ws");
}

void merge_upstream(ngx_http_upstream_conf_t &conf, ngx_http_upstream_conf_t &prev) noexcept {
    ngx_conf_merge_msec_value(conf.connect_timeout, prev.connect_timeout, 60000);
    ngx_conf_merge_msec_value(conf.next_upstream_timeout, prev.next_upstream_timeout, 0);
    ngx_conf_merge_uint_value(conf.next_upstream_tries, prev.next_upstream_tries, 0);
    ngx_conf_merge_ptr_value(conf.local, prev.local, nullptr);
    ngx_conf_merge_value(conf.socket_keepalive, prev.socket_keepalive, 0);
    ngx_conf_merge_bitmask_value(
        conf.next_upstream, prev.next_upstream,
        (NGX_CONF_BITMASK_SET | NGX_HTTP_UPSTREAM_FT_ERROR | NGX_HTTP_UPSTREAM_FT_TIMEOUT));
    if (conf.next_upstream & NGX_HTTP_UPSTREAM_FT_OFF) {
        conf.next_upstream = NGX_CONF_BITMASK_SET | NGX_HTTP_UPSTREAM_FT_OFF;
    }
    // Used by nginx for TLS and never for our relay.
    conf.send_timeout = conf.connect_timeout;
    conf.read_timeout = conf.connect_timeout;
}

// "if" and "limit_except" blocks are the same location to their author.
void inherit_location(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept {
    auto *clcf = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    if (!clcf->noname && !clcf->lmt_excpt) {
        return;
    }
    conf.origins_guard |= prev.origins_guard;
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

void merge_flow(LocConf &conf, const LocConf &prev) noexcept {
    ngx_conf_merge_size_value(conf.backend_window, prev.backend_window, 64 * 1024);
    ngx_conf_merge_size_value(conf.client_window, prev.client_window, 1024 * 1024);
    ngx_conf_merge_size_value(conf.notsent_lowat, prev.notsent_lowat, 16 * 1024);
    ngx_conf_merge_size_value(conf.client_rcvbuf, prev.client_rcvbuf, 160 * 1024);
    ngx_conf_merge_size_value(conf.backend_rcvbuf, prev.backend_rcvbuf, 0);
    ngx_conf_merge_uint_value(conf.client_ack, prev.client_ack,
                              static_cast<ngx_uint_t>(ClientAck::kernel));
    ngx_conf_merge_size_value(conf.ack_interval, prev.ack_interval, 0);
    ngx_conf_merge_value(conf.receipts, prev.receipts, 1);
    ngx_conf_merge_value(conf.half_close, prev.half_close, 0);
}

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

ws::RelayOptions relay_options(const LocConf &conf) noexcept {
    const bool by_pong = conf.client_ack == static_cast<ngx_uint_t>(ClientAck::pong);
    const size_t window = conf.client_window != 0 ? conf.client_window : 1024 * 1024;
    return {
        .tunnel = {.liveness = {.ping_interval = conf.ping_interval,
                                .pong_timeout = conf.pong_timeout,
                                .idle_timeout = conf.idle_timeout,
                                .pongs_confirm = by_pong,
                                .marker_interval =
                                    conf.ack_interval != 0 ? conf.ack_interval : window / 4},
                   .receipts = conf.receipts != 0,
                   .half_close = conf.half_close != 0,
#if (NGX_HTTP_SSL)
                   .end_is_confirmed = conf.ssl_require_close_notify != 0,
#endif
                   .send_timeout = conf.send_timeout,
                   .close_timeout = conf.close_timeout,
                   .close_time = conf.close_time},
        .client_window = by_pong ? conf.client_window : 0,
    };
}

}  // namespace

extern "C" {

void *ngx_http_ws_create_main_conf(ngx_conf_t *cf) {
    auto *conf = static_cast<MainConf *>(ngx_pcalloc(cf->pool, sizeof(MainConf)));
    if (conf != nullptr) {
        conf->buffer_size = NGX_CONF_UNSET_SIZE;
        conf->deflate_memory = NGX_CONF_UNSET_SIZE;
    }
    return conf;
}

char *ngx_http_ws_init_main_conf(ngx_conf_t *, void *data) {
    auto *conf = static_cast<MainConf *>(data);
    ngx_conf_init_size_value(conf->buffer_size, 128 * 1024);
    ngx_conf_init_size_value(conf->deflate_memory, 64 * 1024 * 1024);
    return NGX_CONF_OK;
}

void *ngx_http_ws_create_loc_conf(ngx_conf_t *cf) {
    auto *conf = static_cast<LocConf *>(ngx_pcalloc(cf->pool, sizeof(LocConf)));
    if (conf == nullptr) {
        return nullptr;
    }
    unset_upstream(conf->upstream);
    conf->proxy_protocol.unset();
    conf->deflate.unset();
#if (NGX_HTTP_SSL)
    unset_ssl(*conf);
#endif
    conf->origin_report_only = NGX_CONF_UNSET;
    conf->frame_type.unset();
    conf->text_errors = NGX_CONF_UNSET_UINT;
    conf->max_message_size = NGX_CONF_UNSET_SIZE;
    conf->backend_window = NGX_CONF_UNSET_SIZE;
    conf->client_window = NGX_CONF_UNSET_SIZE;
    conf->client_rcvbuf = NGX_CONF_UNSET_SIZE;
    conf->backend_rcvbuf = NGX_CONF_UNSET_SIZE;
    conf->notsent_lowat = NGX_CONF_UNSET_SIZE;
    conf->client_ack = NGX_CONF_UNSET_UINT;
    conf->ack_interval = NGX_CONF_UNSET_SIZE;
    conf->receipts = NGX_CONF_UNSET;
    conf->half_close = NGX_CONF_UNSET;
    conf->ping_interval = NGX_CONF_UNSET_MSEC;
    conf->pong_timeout = NGX_CONF_UNSET_MSEC;
    conf->idle_timeout = NGX_CONF_UNSET_MSEC;
    conf->send_timeout = NGX_CONF_UNSET_MSEC;
    conf->close_timeout = NGX_CONF_UNSET_MSEC;
    conf->close_time = NGX_CONF_UNSET_MSEC;
    return conf;
}

char *ngx_http_ws_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child) {
    auto &prev = *static_cast<LocConf *>(parent);
    auto &conf = *static_cast<LocConf *>(child);
    const Written written(conf);

    merge_upstream(conf.upstream, prev.upstream);
    if (!conf.proxy_protocol.merge(cf, prev.proxy_protocol)) {
        return conf_error();
    }
#if (NGX_HTTP_SSL)
    if (!merge_ssl(cf, conf, prev)) {
        return conf_error();
    }
#endif
    if (!finish_pass(cf, conf)) {
        return conf_error();
    }
    inherit_location(cf, conf, prev);
    if (!merge_origin_rules(cf, conf, prev) || !merge_subprotocols(cf, conf, prev) ||
        !conf.deflate.merge(cf, prev.deflate)) {
        return conf_error();
    }
    ngx_conf_merge_value(conf.origin_report_only, prev.origin_report_only, 0);
    conf.frame_type.merge(prev.frame_type, static_cast<ngx_uint_t>(ws::Opcode::binary));
    ngx_conf_merge_uint_value(conf.text_errors, prev.text_errors,
                              static_cast<ngx_uint_t>(TextErrors::close));
    conf.framing.merge(prev.framing);
    // What is not set depends on the framing, and stays so for the locations inside.
    ngx_conf_merge_size_value(conf.max_message_size, prev.max_message_size, NGX_CONF_UNSET_SIZE);
    if (!conf.framing.check(cf, conf.max_message_size)) {
        return conf_error();
    }
    merge_flow(conf, prev);
    ngx_conf_merge_msec_value(conf.ping_interval, prev.ping_interval, 30000);
    ngx_conf_merge_msec_value(conf.pong_timeout, prev.pong_timeout, 20000);
    ngx_conf_merge_msec_value(conf.idle_timeout, prev.idle_timeout, 0);
    ngx_conf_merge_msec_value(conf.send_timeout, prev.send_timeout, 60000);
    ngx_conf_merge_msec_value(conf.close_timeout, prev.close_timeout, 10000);
    ngx_conf_merge_msec_value(conf.close_time, prev.close_time, 600000);
    conf.relay = relay_options(conf);
    warn_of_useless(cf, conf, written);
    return NGX_CONF_OK;
}

char *ngx_http_ws_set_subprotocol(ngx_conf_t *cf, ngx_command_t *, void *data) {
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

}  // extern "C"

}  // namespace ngx_ws
