#include "module/ws_resume/kept_backend.hpp"

#include "module/ws_endpoints/moved_connection.hpp"

namespace ngx_ws {

namespace {

// nginx names a server of an upstream{} in its configuration, and others in the request.
bool copy_name(ngx_peer_connection_t &peer, ngx_pool_t *pool) noexcept {
    auto *name = static_cast<ngx_str_t *>(ngx_palloc(pool, sizeof(ngx_str_t)));
    if (name == nullptr) {
        return false;
    }
    *name = ngx::copy(pool, ngx::view(*peer.name));
    peer.name = name;
    return name->data != nullptr;
}

void move_logs(ngx_connection_t &c, ngx_log_t *log) noexcept {
    c.log = log;
    c.read->log = log;
    c.write->log = log;
    c.pool->log = log;
}

}  // namespace

bool KeptBackend::take(ngx_http_upstream_t &u, bool keeps_choice, ngx_pool_t *pool,
                       ngx_log_t *log) noexcept {
    ngx_peer_connection_t peer = u.peer;
    if (!keeps_choice && !copy_name(peer, pool)) {
        return false;
    }
    peer.log = log;
    peer.local = nullptr;
    move_logs(*peer.connection, log);
#if (NGX_HTTP_SSL)
    // It would ask the request for its upstream.
    if (peer.connection->ssl != nullptr) {
        peer.connection->ssl->save_session = nullptr;
    }
#endif
    u.peer.connection = nullptr;
    // What was chosen in the request's memory is for nobody else's account, and goes with it.
    if (keeps_choice) {
        u.peer.free = nullptr;
        u.peer.sockaddr = nullptr;
    } else {
        peer.free = nullptr;
    }
    peer_ = peer;
    return true;
}

bool KeptBackend::take_over(int descriptor, std::string_view name, ngx_pool_t *pool,
                            ngx_log_t *log) noexcept {
    ngx_str_t said = ngx::str(name);
    peer_.name = &said;
    if (!copy_name(peer_, pool)) {
        (void)::close(descriptor);
        return false;
    }
    peer_.log = log;
    peer_.connection = MovedConnection::open(descriptor, log);
    if (peer_.connection == nullptr) {
        (void)::close(descriptor);
    }
    return peer_.connection != nullptr;
}

void KeptBackend::hand_over() noexcept {
    ngx_connection_t *c = std::exchange(peer_.connection, nullptr);
    if (peer_.free != nullptr) {
        peer_.free(&peer_, peer_.data, 0);
    }
    MovedConnection::close(c);
}

// Does what nginx does at the end of a request with an upstream. The endpoint has said all that TLS
// could say.
void KeptBackend::close() noexcept {
    ngx_connection_t *c = std::exchange(peer_.connection, nullptr);
    if (c == nullptr) {
        return;
    }
    if (peer_.free != nullptr) {
        peer_.free(&peer_, peer_.data, 0);
    }
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        c->error = 1;
        c->ssl->no_wait_shutdown = 1;
        (void)ngx_ssl_shutdown(c);
    }
#endif
    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}

void KeptBackend::account_in(ngx_http_upstream_state_t *state) noexcept {
    const off_t sent = peer_.connection->sent;
    if (state_ != nullptr) {
        state_->bytes_sent = sent - sent_before_;
    }
    state_ = state;
    sent_before_ = sent;
    MovedConnection::count_in(endpoint(), state == nullptr ? nullptr : &state->bytes_received);
}

}  // namespace ngx_ws
