#include "module/ngx_http_ws_lane.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <climits>
#include <cstring>

namespace ngx_ws {

size_t unacknowledged(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    return ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

namespace {

// Without effect on a kernel or a kind of socket that does not know the option, which is no error.
void set_option(const ngx_connection_t *c, int level, int option, size_t value) noexcept {
    const int number = static_cast<int>(ngx_min(value, static_cast<size_t>(INT_MAX)));
    if (value != 0) {
        (void)setsockopt(c->fd, level, option, &number, sizeof(number));
    }
}

// A peer may acknowledge every second segment only, and late. A window of a few segments, which are
// large on loopback, would be waited for again and again.
constexpr size_t least_segments = 4;

size_t segment_size(const ngx_connection_t *c) noexcept {
    int size = 0;
    socklen_t length = sizeof(size);
    return getsockopt(c->fd, IPPROTO_TCP, TCP_MAXSEG, &size, &length) == 0 && size > 0
               ? static_cast<size_t>(size)
               : 0;
}

// The kernel keeps what is not acknowledged in the send buffer, and makes the socket writable
// again when a third of it is: its bound is our window, and acknowledgements wake us by themselves.
// It doubles the number that it is given, to have room for its own overhead.
void limit_kernel(const ngx_connection_t *c, const Lane::Limits &limits) noexcept {
    if (limits.kernel_window != 0) {
        const size_t window = ngx_max(limits.kernel_window, least_segments * segment_size(c));
        set_option(c, SOL_SOCKET, SO_SNDBUF, window / 2);
    }
    set_option(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, limits.notsent_lowat);
}

}  // namespace

void limit_receive_buffer(const ngx_connection_t *c, size_t size) noexcept {
    set_option(c, SOL_SOCKET, SO_RCVBUF, size * 2);
    set_option(c, IPPROTO_TCP, TCP_WINDOW_CLAMP, size);
}

void Lane::open(ngx_connection_t *destination, const Limits &limits) noexcept {
    destination_ = destination;
    send_timeout_ = limits.send_timeout;
    ledger_ = ws::FlowLedger(limits.ledger_window);
    limit_kernel(destination, limits);
#if (NGX_HTTP_SSL)
    // What is held is written again from another address, and in parts.
    if (destination->ssl != nullptr) {
        SSL_set_mode(destination->ssl->connection,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif
}

void Lane::write(std::span<uint8_t> bytes) noexcept {
    ledger_.took(bytes.size());
    const size_t sent = send(bytes);
    if (sent < bytes.size() && !lost_) {
        hold(bytes.subspan(sent));
    }
    note_stall();
}

void Lane::flush() noexcept {
    if (held_ == nullptr) {
        return;
    }
    const size_t sent = send(held_->content());
    if (lost_) {
        return;
    }
    held_->begin += sent;
    if (held_->begin == held_->end) {
        release();
        note_stall();
    } else if (sent != 0) {
        arm();
    }
}

void Lane::lose() noexcept {
    lost_ = true;
    if (held_ != nullptr) {
        release();
    }
    note_stall();
}

// Whatever the peer said before is there to be read, and then its end: where it was not the peer
// who ended, but memory that was lacking here, the shutdown makes one.
void Lane::fail() noexcept {
    lose();
    (void)shutdown(destination_->fd, SHUT_RDWR);
    destination_->read->ready = 1;
    destination_->read->available = -1;
}

uint64_t Lane::acknowledged() const noexcept {
    uint64_t pending = unacknowledged(destination_);
    // The FIN has a place in the sequence of bytes too.
    if (fin_sent_ && pending != 0) {
        --pending;
    }
    return ledger_.written() > pending ? ledger_.written() - pending : 0;
}

bool Lane::still_moving() noexcept {
    const uint64_t before = acknowledged_;
    arm();
    return acknowledged_ > before;
}

void Lane::finish() noexcept {
    finished_ = true;
    if (lost_) {
        return;
    }
    fin_sent_ = true;
    ngx_connection_t *c = destination_;
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        // The alert only: nginx's own shutdown would not let us read on.
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl->connection);
        ERR_clear_error();
    }
#endif
    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1 && ngx_socket_errno != NGX_ENOTCONN) {
        ngx_connection_error(c, ngx_socket_errno, const_cast<char *>("shutdown() failed"));
    }
}

void Lane::confirm(uint64_t total) noexcept {
    (void)ledger_.confirm(total);
    note_stall();
}

ngx_msec_t Lane::stalled() const noexcept {
    return stalled_ + (waiting_ ? ngx_current_msec - stalled_since_ : 0);
}

void Lane::note_stall() noexcept {
    const bool waiting = !lost_ && (blocked() || paused());
    if (waiting == waiting_) {
        return;
    }
    if (waiting) {
        stalled_since_ = ngx_current_msec;
    } else {
        stalled_ += ngx_current_msec - stalled_since_;
    }
    waiting_ = waiting;
}

size_t Lane::send(std::span<uint8_t> bytes) noexcept {
    size_t sent = 0;
    while (sent < bytes.size() && !lost_ && destination_->write->ready) {
        const ssize_t n =
            destination_->send(destination_, bytes.data() + sent, bytes.size() - sent);
        if (n == NGX_AGAIN || n == 0) {
            break;
        }
        if (n < 0) {
            fail();
            break;
        }
        sent += static_cast<size_t>(n);
    }
    ledger_.wrote(sent);
    return sent;
}

void Lane::hold(std::span<uint8_t> bytes) noexcept {
    held_ = take_buffer();
    if (held_ == nullptr) {
        // Without these bytes the stream is worth nothing.
        fail();
        return;
    }
    std::memcpy(held_->bytes(), bytes.data(), bytes.size());
    held_->end = bytes.size();
    arm();
}

void Lane::release() noexcept {
    give_back(held_);
    held_ = nullptr;
    if (destination_->write->timer_set) {
        ngx_del_timer(destination_->write);
    }
}

void Lane::arm() noexcept {
    acknowledged_ = acknowledged();
    ngx_add_timer(destination_->write, send_timeout_);
}

}  // namespace ngx_ws
