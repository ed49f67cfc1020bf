#include "module/ws_endpoints/connection.hpp"

#include "module/ws_endpoints/kernel.hpp"

#include <algorithm>

namespace ngx_ws {

namespace {

// More than this is neither written nor held once a peer takes nothing, and reading less at a time
// than the other costs more than it hides.
constexpr size_t most_unsent = 64 * 1024;
constexpr size_t least_read = 4 * 1024;

// For fewer bytes the kernel is neither told its bounds nor asked what became of them.
constexpr size_t worth_a_call = 16 * 1024;

// Below this size, copying is cheaper than splice()'s system calls.
constexpr int least_splice = 16 * 1024;

// A client that sends faster than its bytes can be dropped must not keep a worker from its exit.
constexpr unsigned max_dropping_reads = 256;

uint64_t left_of(uint64_t bound, uint64_t used) noexcept {
    return used < bound ? bound - used : 0;
}

bool events_are_edges() noexcept {
    return (ngx_event_flags & NGX_USE_CLEAR_EVENT) != 0;
}

}  // namespace

Connection::Connection(ngx_connection_t *c, const Bounds &bounds, bool nodelay,
                       std::span<uint8_t> early, off_t *counter) noexcept
    : c_(c),
      early_(early),
      counter_(counter),
      window_(bounds.window),
      notsent_lowat_(bounds.notsent_lowat),
      nodelay_(nodelay) {
    arrival_.open(c);
    limit_receive_buffer(c, bounds.rcvbuf);
}

// --- from the peer

bool Connection::readable() const noexcept {
    return !early_.empty() || c_->read->ready != 0;
}

ws::Read Connection::read(std::span<uint8_t> to) noexcept {
    if (!early_.empty()) {
        const size_t size = ngx_min(early_.size(), to.size());
        std::copy_n(early_.begin(), size, to.begin());
        early_ = early_.subspan(size);
        return {ws::Came::bytes, size};
    }
    return took(c_->recv(c_, to.data(), to.size()));
}

ws::Read Connection::discard(std::span<uint8_t> to) noexcept {
    early_ = {};
    const ssize_t n = ngx_recv(c_, to.data(), to.size());
    return n == 0 ? ws::Read{ws::Came::end} : took(n);
}

ws::Read Connection::took(ssize_t n) noexcept {
    if (n == NGX_AGAIN) {
        return {ws::Came::later};
    }
    if (n <= 0) {
        return {n == 0 ? end_of_stream() : ws::Came::loss};
    }
    if (counter_ != nullptr) {
        *counter_ += n;
    }
    return {ws::Came::bytes, static_cast<size_t>(n)};
}

size_t Connection::fill_pipe(size_t most) noexcept {
    int available = 0;
    if (!is_plain() || !early_.empty() || ngx_socket_nread(c_->fd, &available) == -1 ||
        available < least_splice) {
        return 0;
    }
    const size_t size = pipe_of_worker().fill(c_, ngx_min(static_cast<size_t>(available), most));
    if (size != 0) {
        c_->read->available = -1;
        if (counter_ != nullptr) {
            *counter_ += static_cast<off_t>(size);
        }
    }
    return size;
}

bool Connection::is_plain() const noexcept {
    return c_->recv == ngx_recv && c_->send == ngx_send;
}

// --- to the peer

// Before so many bytes nothing can hide that needs a bound: many sessions never come so far, and
// the system calls are spared.
void Connection::prepare(size_t size) noexcept {
    if (nodelay_) {
        nodelay_ = false;
        (void)ngx_tcp_nodelay(c_);
    }
    if (!limited_ && written_ + size > worth_a_call) {
        limited_ = true;
        window_ = limit_send_buffer(c_, window_, notsent_lowat_);
    }
}

// What is not sent is among what is not acknowledged, so that a second question is rarely needed.
size_t Connection::room(size_t most) noexcept {
    if (window_ == 0) {
        return most;
    }
    const size_t unasked = ngx_min(worth_a_call, window_ / 2);
    uint64_t pending = written_ - arrival_.data();
    if (pending > unasked) {
        if (!arrival_.ask(written_)) {
            return most;
        }
        pending = written_ - arrival_.data();
    }
    const uint64_t waiting = pending > unasked ? unsent(c_) : pending;
    const uint64_t in_window = left_of(window_, pending);
    const uint64_t to_send = left_of(most_unsent, waiting);
    const uint64_t left = ngx_min(in_window, to_send);
    const uint64_t wanted = ngx_max(left, least_read);
    return ngx_min(wanted, most);
}

// The kernel fills up its last segment whatever its bound says, which on a link with many of them
// under way would be each of ours.
size_t Connection::sendable(size_t size) noexcept {
    if (c_->write->ready == 0) {
        return 0;
    }
    prepare(size);
    if (window_ == 0 || !limited_ || repeats()) {
        return size;
    }
    // Without an answer there is no window, or it would never open again.
    if (written_ - arrival_.data() + size > window_ && !arrival_.ask(written_)) {
        return size;
    }
    const uint64_t left = left_of(window_, written_ - arrival_.data());
    return ngx_min(size, left);
}

// More is in the kernel than it calls writable. Asking for the event again is what makes it tell.
bool Connection::wait_for_room() noexcept {
    if (c_->write->ready == 0) {
        return true;
    }
    c_->write->ready = 0;
    return !events_are_edges() ||
           ngx_add_event(c_->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT) == NGX_OK;
}

ws::Written Connection::write(std::span<uint8_t> bytes) noexcept {
    const size_t size = sendable(bytes.size());
    if (size == 0) {
        return {.size = 0, .lost = !wait_for_room()};
    }
    return sent(send(bytes.first(arrival_.piece(size))));
}

ssize_t Connection::send(std::span<uint8_t> bytes) noexcept {
    return c_->send(c_, bytes.data(), bytes.size());
}

ws::Written Connection::sent(ssize_t n) noexcept {
    if (n == NGX_AGAIN || n == 0) {
        return {.size = 0};
    }
    if (n < 0) {
        return {.size = 0, .lost = true};
    }
    written_ += static_cast<uint64_t>(n);
    arrival_.end_record(written_);
    return {.size = static_cast<size_t>(n)};
}

ws::Written Connection::write_header(std::span<uint8_t> bytes) noexcept {
    const size_t size = sendable(bytes.size());
    if (size < bytes.size()) {
        return {.size = 0, .lost = !wait_for_room()};
    }
    return note_sent(::send(c_->fd, bytes.data(), size, MSG_MORE), size);
}

ws::Written Connection::drain_pipe(size_t size) noexcept {
    const size_t wanted = sendable(size);
    if (wanted == 0) {
        return {.size = 0, .lost = !wait_for_room()};
    }
    return note_sent(pipe_of_worker().drain(c_, wanted), wanted);
}

// What nginx's own send does behind the system call, of which n is the result.
ws::Written Connection::note_sent(ssize_t n, size_t wanted) noexcept {
    const ngx_err_t error = n < 0 ? ngx_errno : 0;
    if (n < static_cast<ssize_t>(wanted) && error != NGX_EINTR) {
        c_->write->ready = 0;
    }
    if (n < 0 && error != NGX_EAGAIN && error != NGX_EINTR) {
        c_->write->error = 1;
        (void)ngx_connection_error(c_, error, const_cast<char *>("splice() failed"));
        return {.size = 0, .lost = true};
    }
    if (n > 0) {
        c_->sent += n;
    }
    return sent(n < 0 ? NGX_AGAIN : n);
}

void Connection::lift_bounds() noexcept {
    if (limited_) {
        lift_send_bounds(c_, window_ != 0);
    }
    window_ = 0;
    c_->write->ready = 1;
}

void Connection::gather() noexcept {
    (void)ngx_tcp_nopush(c_->fd);
}

bool Connection::finish() noexcept {
    finished_ = true;
    if (ngx_shutdown_socket(c_->fd, NGX_WRITE_SHUTDOWN) == 0) {
        arrival_.fin_sent();
    } else if (ngx_socket_errno != NGX_ENOTCONN) {
        ngx_connection_error(c_, ngx_socket_errno, const_cast<char *>("shutdown() failed"));
    }
    return true;
}

void Connection::abort() noexcept {
    if (aborted_) {
        return;
    }
    arrival_.lose(written_);
    arrival_.forget();
    aborted_ = true;
    finished_ = true;
    reset_connection(c_);
    c_->read->ready = 0;
    c_->read->eof = 1;
}

void Connection::lose(bool breaks) noexcept {
    arrival_.lose(written_);
    if (breaks && !aborted_) {
        (void)shutdown(c_->fd, SHUT_RDWR);
        c_->read->ready = 1;
        c_->read->available = -1;
    }
}

// --- what the kernel knows

uint64_t Connection::acknowledged() noexcept {
    arrival_.ask_exactly(written_);
    return arrival_.data();
}

uint64_t Connection::moved() noexcept {
    arrival_.ask_exactly(written_);
    return arrival_.wire();
}

bool Connection::drained() const noexcept {
    return !aborted_ && unacknowledged(c_) == size_t{0};
}

bool Connection::has_unread() const noexcept {
    int unread = 0;
    return !early_.empty() || ngx_socket_nread(c_->fd, &unread) == -1 || unread != 0;
}

bool Connection::is_broken() const noexcept {
    return broken_behind_its_end(c_, finished_);
}

// Where events are edges there is one; where they are levels, none is asked for behind an end.
bool Connection::may_have_broken() noexcept {
    const bool told = c_->read->ready != 0;
    c_->read->ready = 0;
    return told || is_polled();
}

bool Connection::is_polled() const noexcept {
    return !events_are_edges();
}

// --- nginx

// Free where events are edges; where they are levels, an end that was read must not be told again
// and again.
bool Connection::watch() noexcept {
    const ngx_uint_t flags = c_->read->eof || c_->read->error ? NGX_CLOSE_EVENT : 0;
    return ngx_handle_read_event(c_->read, flags) == NGX_OK &&
           ngx_handle_write_event(c_->write, 0) == NGX_OK;
}

void Connection::drop_unread() noexcept {
    std::array<uint8_t, 16 * 1024> room;
    for (unsigned reads = 0; reads < max_dropping_reads; ++reads) {
        if (ngx_recv(c_, room.data(), room.size()) <= 0) {
            return;
        }
    }
}

}  // namespace ngx_ws
