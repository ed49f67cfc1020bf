#include "module/ws_endpoints/arrival.hpp"

#include "module/ws_endpoints/kernel.hpp"
#include "module/ws_endpoints/unix_peer.hpp"

namespace ngx_ws {

namespace {

uint64_t without(uint64_t bytes, uint64_t some) noexcept {
    return some < bytes ? bytes - some : 0;
}

// Bytes that were written to the socket for `written` of the stream. The handshake of TLS counts.
uint64_t on_wire([[maybe_unused]] const ngx_connection_t *c, uint64_t written) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        return BIO_number_written(SSL_get_wbio(c->ssl->connection));
    }
#endif
    return written;
}

// Whether the kernel makes the records. It does not tell how large they are.
bool seals_in_kernel([[maybe_unused]] const ngx_connection_t *c) noexcept {
#if (NGX_HTTP_SSL) && defined(BIO_get_ktls_send)
    return c->ssl != nullptr && BIO_get_ktls_send(SSL_get_wbio(c->ssl->connection));
#else
    return false;
#endif
}

}  // namespace

bool Arrival::ask(uint64_t written) noexcept {
    return ask(written, false);
}

void Arrival::ask_exactly(uint64_t written) noexcept {
    (void)ask(written, true);
}

bool Arrival::ask(uint64_t written, bool exactly) noexcept {
    if (written == 0 || silent_) {
        return true;
    }
    const std::optional<uint64_t> left = pending(exactly);
    if (!left.has_value()) {
        exact_ = false;
        return silent_;
    }
    const uint64_t wire = without(on_wire(destination_, written), *left);
    wire_ = ngx_max(wire_, wire);
    const uint64_t data = records_ == nullptr ? without(written, *left) : records_->arrived(wire_);
    data_ = ngx_max(data_, data);
    return true;
}

// Bytes of the wire. A FIN has a place in TCP's sequence of bytes, and is none.
std::optional<uint64_t> Arrival::pending(bool exactly) noexcept {
    const std::optional<size_t> told = unacknowledged(destination_);
    if (!told.has_value()) {
        return std::nullopt;
    }
    if (!is_local()) {
        exact_ = *told == 0 || !seals_in_kernel(destination_);
        return without(*told, fin_sent_ ? 1 : 0);
    }
    if (*told == 0) {
        silent_ = dropped_by_peer(destination_);
        exact_ = !silent_;
        return silent_ ? std::nullopt : std::optional<uint64_t>{0};
    }
    const std::optional<size_t> unread = exactly ? unread_by_peer(destination_) : std::nullopt;
    exact_ = unread.has_value();
    return unread.value_or(*told);
}

bool Arrival::is_local() noexcept {
    if (kind_ == Kind::unknown) {
        const struct sockaddr *address = destination_->local_sockaddr;
        const bool local =
            address != nullptr ? address->sa_family == AF_UNIX : is_unix(destination_);
        kind_ = local ? Kind::local : Kind::network;
    }
    return kind_ == Kind::local;
}

void Arrival::end_record([[maybe_unused]] uint64_t written) noexcept {
#if (NGX_HTTP_SSL)
    if (destination_->ssl == nullptr) {
        return;
    }
    if (records_ == nullptr) {
        records_ = ngx::make<ws::RecordMap>(destination_->pool);
        if (records_ == nullptr) {
            return;
        }
    }
    if (records_->full()) {
        (void)ask(written);
    }
    records_->note(on_wire(destination_, written), written);
#endif
}

// A unix socket whose peer has gone has forgotten what the peer had not read, and tells of it by an
// error, once. As long as it holds anything it can be asked too.
void Arrival::lose(uint64_t written) noexcept {
    if (written == 0 || silent_ || !is_local()) {
        return;
    }
    const bool error_was_fetched =
        destination_->read->error != 0 || destination_->write->error != 0;
    if (error_was_fetched && unacknowledged(destination_) == size_t{0}) {
        exact_ = false;
    } else {
        ask_exactly(written);
    }
    silent_ = true;
}

size_t Arrival::piece(size_t size) noexcept {
    constexpr size_t visible = 4096;
    const bool fits = size <= visible || !is_local() || !peers_are_opaque(destination_);
    return fits ? size : visible;
}

bool Arrival::exact() const noexcept {
    return exact_ && (records_ == nullptr || records_->exact());
}

}  // namespace ngx_ws
