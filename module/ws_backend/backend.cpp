#include "module/ws_backend/backend.hpp"

#include "module/ws_backend/early_bytes.hpp"
#include "module/ws_backend/fresh_connection.hpp"
#include "module/ws_backend/proxy_protocol.hpp"
#include "module/ws_endpoints/kernel.hpp"
#include "module/ws_requests/log.hpp"
#include "module/ws_resume/resumable_leg.hpp"
#include "module/ws_session/deflate.hpp"
#include "module/ws_session/framing.hpp"
#include "module/ws_session/request_host.hpp"
#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

// Finds an upstream as nginx does; null if there is none of this name.
ngx_http_upstream_srv_conf_t *find_upstream(ngx_http_request_t *r, const ngx_str_t &host,
                                            in_port_t port, bool no_port) noexcept {
    auto *umcf = static_cast<ngx_http_upstream_main_conf_t *>(
        ngx_http_get_module_main_conf(r, ngx_http_upstream_module));
    for (ngx_http_upstream_srv_conf_t *upstream :
         ngx::elements<ngx_http_upstream_srv_conf_t *>(&umcf->upstreams)) {
        if (upstream->host.len == host.len &&
            ((upstream->port == 0 && no_port) || upstream->port == port) &&
            ngx_strncasecmp(upstream->host.data, host.data, host.len) == 0) {
            return upstream;
        }
    }
    return nullptr;
}

// Names and addresses have no blanks and no control characters; the rest is up to nginx's parser.
bool is_plain(std::string_view text) noexcept {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
            return false;
        }
    }
    return !text.empty();
}

const char *parse_target(ngx_http_request_t *r, ngx_url_t &url) noexcept {
    if (url.url.len == 0) {
        return "it is empty";
    }
    if (!is_plain(ngx::view(url.url))) {
        return "it has blanks or control characters";
    }
    url.no_resolve = 1;
    if (ngx_parse_url(r->pool, &url) != NGX_OK) {
        return url.err != nullptr ? url.err : "it is no address";
    }
    if (url.uri.len != 0 && url.family != AF_UNIX) {
        return "it has a path";
    }
    if (url.no_port && url.family != AF_UNIX &&
        find_upstream(r, url.host, url.port, true) == nullptr) {
        return "it has no port and is no upstream";
    }
    return nullptr;
}

// NGX_OK, or the status for the client.
ngx_int_t resolve_target(ngx_http_request_t *r, ngx_http_upstream_t &u,
                         ngx_http_complex_value_t *target) noexcept {
    ngx_url_t url = {};
    if (ngx_http_complex_value(r, target, &url.url) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (const char *problem = parse_target(r, url); problem != nullptr) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: invalid address in ws_pass \"%V\": %s",
                      &target->value, problem);
        return NGX_HTTP_BAD_GATEWAY;
    }
    u.resolved = static_cast<ngx_http_upstream_resolved_t *>(
        ngx_pcalloc(r->pool, sizeof(ngx_http_upstream_resolved_t)));
    if (u.resolved == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (url.addrs != nullptr) {
        u.resolved->sockaddr = url.addrs[0].sockaddr;
        u.resolved->socklen = url.addrs[0].socklen;
        u.resolved->name = url.addrs[0].name;
        u.resolved->naddrs = 1;
    }
    u.resolved->host = url.host;
    u.resolved->port = url.port;
    u.resolved->no_port = url.no_port;
    return NGX_OK;
}

ngx_int_t nothing_to_send(ngx_http_request_t *) {
    return NGX_OK;
}

void ignore_abort(ngx_http_request_t *) {
}

void release_leg(ngx_http_request_t *r, ngx_int_t status) {
    Leg &leg = leg_of(r);
    if (!leg.started() && status >= NGX_HTTP_BAD_GATEWAY && status <= NGX_HTTP_GATEWAY_TIME_OUT &&
        leg.tell_unreached()) {
        r->upstream->header_sent = 1;
    }
    leg.release();
}

