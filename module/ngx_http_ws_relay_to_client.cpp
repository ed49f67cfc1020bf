// What the backend says, on its way to the client.
#include "module/ngx_http_ws_framing.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

namespace {

// Below this size, copying is cheaper than splice()'s system calls. A read of so much more is the
// beginning of a flood.
constexpr int least_splice = 16 * 1024;
constexpr ssize_t least_flood = 32 * 1024;

enum class StreamEnd : uint8_t { whole, cut, reset };

// TLS says where a stream ends, so that nobody else on the way can end it. nginx tells a reset as
// an end; of an end alone OpenSSL keeps a note, whoever said it, and its socket another one if
// nobody but TCP did.
StreamEnd end_of([[maybe_unused]] const ngx_connection_t *c) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl == nullptr) {
        return StreamEnd::whole;
    }
    const bool noted = (SSL_get_shutdown(c->ssl->connection) & SSL_RECEIVED_SHUTDOWN) != 0;
#if defined(SSL_OP_IGNORE_UNEXPECTED_EOF)
    const bool told_by_tcp = BIO_eof(SSL_get_rbio(c->ssl->connection)) != 0;
    return !noted ? StreamEnd::reset : told_by_tcp ? StreamEnd::cut : StreamEnd::whole;
#else
    return noted ? StreamEnd::whole : StreamEnd::cut;
#endif
#else
    return StreamEnd::whole;
#endif
}

}  // namespace

void Relay::pump_to_client() noexcept {
    for (unsigned reads = 0;; ++reads) {
        to_client_.flush();
        if (!to_client_.blocked()) {
            send_due();
        }
        if (!reads_backend()) {
            return;
        }
        if (reads == max_reads) {
            ngx_post_event(&resume_, &ngx_posted_next_events);
            return;
        }
        if (!read_backend()) {
            return;
        }
    }
}

bool Relay::read_backend() noexcept {
    if (floods_ && !closing() && splice_backend()) {
        return true;
    }
    const std::span<uint8_t> room =
        scratch().from_backend.subspan(ws::Session::headroom, max_payload());
    // After our FIN everything is dropped, TLS records unread: only the end is waited for.
    const bool drops = to_backend_.finished() && closing();
    const ssize_t n = drops ? ngx_recv(backend_, room.data(), room.size())
                            : backend_->recv(backend_, room.data(), room.size());
    if (n == NGX_AGAIN) {
        return false;
    }
    if (n <= 0) {
        const StreamEnd end = n != 0  ? StreamEnd::reset
                              : drops ? StreamEnd::whole
                                      : end_of(backend_);
        if (end == StreamEnd::cut) {
            on_backend_cut();
        } else {
            on_backend_gone(end == StreamEnd::reset);
        }
        return false;
    }
    floods_ = can_splice_ && n >= least_flood;
    r_->upstream->state->bytes_received += n;
    take_bytes(room.first(static_cast<size_t>(n)));
    return true;
}

// TCP has ended without TLS having done so. Many services do that on purpose; a message that it
// cuts was not meant to end there.
void Relay::on_backend_cut() noexcept {
#if (NGX_HTTP_SSL)
    if (conf_->ssl_require_close_notify && !closing()) {
        backend_gone_ = true;
        close_lost(ClosedBy::backend, ws::CloseCode::internal_error,
                   "backend closed without close_notify");
        return;
    }
#endif
    if (framing_ != nullptr) {
        framing_->framer().cut();
    }
    on_backend_gone(false);
}

// What a flood has ready at once becomes one message whose payload is never copied.
bool Relay::splice_backend() noexcept {
    int available = 0;
    if (ngx_socket_nread(backend_->fd, &available) == -1 || available < least_splice) {
        return false;
    }
    Pipe &pipe = pipe_of_worker();
    const size_t size = pipe.fill(backend_, ngx_min(static_cast<size_t>(available), max_payload()));
    if (size == 0) {
        return false;
    }
    backend_->read->available = -1;
    moved_ = ngx_current_msec;
    bytes_out_ += size;
    r_->upstream->state->bytes_received += static_cast<off_t>(size);
    std::array<uint8_t, ws::max_header_size> room;
    to_client_.forward(session_.wrap_elsewhere(size, room), pipe);
    send_marker();
    return true;
}

// They fit into one frame; see early_bytes_size.
void Relay::take_early_bytes() noexcept {
    ngx_buf_t &early = r_->upstream->buffer;
    const std::span<uint8_t> room = scratch().from_backend.subspan(ws::Session::headroom);
    const auto size = static_cast<size_t>(early.last - early.pos);
    if (size != 0) {
        ngx_memcpy(room.data(), early.pos, size);
        early.pos = early.last;
        take_bytes(room.first(size));
    }
}

void Relay::take_bytes(std::span<uint8_t> received) noexcept {
    if (closing()) {
        drop_from_backend(received.size());
        return;
    }
    moved_ = ngx_current_msec;
    bytes_out_ += received.size();
    // What came early may be more than is read at a time.
    while (!received.empty() && !closing()) {
        const std::span<uint8_t> piece = received.first(ngx_min(received.size(), max_payload()));
        received = received.subspan(piece.size());
        if (framing_ != nullptr) {
            take_framed(piece);
        } else {
            send_message(wrap(piece));
        }
    }
}

// What the end of the stream makes of what was held back.
void Relay::take_end() noexcept {
    if (framing_ != nullptr) {
        take_framed({});
        return;
    }
    const std::span<uint8_t> text = session_.repair_end(scratch().from_client);
    if (!text.empty()) {
        send_message(session_.wrap(text));
    }
}

void Relay::send_message(const ws::Session::Wrapped &wrapped) noexcept {
    if (!wrapped.frame.empty()) {
        to_client_.write(wrapped.frame);
        send_marker();
    }
    if (!wrapped.valid) {
        begin_close(ClosedBy::gateway, ws::CloseCode::internal_error,
                    "backend sent bytes that are not UTF-8");
    }
}

void Relay::send_due() noexcept {
    if (session_.anything_due()) {
        std::array<uint8_t, ws::Session::max_due_size> frames;
        const size_t size = session_.write_due(frames);
        if (session_.close_sent()) {
            close_size_ += size;
        }
        to_client_.write_control(std::span{frames}.first(size));
    }
}

}  // namespace ngx_ws
