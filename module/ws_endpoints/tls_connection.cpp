#include "module/ws_endpoints/tls_connection.hpp"

namespace ngx_ws {

#if (NGX_HTTP_SSL)

namespace {

class TlsConnection final : public Connection {
public:
    TlsConnection(ngx_connection_t *c, const Bounds &bounds, bool nodelay, std::span<uint8_t> early,
                  off_t *counter) noexcept
        : Connection(c, bounds, nodelay, early, counter) {
        // What is held is written again from another address, and in parts.
        SSL_set_mode(c->ssl->connection,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }

    [[nodiscard]] bool finish() noexcept override { return say_goodbye() && Connection::finish(); }

    void gather() noexcept override { (void)ngx_tcp_nopush(connection()->fd); }

    // Behind a part of a record nothing can be said: OpenSSL would refuse nginx its close_notify.
    void lose(bool breaks) noexcept override {
        if (begun_) {
            connection()->ssl->no_send_shutdown = 1;
        }
        Connection::lose(breaks);
    }

private:
    [[nodiscard]] ssize_t send(std::span<uint8_t> bytes) noexcept override {
        const ssize_t n = Connection::send(bytes);
        begun_ = n == NGX_AGAIN;
        return n;
    }

    [[nodiscard]] bool repeats() const noexcept override { return begun_; }

    // TLS says where a stream ends, so that nobody else on the way can end it. nginx tells a reset
    // as an end; of an end alone OpenSSL keeps a note, whoever said it, and its socket another one
    // if nobody but TCP did.
    [[nodiscard]] ws::Came end_of_stream() const noexcept override {
        SSL *tls = connection()->ssl->connection;
        const bool noted = (SSL_get_shutdown(tls) & SSL_RECEIVED_SHUTDOWN) != 0;
#if defined(SSL_OP_IGNORE_UNEXPECTED_EOF)
        if (!noted) {
            return ws::Came::loss;
        }
        return BIO_eof(SSL_get_rbio(tls)) != 0 ? ws::Came::cut : ws::Came::end;
#else
        return noted ? ws::Came::end : ws::Came::cut;
#endif
    }

    // The alert of TLS only: nginx's own shutdown would not let us read on. False if the kernel has
    // no room for it behind the data, and an event will tell when it has.
    [[nodiscard]] bool say_goodbye() noexcept {
        SSL *tls = connection()->ssl->connection;
        ERR_clear_error();
        const int result = SSL_shutdown(tls);
        const bool waits = result < 0 && SSL_get_error(tls, result) == SSL_ERROR_WANT_WRITE;
        ERR_clear_error();
        if (waits) {
            connection()->write->ready = 0;
        }
        return !waits;
    }

    bool begun_ = false;  // a record that was not taken has to be written first
};

static_assert(sizeof(TlsConnection) <= sizeof(EndpointPlace));

}  // namespace

void EndpointPlace::make(ngx_connection_t *c, const Bounds &bounds, bool nodelay,
                         std::span<uint8_t> early, off_t *counter) noexcept {
    if (c->ssl != nullptr) {
        new (bytes_) TlsConnection(c, bounds, nodelay, early, counter);
    } else {
        new (bytes_) Connection(c, bounds, nodelay, early, counter);
    }
}

void free_tls_buffer(ngx_connection_t *c) noexcept {
    if (c->ssl != nullptr) {
        ngx_ssl_free_buffer(c);
    }
}

#else

void EndpointPlace::make(ngx_connection_t *c, const Bounds &bounds, bool nodelay,
                         std::span<uint8_t> early, off_t *counter) noexcept {
    new (bytes_) Connection(c, bounds, nodelay, early, counter);
}

void free_tls_buffer(ngx_connection_t *) noexcept {
}

#endif

}  // namespace ngx_ws
