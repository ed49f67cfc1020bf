#include "module/ngx_http_ws_lane.hpp"

#include "module/ngx_http_ws_kernel.hpp"

#include <cstring>

namespace ngx_ws {

namespace {

// More than this is neither written nor held once a peer takes nothing, and reading less at a time
// than the other costs more than it hides.
constexpr size_t most_unsent = 64 * 1024;
constexpr size_t least_read = 4 * 1024;

// For fewer bytes the kernel is neither told its bounds nor asked what became of them.
constexpr size_t worth_a_call = 16 * 1024;

uint64_t left_of(uint64_t bound, uint64_t used) noexcept {
    return used < bound ? bound - used : 0;
}

}  // namespace

// Before so many bytes nothing can hide that needs a bound: many sessions never come so far, and
// the system calls are spared.
void Lane::prepare(size_t size) noexcept {
    if (nodelay_) {
        nodelay_ = false;
        (void)ngx_tcp_nodelay(destination_);
    }
    if (!limited_ && ledger_.taken() + size > worth_a_call) {
        limited_ = true;
        window_ = limit_send_buffer(destination_, window_, notsent_lowat_);
    }
}

void free_tls_buffer([[maybe_unused]] ngx_connection_t *c) noexcept {
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        ngx_ssl_free_buffer(c);
    }
#endif
}

// Without an answer there is no window, or it would never open again.
uint64_t Lane::left_in_window(uint64_t total, size_t wanted) noexcept {
    if (total - arrival_.data() + wanted > window_ && !arrival_.ask(ledger_.written())) {
        return wanted;
    }
    return left_of(window_, total - arrival_.data());
}

