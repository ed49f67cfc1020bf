#include "module/ws_backend/fresh_connection.hpp"

#include "module/ws_session/leg.hpp"

namespace ngx_ws {

namespace {

// While nginx asks for the first server of a request of ours, our own function stands in the place
// of what the upstream begins to choose with.
struct Choosing {
    ngx_http_upstream_srv_conf_t *upstream;
    ngx_http_upstream_init_peer_pt begin;
    Choosing *outer;  // a request may fail at once, and another location take it
};

Choosing *choosing;

bool is_ours(const ngx_http_upstream_t &u) noexcept {
    return u.output.tag == &ngx_http_ws_module;
}

void close(ngx_connection_t *c) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void)ngx_ssl_shutdown(c);
    }
#endif
    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}

// Where keepalive offers a connection, nginx is told to make one to the same server.
ngx_int_t get_server(ngx_peer_connection_t *pc, void *data) {
    auto *u = reinterpret_cast<ngx_http_upstream_t *>(reinterpret_cast<u_char *>(pc) -
                                                      offsetof(ngx_http_upstream_t, peer));
    const auto &leg = *static_cast<Leg *>(u->output.filter_ctx);
    const ngx_int_t rc = leg.context().choose_server(pc, data);
    if (rc != NGX_DONE || pc->connection == nullptr) {
        return rc;
    }
    close(std::exchange(pc->connection, nullptr));
    pc->cached = 0;
    return NGX_OK;
}

// What a server is chosen with lasts as long as the session, and may outlive the request.
ngx_int_t begin_in(ngx_http_request_t *r, const Choosing &how) noexcept {
    ngx_pool_t *pool = is_ours(*r->upstream) ? leg_of(r).choice_pool() : nullptr;
    if (pool == nullptr) {
        return how.begin(r, how.upstream);
    }
    std::swap(r->pool, pool);
    const ngx_int_t rc = how.begin(r, how.upstream);
    std::swap(r->pool, pool);
    return rc;
}

ngx_int_t begin_choosing(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *upstream) {
    const Choosing *found = choosing;
    while (found->upstream != upstream) {
        found = found->outer;
    }
    const ngx_int_t rc = begin_in(r, *found);
    if (rc == NGX_OK && is_ours(*r->upstream)) {
        ngx_peer_connection_t &peer = r->upstream->peer;
        leg_of(r).context().choose_server = std::exchange(peer.get, get_server);
    }
    return rc;
}

}  // namespace

void connect_anew(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *upstream) noexcept {
    if (upstream == nullptr || upstream->peer.init == begin_choosing) {
        ngx_http_upstream_init(r);
        return;
    }
    Choosing entry{upstream, std::exchange(upstream->peer.init, begin_choosing), choosing};
    choosing = &entry;
    ngx_http_upstream_init(r);
    choosing = entry.outer;
    upstream->peer.init = entry.begin;
}

}  // namespace ngx_ws
