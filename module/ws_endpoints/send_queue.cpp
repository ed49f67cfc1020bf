#include "module/ws_endpoints/send_queue.hpp"

#include "module/ws_endpoints/kernel.hpp"

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

SendQueue::SendQueue(ngx_connection_t *c, size_t window, size_t notsent_lowat,
                     bool nodelay) noexcept
    : c_(c), window_(window), notsent_lowat_(notsent_lowat), nodelay_(nodelay) {
    arrival_.open(c);
}

// Before so many bytes nothing can hide that needs a bound: many sessions never come so far, and
// the system calls are spared.
void SendQueue::prepare(size_t size) noexcept {
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
size_t SendQueue::room(size_t most) noexcept {
    if (window_ == 0) {
        return most;
    }
    const size_t unasked = ngx_min(worth_a_call, window_ / 2);
    uint64_t in_kernel = pending();
    if (in_kernel > unasked) {
        if (!arrival_.ask(written_)) {
            return most;
        }
        in_kernel = pending();
    }
    const uint64_t waiting = in_kernel > unasked ? unsent(c_) : in_kernel;
    const uint64_t in_window = left_of(window_, in_kernel);
    const uint64_t to_send = left_of(most_unsent, waiting);
    const uint64_t left = ngx_min(in_window, to_send);
    const uint64_t wanted = ngx_max(left, least_read);
    return ngx_min(wanted, most);
}

// The kernel fills up its last segment whatever its bound says, which on a link with many of them
// under way would be each of ours.
size_t SendQueue::sendable(size_t size, bool again) noexcept {
    if (c_->write->ready == 0) {
        return 0;
    }
    prepare(size);
    if (window_ == 0 || !limited_ || again) {
        return size;
    }
    // Without an answer there is no window, or it would never open again.
    if (pending() + size > window_ && !arrival_.ask(written_)) {
        return size;
    }
    const uint64_t left = left_of(window_, pending());
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
        lift_send_bounds(c_, window_ != 0);
    }
    window_ = 0;
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