void Lane::open(ngx_connection_t *destination, const Limits &limits) noexcept {
    destination_ = destination;
    arrival_.open(destination);
    timer_ = limits.timer;
    send_timeout_ = limits.send_timeout;
    ledger_ = ws::FlowLedger(limits.ledger_window);
    window_ = limits.kernel_window;
    notsent_lowat_ = limits.notsent_lowat;
    nodelay_ = limits.nodelay;
#if (NGX_HTTP_SSL)
    // What is held is written again from another address, and in parts.
    if (destination->ssl != nullptr) {
        SSL_set_mode(destination->ssl->connection,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif
}

// What is not sent is among what is not acknowledged, so that a second question is rarely needed.
size_t Lane::room(size_t most) noexcept {
    if (window_ == 0 || lost_) {
        return most;
    }
    const size_t unasked = ngx_min(worth_a_call, window_ / 2);
    uint64_t pending = ledger_.taken() - arrival_.data();
    if (pending > unasked) {
        if (!arrival_.ask(ledger_.written())) {
            return most;
        }
        pending = ledger_.taken() - arrival_.data();
    }
    const uint64_t waiting = pending > unasked ? unsent(destination_) : pending;
    const uint64_t in_window = left_of(window_, pending);
    const uint64_t to_send = left_of(most_unsent, waiting);
    const uint64_t left = ngx_min(in_window, to_send);
    const uint64_t wanted = ngx_max(left, least_read);
    return ngx_min(wanted, most);
}

void Lane::write(std::span<uint8_t> bytes) noexcept {
    prepare(bytes.size());
    ledger_.took(bytes.size());
    put(bytes);
}

void Lane::write_control(std::span<uint8_t> bytes) noexcept {
    prepare(bytes.size());
    ledger_.took_control(bytes.size());
    put(bytes);
}

void Lane::put(std::span<uint8_t> bytes) noexcept {
    const size_t sent = blocked() ? 0 : send(bytes);
    if (sent < bytes.size() && !lost_) {
        hold(bytes.subspan(sent));
    }
    note_stall();
}

// Where it is held what remains is put together in the scratch buffer that it would have come
// through.
void Lane::forward(std::span<uint8_t> header, Pipe &payload) noexcept {
    const size_t size = header.size() + payload.size();
    prepare(size);
    ledger_.took(size);
    const size_t sent = send(header, payload);
    if (sent < size) {
        const std::span<uint8_t> rest = scratch().from_backend;
        const std::span<uint8_t> head = header.subspan(ngx_min(sent, header.size()));
        ngx_memcpy(rest.data(), head.data(), head.size());
        const size_t read = payload.read_rest(rest.subspan(head.size()));
        if (sent + head.size() + read < size) {
            fail();
        } else if (!lost_) {
            hold(rest.first(head.size() + read));
        }
    }
    note_stall();
}

void Lane::flush() noexcept {
    if (held_ == nullptr) {
        return;
    }
    const size_t sent = send(held_->content());
    if (held_ == nullptr) {
        return;  // lost
    }
    held_->begin += sent;
    if (held_->begin == held_->end) {
        release();
        note_stall();
    } else if (sent != 0) {
        arm();
    }
}

void Lane::flush_at_last() noexcept {
    if (limited_) {
        lift_send_bounds(destination_, window_ != 0);
    }
    window_ = 0;
    destination_->write->ready = 1;
    flush();
}

void Lane::lose() noexcept {
    lost_ = true;
    arrival_.lose(ledger_.written());
#if (NGX_HTTP_SSL)
    // Behind a part of a record nothing can be said: OpenSSL would refuse nginx its close_notify.
    if (begun_) {
        destination_->ssl->no_send_shutdown = 1;
    }
#endif
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

uint64_t Lane::acknowledged() noexcept {
    arrival_.ask_exactly(ledger_.written());
    return arrival_.data();
}

uint64_t Lane::moved() noexcept {
    arrival_.ask_exactly(ledger_.written());
    return arrival_.wire();
}

bool Lane::drained() const noexcept {
    return !lost_ && !blocked() && unacknowledged(destination_) == size_t{0};
}

bool Lane::still_moving() noexcept {
    const uint64_t before = moved_;
    arm();
    return moved_ > before;
}

void Lane::gather() noexcept {
    (void)ngx_tcp_nopush(destination_->fd);
}

void Lane::finish() noexcept {
    if (lost_) {
        finished_ = true;
        return;
    }
    if (!say_goodbye()) {
        return;
    }
    finished_ = true;
    ngx_connection_t *c = destination_;
    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == 0) {
        arrival_.fin_sent();
    } else if (ngx_socket_errno != NGX_ENOTCONN) {
        ngx_connection_error(c, ngx_socket_errno, const_cast<char *>("shutdown() failed"));
    }
}

void Lane::abort() noexcept {
    (void)acknowledged();
    arrival_.forget();
    finished_ = true;
    lose();
    reset_connection(destination_);
    destination_->read->ready = 0;
    destination_->read->eof = 1;
}

// The alert of TLS only: nginx's own shutdown would not let us read on. False if the kernel has no
// room for it behind the data, and an event will tell when it has.
bool Lane::say_goodbye() noexcept {
#if (NGX_HTTP_SSL)
    if (destination_->ssl == nullptr) {
        return true;
    }
    SSL *tls = destination_->ssl->connection;
    ERR_clear_error();
    const int result = SSL_shutdown(tls);
    const bool waits = result < 0 && SSL_get_error(tls, result) == SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    if (waits) {
        destination_->write->ready = 0;
        return false;
    }
#endif
    return true;
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
        const size_t size = sendable(bytes.size() - sent);
        if (size == 0) {
            wait_for_room();
            break;
        }
        const ssize_t n =
            destination_->send(destination_, bytes.data() + sent, arrival_.piece(size));
#if (NGX_HTTP_SSL)
        begun_ = n == NGX_AGAIN && destination_->ssl != nullptr;
#endif
        if (n == NGX_AGAIN || n == 0) {
            break;
        }
        if (n < 0) {
            fail();
            break;
        }
        sent += static_cast<size_t>(n);
        ledger_.wrote(static_cast<uint64_t>(n));
        arrival_.end_record(ledger_.written());
    }
    return sent;
}

// The header is told to wait for its payload.
size_t Lane::send(std::span<const uint8_t> header, Pipe &payload) noexcept {
    const size_t size = header.size() + payload.size();
    size_t sent = 0;
    while (sent < size && !lost_ && destination_->write->ready) {
        const size_t left = sendable(size - sent);
        if (left == 0) {
            wait_for_room();
            break;
        }
        const std::span<const uint8_t> head = header.subspan(ngx_min(sent, header.size()));
        const size_t wanted = head.empty() ? ngx_min(left, payload.size()) : head.size();
        const ssize_t n = head.empty() ? payload.drain(destination_, wanted)
                                       : ::send(destination_->fd, head.data(), wanted, MSG_MORE);
        sent += note_sent(n, wanted);
    }
    return sent;
}

// What nginx's own send does behind the system call, of which n is the result.
size_t Lane::note_sent(ssize_t n, size_t wanted) noexcept {
    const ngx_err_t error = n < 0 ? ngx_errno : 0;
    if (error == NGX_EINTR) {
        return 0;
    }
    if (n < static_cast<ssize_t>(wanted)) {
        destination_->write->ready = 0;
    }
    if (n < 0 && error != NGX_EAGAIN) {
        destination_->write->error = 1;
        (void)ngx_connection_error(destination_, error, const_cast<char *>("splice() failed"));
        fail();
    }
    if (n <= 0) {
        return 0;
    }
    destination_->sent += n;
    ledger_.wrote(static_cast<uint64_t>(n));
    return static_cast<size_t>(n);
}

// The kernel fills up its last segment whatever its bound says, which on a link with many of them
// under way would be each of ours. TLS wants as many bytes again as it could not write before.
size_t Lane::sendable(size_t size) noexcept {
    if (window_ == 0 || !limited_ || begun_) {
        return size;
    }
    const uint64_t left = left_in_window(ledger_.written(), size);
    return ngx_min(size, left);
}

// More is in the kernel than it calls writable. Asking for the event again is what makes it tell.
void Lane::wait_for_room() noexcept {
    ngx_event_t *write = destination_->write;
    write->ready = 0;
    if ((ngx_event_flags & NGX_USE_CLEAR_EVENT) != 0 &&
        ngx_add_event(write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        fail();
    }
}

void Lane::hold(std::span<uint8_t> bytes) noexcept {
    if (held_ == nullptr) {
        held_ = take_buffer();
    }
    if (held_ == nullptr || bytes.size() > held_->capacity - held_->end) {
        // Without these bytes the stream is worth nothing.
        fail();
        return;
    }
    std::memcpy(held_->bytes() + held_->end, bytes.data(), bytes.size());
    held_->end += bytes.size();
    arm();
}

void Lane::release() noexcept {
    give_back(held_);
    held_ = nullptr;
    if (timer_->timer_set) {
        ngx_del_timer(timer_);
    }
}

void Lane::arm() noexcept {
    moved_ = moved();
    ngx_add_timer(timer_, send_timeout_);
}

}  // namespace ngx_ws
