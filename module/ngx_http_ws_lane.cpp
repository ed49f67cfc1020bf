#include "module/ngx_http_ws_lane.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <cstring>

namespace ngx_ws {

size_t unacknowledged(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    return ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

void Lane::open(ngx_connection_t *destination, ngx_msec_t send_timeout) noexcept {
    destination_ = destination;
    send_timeout_ = send_timeout;
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
    } else if (sent != 0) {
        arm();
    }
}

void Lane::lose() noexcept {
    lost_ = true;
    if (held_ != nullptr) {
        release();
    }
}

// Whatever the peer said before is there to be read, and then its end.
void Lane::fail() noexcept {
    lose();
    destination_->read->ready = 1;
    destination_->read->available = -1;
}

uint64_t Lane::acknowledged() const noexcept {
    const uint64_t pending = unacknowledged(destination_);
    return ledger_.written() > pending ? ledger_.written() - pending : 0;
}

bool Lane::still_moving() noexcept {
    const uint64_t before = acknowledged_;
    arm();
    return acknowledged_ > before;
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
        (void)shutdown(destination_->fd, SHUT_RDWR);
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
