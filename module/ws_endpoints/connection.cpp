#include "module/ws_endpoints/connection.hpp"

#include "module/ws_endpoints/kernel.hpp"

#include <algorithm>

namespace ngx_ws {

namespace {

// Below this size, copying is cheaper than splice()'s system calls.
constexpr int least_splice = 16 * 1024;

// A client that sends faster than its bytes can be dropped must not keep a worker from its exit.
constexpr unsigned max_dropping_reads = 256;

bool events_are_edges() noexcept {
    return (ngx_event_flags & NGX_USE_CLEAR_EVENT) != 0;
}

// More is in the kernel than it calls writable. Asking for the event again is what makes it tell.
bool wait_for_room(ngx_connection_t *c) noexcept {
    if (c->write->ready == 0) {
        return true;
    }
    c->write->ready = 0;
    return !events_are_edges() ||
           ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT) == NGX_OK;
}

// What nginx's own send does behind the system call, of which n is the result.
ssize_t note_sent(ngx_connection_t *c, ssize_t n, size_t wanted, const char *failed) noexcept {
    const ngx_err_t error = n < 0 ? ngx_errno : 0;
    if (n < static_cast<ssize_t>(wanted) && error != NGX_EINTR) {
        c->write->ready = 0;
    }
    if (n < 0 && error != NGX_EAGAIN && error != NGX_EINTR) {
        c->write->error = 1;
        (void)ngx_connection_error(c, error, const_cast<char *>(failed));
        return NGX_ERROR;
    }
    if (n > 0) {
        c->sent += n;
    }
    return n < 0 ? NGX_AGAIN : n;
}

// The kernel waits for what follows.
ssize_t send_more(ngx_connection_t *c, std::span<uint8_t> bytes) noexcept {
    const ssize_t n = ::send(c->fd, bytes.data(), bytes.size(), MSG_MORE);
    return note_sent(c, n, bytes.size(), "send() failed");
}

// What nginx's receiving has come to.
ws::Read note_read(const ngx_connection_t *c, ssize_t n, off_t *counter, Intake &intake,
                   ws::Came end) noexcept {
    if (n == NGX_AGAIN) {
        return {ws::Came::later};
    }
    if (n <= 0) {
        return {n == 0 ? end : ws::Came::loss};
    }
    if (counter != nullptr) {
        *counter += n;
    }
    intake.took(c, static_cast<size_t>(n));
    return {ws::Came::bytes, static_cast<size_t>(n)};
}

}  // namespace

Connection::Connection(ngx_connection_t *c, const Bounds &bounds, bool nodelay,
                       std::span<uint8_t> early, off_t *counter) noexcept
    : early_(early),
      counter_(counter),
      intake_(c, bounds.rcvbuf, bounds.wide_close_by),
      queue_(c, {bounds.window, bounds.notsent_lowat, bounds.short_close_by, nodelay}) {
}

// --- from the peer

bool Connection::readable() const noexcept {
    return !early_.empty() || connection()->read->ready != 0;
}

ws::Read Connection::read(std::span<uint8_t> to) noexcept {
    if (!early_.empty()) {
        const size_t size = ngx_min(early_.size(), to.size());
        std::copy_n(early_.begin(), size, to.begin());
        early_ = early_.subspan(size);
        return {ws::Came::bytes, size};
    }
    const ssize_t n = connection()->recv(connection(), to.data(), to.size());
    return note_read(connection(), n, counter_, intake_, n == 0 ? end_of_stream() : ws::Came::end);
}

ws::Read Connection::read_apart(std::span<uint8_t> to, ws::Spacing places) noexcept {
    constexpr size_t most_places = 16;
    if (!takes_pipe() || !early_.empty()) {
        return read(to.first(ngx_min(to.size(), places.size)));
    }
    std::array<ngx_buf_t, most_places> buffers;
    std::array<ngx_chain_t, most_places> links;
    size_t count = 0;
    for (size_t at = 0; at < to.size() && count < most_places; at += places.size + places.gap) {
        const std::span<uint8_t> place = to.subspan(at, ngx_min(places.size, to.size() - at));
        buffers[count].last = place.data();
        buffers[count].end = place.data() + place.size();
        links[count] = {.buf = &buffers[count], .next = links.data() + count + 1};
        ++count;
    }
    links[count - 1].next = nullptr;
    const ssize_t n = connection()->recv_chain(connection(), links.data(), 0);
    return note_read(connection(), n, counter_, intake_, ws::Came::end);
}

ws::Read Connection::discard(std::span<uint8_t> to) noexcept {
    early_ = {};
    const ssize_t n = ngx_recv(connection(), to.data(), to.size());
    return note_read(connection(), n, counter_, intake_, ws::Came::end);
}

bool Connection::takes_pipe() const noexcept {
    return connection()->recv == ngx_recv && connection()->send == ngx_send;
}

