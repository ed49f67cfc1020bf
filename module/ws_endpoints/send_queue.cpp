#include "module/ws_endpoints/send_queue.hpp"

#include "module/ws_endpoints/kernel.hpp"
#include "module/ws_endpoints/unix_peer.hpp"

namespace ngx_ws {

namespace {

// More than this is neither written nor held once a peer takes nothing, and reading less at a time
// than the other costs more than it hides.
constexpr size_t most_unsent = 64 * 1024;
constexpr size_t least_read = 4 * 1024;

// For fewer bytes the kernel is neither told its bounds nor asked what became of them.
constexpr size_t worth_a_call = 16 * 1024;

// The window to a peer on this machine, to which there is no path to follow.
constexpr size_t window_close_by = 64 * 1024;

uint64_t left_of(uint64_t bound, uint64_t used) noexcept {
    return used < bound ? bound - used : 0;
}

}  // namespace

SendQueue::SendQueue(ngx_connection_t *c, const Options &options) noexcept
    : outflow_(options.window, options.notsent_lowat),
      nodelay_(options.nodelay),
      short_close_by_(options.short_close_by) {
    arrival_.open(c);
}

// Before so many bytes nothing can hide that needs a bound: many sessions never come so far, and
// the system calls are spared.
void SendQueue::prepare(size_t size) noexcept {
    if (nodelay_) {
        nodelay_ = false;
        (void)ngx_tcp_nodelay(connection());
    }
    if (!limited_ && written_ + size > worth_a_call) {
        limited_ = true;
        limit();
    }
    if (outflow_.is_due(written_)) {
        (void)arrival_.ask(written_);
        outflow_.look(connection(), written_, arrival_.data());
    }
}

void SendQueue::limit() noexcept {
    const size_t most = outflow_.window();
    const bool follows = outflow_.follows();
    const size_t close_by = ngx_min(window_close_by, most);
    if (follows && is_unix(connection())) {
        outflow_.fix(close_by);
    }
    const size_t far = outflow_.follows() ? 0 : outflow_.window();
    const SendBounds bounds = limit_send_buffer(
        connection(), {.far = far, .close_by = follows && short_close_by_ ? close_by : far},
        outflow_.unsent());
    if (bounds.window != 0) {
        outflow_.fix(bounds.window);
    }
    if (bounds.loopback) {
        outflow_.stay();
    }
}

// By the size of the send buffer.
bool SendQueue::is_bounded() const noexcept {
    return outflow_.window() != 0 && !outflow_.follows();
}

bool SendQueue::is_full() noexcept {
    const size_t window = outflow_.window();
    return outflow_.follows() && pending() >= window && arrival_.ask(written_) &&
           pending() >= window;
}

// What has been written since the last question is counted as unsent while that leaves room enough,
// so that many small messages need no question each.
uint64_t SendQueue::unsent_beside(size_t bound, size_t most) noexcept {
    if (written_ <= worth_a_call) {
        return 0;
    }
    const size_t enough = ngx_min(most, bound - bound / 4);
    if (left_of(bound, written_ - sent_) < enough) {
        const uint64_t waiting = unsent(connection());
        sent_ = written_ - ngx_min(waiting, written_);
    }
    return written_ - sent_;
}

// What is not sent is among what is not acknowledged, so that a second question is rarely needed.
size_t SendQueue::room(size_t most) noexcept {
    const size_t window = outflow_.window();
    if (window == 0) {
        return most;
    }
    if (outflow_.follows()) {
        const bool is_far = limited_ && !outflow_.is_close_by();
        const size_t bound = is_far ? outflow_.unsent() : ngx_max(most_unsent, outflow_.unsent());
        const uint64_t left = left_of(bound, unsent_beside(bound, most));
        const uint64_t wanted = ngx_max(left, least_read);
        return ngx_min(wanted, most);
    }
    const size_t unasked = ngx_min(worth_a_call, window / 2);
    uint64_t in_kernel = pending();
    if (in_kernel > unasked) {
        if (!arrival_.ask(written_)) {
            return most;
        }
        in_kernel = pending();
    }
    const uint64_t waiting = in_kernel > unasked ? unsent(connection()) : in_kernel;
    const uint64_t in_window = left_of(window, in_kernel);
    const uint64_t to_send = left_of(most_unsent, waiting);
    const uint64_t left = ngx_min(in_window, to_send);
    const uint64_t wanted = ngx_max(left, least_read);
    return ngx_min(wanted, most);
}

// The kernel fills up its last segment whatever its bound says, which on a link with many of them
// under way would be each of ours.
size_t SendQueue::sendable(size_t size, bool again) noexcept {
    if (connection()->write->ready == 0) {
        return 0;
    }
    prepare(size);
    if (!is_bounded() || !limited_ || again) {
        return size;
    }
    // Without an answer there is no window, or it would never open again.
    const size_t window = outflow_.window();
    if (pending() + size > window && !arrival_.ask(written_)) {
        return size;
    }
    const uint64_t left = left_of(window, pending());
    return ngx_min(size, left);
}

ws::Written SendQueue::wrote(ssize_t n) noexcept {
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

void SendQueue::lift_bounds() noexcept {
    if (limited_) {
        lift_send_bounds(connection(), is_bounded());
    }
    outflow_.lift();
}

uint64_t SendQueue::acknowledged() noexcept {
    arrival_.ask_exactly(written_);
    return arrival_.data();
}

uint64_t SendQueue::moved() noexcept {
    arrival_.ask_exactly(written_);
    return arrival_.wire();
}

}  // namespace ngx_ws
