#include "module/ws_endpoints/moved_connection.hpp"

namespace ngx_ws {

bool MovedConnection::may_move([[maybe_unused]] const ngx_connection_t *c,
                               const Connection &endpoint) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        return false;
    }
#endif
    return endpoint.early_.empty() && !endpoint.aborted_;
}

void MovedConnection::go_on(Connection &endpoint, const ws::Flow &flow) noexcept {
    endpoint.queue_.go_on(flow.written, flow.acknowledged);
    endpoint.intake_.go_on(endpoint.connection());
    endpoint.finished_ = flow.finished && flow.taken == flow.written;
    if (endpoint.finished_) {
        endpoint.queue_.fin_sent();
    }
    if (flow.lost) {
        endpoint.queue_.forget();
    }
}

ngx_connection_t *MovedConnection::open(int descriptor, ngx_log_t *log) noexcept {
    constexpr size_t pool_size = 128;
    ngx_pool_t *pool = ngx_create_pool(pool_size, log);
    ngx_connection_t *c = pool == nullptr ? nullptr : ngx_get_connection(descriptor, log);
    if (c == nullptr) {
        if (pool != nullptr) {
            ngx_destroy_pool(pool);
        }
        return nullptr;
    }
    c->pool = pool;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->recv_chain = ngx_recv_chain;
    c->send_chain = ngx_send_chain;
    c->read->available = -1;
    c->read->ready = 1;
    c->write->ready = 1;
    return c;
}

// What ngx_close_connection() does, but that it leaves the descriptor open, and has the kernel
// forget its events: it would remember them as long as any process has the connection.
int MovedConnection::release(ngx_connection_t *c) noexcept {
    ngx_pool_t *pool = c->pool;
    for (ngx_event_t *ev : {c->read, c->write}) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }
    }
    const bool is_watched = c->read->active || c->write->active;
    if (ngx_del_conn != nullptr && is_watched) {
        (void)ngx_del_conn(c, 0);
    } else {
        for (ngx_event_t *ev : {c->read, c->write}) {
            if (ev->active || ev->disabled) {
                (void)ngx_del_event(ev, ev == c->read ? NGX_READ_EVENT : NGX_WRITE_EVENT, 0);
            }
        }
    }
    for (ngx_event_t *ev : {c->read, c->write}) {
        if (ev->posted) {
            ngx_delete_posted_event(ev);
        }
        ev->closed = 1;
    }
    ngx_reusable_connection(c, 0);
    const int descriptor = std::exchange(c->fd, -1);
    ngx_free_connection(c);
    if (pool != nullptr) {
        ngx_destroy_pool(pool);
    }
    return descriptor;
}

void MovedConnection::close(ngx_connection_t *c) noexcept {
    (void)::close(release(c));
}

}  // namespace ngx_ws