size_t Connection::fill_pipe(size_t most) noexcept {
    int available = 0;
    if (!takes_pipe() || !early_.empty() || ngx_socket_nread(connection()->fd, &available) == -1 ||
        available < least_splice) {
        return 0;
    }
    const size_t size =
        pipe_of_worker().fill(connection(), ngx_min(static_cast<size_t>(available), most));
    if (size != 0) {
        connection()->read->available = -1;
        intake_.took(connection(), size);
        if (counter_ != nullptr) {
            *counter_ += static_cast<off_t>(size);
        }
    }
    return size;
}

// --- to the peer

ws::Written Connection::write(std::span<uint8_t> bytes) noexcept {
    const size_t size = queue_.sendable(bytes.size(), repeats());
    if (size == 0) {
        return {.size = 0, .lost = !wait_for_room(connection())};
    }
    return queue_.wrote(send(bytes.first(queue_.piece(size))));
}

ssize_t Connection::send(std::span<uint8_t> bytes) noexcept {
    return gathers_ ? send_more(connection(), bytes)
                    : connection()->send(connection(), bytes.data(), bytes.size());
}

ws::Written Connection::write_header(std::span<uint8_t> bytes) noexcept {
    const size_t size = queue_.sendable(bytes.size(), repeats());
    if (size < bytes.size()) {
        return {.size = 0, .lost = !wait_for_room(connection())};
    }
    return queue_.wrote(send_more(connection(), bytes));
}

ws::Written Connection::drain_pipe(size_t size) noexcept {
    const size_t wanted = queue_.sendable(size, repeats());
    if (wanted == 0) {
        return {.size = 0, .lost = !wait_for_room(connection())};
    }
    return queue_.wrote(note_sent(connection(), pipe_of_worker().drain(connection(), wanted),
                                  wanted, "splice() failed"));
}

void Connection::lift_bounds() noexcept {
    queue_.lift_bounds();
    connection()->write->ready = 1;
}

// An end that follows takes along what the kernel holds back, so that it need not be told of it
// beforehand, nor that it should hold nothing back.
void Connection::gather() noexcept {
    gathers_ = true;
    queue_.follows_at_once();
}

bool Connection::finish() noexcept {
    finished_ = true;
    if (ngx_shutdown_socket(connection()->fd, NGX_WRITE_SHUTDOWN) == 0) {
        queue_.fin_sent();
    } else if (ngx_socket_errno != NGX_ENOTCONN) {
        ngx_connection_error(connection(), ngx_socket_errno,
                             const_cast<char *>("shutdown() failed"));
    }
    return true;
}

void Connection::abort() noexcept {
    if (aborted_) {
        return;
    }
    queue_.lose();
    queue_.forget();
    aborted_ = true;
    finished_ = true;
    reset_connection(connection());
    connection()->read->ready = 0;
    connection()->read->eof = 1;
}

void Connection::lose(bool breaks) noexcept {
    queue_.lose();
    if (breaks && !aborted_) {
        (void)shutdown(connection()->fd, SHUT_RDWR);
        connection()->read->ready = 1;
        connection()->read->available = -1;
    }
}

// --- what the kernel knows

bool Connection::drained() const noexcept {
    return !aborted_ && unacknowledged(connection()) == size_t{0};
}

bool Connection::has_unread() const noexcept {
    int unread = 0;
    return !early_.empty() || ngx_socket_nread(connection()->fd, &unread) == -1 || unread != 0;
}

bool Connection::is_broken() const noexcept {
    return broken_behind_its_end(connection(), finished_);
}

// Where events are edges there is one; where they are levels, none is asked for behind an end.
bool Connection::may_have_broken() noexcept {
    const bool told = connection()->read->ready != 0;
    connection()->read->ready = 0;
    return told || is_polled();
}

bool Connection::is_polled() const noexcept {
    return !events_are_edges();
}

// --- nginx

// The events are free where they are edges; where they are levels, an end that was read must not be
// told again and again. TLS may wait for the peer's bytes in order to write, whatever room there
// is.
bool watch(Connection &endpoint, bool waits_for_room) noexcept {
    ngx_connection_t *c = endpoint.connection();
    endpoint.had_room_ = c->write->ready != 0 && !waits_for_room;
    const ngx_uint_t flags = c->read->eof || c->read->error ? NGX_CLOSE_EVENT : 0;
    return ngx_handle_read_event(c->read, flags) == NGX_OK &&
           ngx_handle_write_event(c->write, 0) == NGX_OK;
}

bool is_news(const Connection &endpoint, const ngx_event_t *ev) noexcept {
    return ev->write == 0 || ev->timedout != 0 || !endpoint.had_room_;
}

void drop_unread(ngx_connection_t *c) noexcept {
    std::array<uint8_t, 16 * 1024> room;
    for (unsigned reads = 0; reads < max_dropping_reads; ++reads) {
        if (ngx_recv(c, room.data(), room.size()) <= 0) {
            return;
        }
    }
}

}  // namespace ngx_ws
