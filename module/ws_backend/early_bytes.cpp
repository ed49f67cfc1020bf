#include "module/ws_backend/early_bytes.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

ssize_t nothing_more(ngx_connection_t *, u_char *, size_t) {
    return NGX_AGAIN;
}

// Anybody on the way to a backend behind TLS could have sent what came before its handshake. Later
// versions of nginx refuse such bytes themselves.
bool came_before_tls([[maybe_unused]] const ngx_http_upstream_t &u) noexcept {
#if (NGX_HTTP_SSL)
    return u.ssl && u.peer.connection->ssl == nullptr;
#else
    return false;
#endif
}

// nginx empties its buffer between two servers only if it has sent something to the first.
void forget_other_servers(ngx_http_request_t *r, Context &ctx) noexcept {
    const ngx_uint_t server = r->upstream_states->nelts;
    if (ctx.early_server != server) {
        ctx.early_server = server;
        r->upstream->buffer.pos += std::exchange(ctx.early_size, 0);
        ctx.backend_ended = false;
    }
}

}  // namespace

// Until the relay begins nginx finds nothing more, or it would read on, without an end if the
// backend floods, and fail at a full buffer or at the end of the stream.
ngx_int_t keep_early_bytes(ngx_http_request_t *r) {
    ngx_http_upstream_t &u = *r->upstream;
    Context &ctx = leg_of(r).context();
    forget_other_servers(r, ctx);
    ctx.early_size = static_cast<size_t>(u.buffer.last - u.buffer.pos);
    if (came_before_tls(u)) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: backend spoke before its TLS handshake");
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }
    ctx.backend_ended = u.peer.connection->read->pending_eof != 0;
    u.peer.connection->recv = nothing_more;
    if (u.buffer.last < u.buffer.end) {
        return NGX_AGAIN;
    }
    auto *larger = static_cast<u_char *>(ngx_pnalloc(r->pool, ctx.early_size + early_bytes_size));
    if (larger == nullptr) {
        return NGX_ERROR;
    }
    u.buffer.last = ngx_cpymem(larger, u.buffer.pos, ctx.early_size);
    u.buffer.start = u.buffer.pos = larger;
    u.buffer.end = u.buffer.last + early_bytes_size;
    return NGX_AGAIN;
}

void end_early_bytes(ngx_http_request_t *r, Context &ctx) noexcept {
    forget_other_servers(r, ctx);
    ngx_connection_t *c = r->upstream->peer.connection;
    if (c->recv == nothing_more) {
        c->recv = ngx_recv;
    }
}

}  // namespace ngx_ws