// Called by nginx, once, when the connection to the backend is up. It goes on working on the
// request afterwards, so nothing may end it here. After an error it goes on to the next server.
ngx_int_t take_over(void *data, ngx_chain_t *) {
    auto &leg = *static_cast<Leg *>(data);
    ngx_http_request_t *r = leg.request();
    ngx_http_upstream_t &u = *r->upstream;
    if (!send_proxy_header(r)) {
        return NGX_ERROR;
    }
    end_early_bytes(r, leg.context());
    leg.start();
    u.header_sent = 1;
    u.state->header_time = ngx_current_msec - u.start_time;
#ifdef NGX_HTTP_UPSTREAM_NOTIFY_HEADER
    if (u.peer.notify != nullptr) {
        u.peer.notify(&u.peer, u.peer.data, NGX_HTTP_UPSTREAM_NOTIFY_HEADER);
    }
#endif
    return NGX_OK;
}

// nginx itself would answer 500. Idle keepalive connections are given up for a new one.
bool has_free_connection(ngx_http_request_t *r) noexcept {
    const auto &cycle = *const_cast<const ngx_cycle_t *>(ngx_cycle);
    if (cycle.free_connections != nullptr || cycle.reusable_connections_n != 0) {
        return true;
    }
    RequestLog log(r);
    ngx_log_error(NGX_LOG_ERR, log.get(), 0,
                  "ws: no connection is free for the backend: all %ui of worker_connections are "
                  "in use, and a session takes two",
                  cycle.connection_n);
    return false;
}

bool make_leg(ngx_http_request_t *r, Context &ctx, const LocConf &conf) noexcept {
    if (ctx.asked != nullptr) {
        ctx.leg = ResumableLeg::make_first(r, ctx);
        return ctx.leg != nullptr;
    }
    const ws::FramingSettings &framing = conf.framing.settings;
    if (framing.kind != ws::FramingKind::stream) {
        ctx.framing = ngx::make<Framing>(r->pool, framing);
        if (ctx.framing == nullptr) {
            return false;
        }
    }
    ctx.leg = RequestHost::make(r, ctx);
    return ctx.leg != nullptr;
}

}  // namespace

ngx_int_t connect_backend(ngx_http_request_t *r, Context &ctx) noexcept {
    auto *conf = static_cast<LocConf *>(ngx_http_get_module_loc_conf(r, ngx_http_ws_module));
    if (!has_free_connection(r)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    if (!prepare_scratch() || ngx_http_upstream_create(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!make_leg(r, ctx, *conf)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ngx_http_upstream_t &u = *r->upstream;
    ngx_http_upstream_srv_conf_t *upstream = conf->upstream.upstream;
    if (conf->target != nullptr) {
        const ngx_int_t rc = resolve_target(r, u, conf->target);
        if (rc != NGX_OK) {
            return rc;
        }
        upstream = find_upstream(r, u.resolved->host, u.resolved->port, u.resolved->no_port != 0);
    }
    ngx_str_set(&u.schema, "ws://");
#if (NGX_HTTP_SSL)
    u.ssl = conf->tls.on != 0;
#endif
    u.peer.rcvbuf = receive_buffer(conf->flow.backend_rcvbuf.size);
    u.output.tag = &ngx_http_ws_module;
    u.output.output_filter = take_over;
    u.output.filter_ctx = ctx.leg;
    u.conf = &conf->upstream;
    u.create_request = nothing_to_send;
    u.reinit_request = nothing_to_send;
    u.process_header = keep_early_bytes;
    u.abort_request = ignore_abort;
    u.finalize_request = release_leg;

    if (const ngx_int_t status = ctx.leg->enter(); status != NGX_OK) {
        return status;
    }
    r->main->count++;
    connect_anew(r, upstream);
    return NGX_DONE;
}

}  // namespace ngx_ws
