#include "module/ws_endpoints/kernel.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <climits>
#include <string_view>

namespace ngx_ws {

namespace {

int option_value(size_t value) noexcept {
    return static_cast<int>(ngx_min(value, static_cast<size_t>(INT_MAX)));
}

// Without effect on a kernel or a kind of socket that does not know the option, which is no error.
void set_option(const ngx_connection_t *c, int level, int option, size_t value) noexcept {
    const int number = option_value(value);
    if (value != 0) {
        (void)setsockopt(c->fd, level, option, &number, sizeof(number));
    }
}

size_t send_buffer(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    socklen_t size = sizeof(bytes);
    const bool told = getsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0 && bytes > 0;
    return told ? static_cast<size_t>(bytes) : 0;
}

// The largest that the path has room for; the kernel's own figure begins small and grows.
size_t segment_size(const ngx_connection_t *c) noexcept {
    struct tcp_info info = {};
    socklen_t size = sizeof(info);
    return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_advmss : 0;
}

// A receiver may be late with an acknowledgement until it has two whole segments (RFC 1122, section
// 4.2.3.2): a smaller window would be waited for again and again.
size_t usable_window(size_t window, size_t segment) noexcept {
    const size_t two_segments = 2 * segment;
    return window == 0 ? 0 : ngx_max(window, two_segments);
}

// No network's segments are so large: its are 64 KiB.
bool is_loopback(size_t segment) noexcept {
    constexpr size_t largest_of_networks = 32 * 1024;
    return segment > largest_of_networks;
}

// Between two processes of one machine there is no path to be probed, and what an algorithm such as
// BBR spends on its timers is lost. This one every kernel has, and allows to everybody.
void stop_pacing(const ngx_connection_t *c) noexcept {
    constexpr std::string_view algorithm = "reno";
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(), algorithm.size());
}

}  // namespace

std::optional<size_t> unacknowledged(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    if (ioctl(c->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) {
        return std::nullopt;
    }
    return static_cast<size_t>(bytes);
}

size_t unsent(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    return ioctl(c->fd, SIOCOUTQNSD, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

// The kernel doubles the number, to have room for its own overhead, and may then use nearly all of
// it for payload.
int receive_buffer(size_t size) noexcept {
    return option_value(size / 2);
}

void limit_receive_buffer(const ngx_connection_t *c, size_t size) noexcept {
    set_option(c, SOL_SOCKET, SO_RCVBUF, size / 2);
}

// The kernel keeps what is not acknowledged in the send buffer, and makes the socket writable
// again when a third of it is: its bound is our window, and acknowledgements wake us by themselves.
size_t limit_send_buffer(const ngx_connection_t *c, size_t window, size_t notsent_lowat) noexcept {
    const size_t segment = segment_size(c);
    if (is_loopback(segment)) {
        stop_pacing(c);
    }
    const size_t usable = usable_window(window, segment);
    set_option(c, SOL_SOCKET, SO_SNDBUF, usable / 2);
    set_option(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, notsent_lowat);
    if (usable == 0) {
        return 0;
    }
    const size_t least = send_buffer(c);
    return ngx_max(usable, least);
}

// A buffer that the kernel has sized itself may be larger than what can be asked for.
void lift_send_bounds(const ngx_connection_t *c, bool windowed) noexcept {
    set_option(c, SOL_SOCKET, SO_SNDBUF, windowed ? INT_MAX : 0);
    set_option(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT_MAX);
}

// An error may have been told to a write of ours already, and is told once.
bool broken_behind_its_end(const ngx_connection_t *c, bool we_have_ended) noexcept {
    struct pollfd state = {c->fd, 0, 0};
    if (poll(&state, 1, 0) <= 0) {
        return false;
    }
    if ((state.revents & POLLHUP) != 0 && !we_have_ended) {
        return true;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    const bool broken = (state.revents & POLLERR) != 0 &&
                        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
    if (broken) {
        c->read->error = 1;  // which nobody is told again
    }
    return broken;
}

// TCP knows a way back to an unconnected socket, by which the peer gets a reset; a unix socket
// only that both directions end, which is the same to who writes.
void reset_connection(const ngx_connection_t *c) noexcept {
    struct sockaddr none = {};
    none.sa_family = AF_UNSPEC;
    if (connect(c->fd, &none, sizeof(none)) != 0) {
        (void)shutdown(c->fd, SHUT_RDWR);
    }
}

}  // namespace ngx_ws
