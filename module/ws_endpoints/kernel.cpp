#include "module/ws_endpoints/kernel.hpp"

#include <linux/inet_diag.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <climits>
#include <ctime>
#include <string_view>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

namespace ngx_ws {

namespace {

// The flag is that of <linux/socket.h>: the receive buffer has the size that was asked for.
constexpr int receive_buffer_locked = 2;

int option_value(size_t value) noexcept {
    return static_cast<int>(size_in_kernel(value));
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

// What <linux/tcp.h> has behind the fields that the C library knows.
struct TcpInfo {
    struct tcp_info known;
    uint64_t pacing_rate;
    uint64_t max_pacing_rate;
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint32_t segments_out;
    uint32_t segments_in;
    uint32_t notsent_bytes;
    uint32_t min_rtt;
    uint32_t data_segments_in;
    uint32_t data_segments_out;
    uint64_t delivery_rate;
    uint64_t busy_times[3];
    uint32_t delivered[2];
    uint64_t bytes_sent;
    uint64_t bytes_retransmitted;
    uint32_t duplicates;
    uint32_t reorderings;
    uint32_t out_of_order;
};
static_assert(offsetof(TcpInfo, pacing_rate) == 104 && offsetof(TcpInfo, out_of_order) == 224);

// All 0 if the kernel does not answer, and what it does not know.
TcpInfo tcp_info(const ngx_connection_t *c) noexcept {
    TcpInfo info = {};
    socklen_t size = sizeof(info);
    (void)getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info;
}

// The largest that the path has room for; the kernel's own figure begins small and grows.
size_t segment_size(const ngx_connection_t *c) noexcept {
    return tcp_info(c).known.tcpi_advmss;
}

// A receiver may be late with an acknowledgement until it has two whole segments (RFC 1122, section
// 4.2.3.2): a smaller window would be waited for again and again.
size_t usable_window(size_t window, size_t segment) noexcept {
    const size_t two_segments = 2 * segment;
    return window == 0 ? 0 : ngx_max(window, two_segments);
}

void lock_receive_buffer(const ngx_connection_t *c, int locks) noexcept {
    (void)setsockopt(c->fd, SOL_SOCKET, SO_BUF_LOCK, &locks, sizeof(locks));
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

// A socket that wants to be woken by so many bytes has to have room for them. Unlike SO_RCVBUF this
// goes as far as the kernel's own tuning, for everybody, where that is not locked.
void widen_receive_window(const ngx_connection_t *c, size_t size) noexcept {
    lock_receive_buffer(c, 0);
    set_option(c, SOL_SOCKET, SO_RCVLOWAT, size);
    set_option(c, SOL_SOCKET, SO_RCVLOWAT, 1);
}

void narrow_receive_window(const ngx_connection_t *c, size_t size, size_t small) noexcept {
    limit_receive_buffer(c, small);
    if (size > small) {
        widen_receive_window(c, size);
    }
}

void keep_receive_window(const ngx_connection_t *c) noexcept {
    lock_receive_buffer(c, receive_buffer_locked);
}

void limit_window(const ngx_connection_t *c, size_t size) noexcept {
    const size_t least = 1;  // 0 would be none
    set_option(c, IPPROTO_TCP, TCP_WINDOW_CLAMP, ngx_max(size, least));
}

size_t unread(const ngx_connection_t *c) noexcept {
    int bytes = 0;
    return ngx_socket_nread(c->fd, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

uint64_t microseconds() noexcept {
    struct timespec time = {};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<uint64_t>(time.tv_nsec) / 1000;
}

PathFacts path_facts(const ngx_connection_t *c) noexcept {
    const TcpInfo info = tcp_info(c);
    return {.local = info.known.tcpi_advmss == 0 || is_loopback(info.known.tcpi_advmss),
            .round_trip = info.known.tcpi_rtt,
            .round_trip_in = info.known.tcpi_rcv_rtt,
            .out_of_order = info.out_of_order,
            .sent_again = info.known.tcpi_total_retrans,
            .window = uint64_t{info.known.tcpi_snd_cwnd} * info.known.tcpi_snd_mss,
            .delivered = info.delivery_rate,
            .paced = info.pacing_rate};
}

// Other algorithms tell nothing of themselves, or less.
bool measures_its_rate(const ngx_connection_t *c) noexcept {
    struct tcp_bbr_info told = {};
    socklen_t size = sizeof(told);
    return getsockopt(c->fd, IPPROTO_TCP, TCP_CC_INFO, &told, &size) == 0 && size == sizeof(told);
}

void limit_unsent(const ngx_connection_t *c, size_t bytes) noexcept {
    set_option(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);
}

// The kernel keeps what is not acknowledged in the send buffer, and makes the socket writable
// again when a third of it is: its bound is our window, and acknowledgements wake us by themselves.
SendBounds limit_send_buffer(const ngx_connection_t *c, const WindowSizes &window,
                             size_t notsent_lowat) noexcept {
    const size_t segment = segment_size(c);
    const bool loopback = is_loopback(segment);
    if (loopback) {
        stop_pacing(c);
    }
    const size_t usable = usable_window(loopback ? window.close_by : window.far, segment);
    set_option(c, SOL_SOCKET, SO_SNDBUF, usable / 2);
    set_option(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, notsent_lowat);
    const size_t least = usable == 0 ? 0 : send_buffer(c);
    return {.window = ngx_max(usable, least), .loopback = loopback};
}

// A buffer that the kernel has sized itself may be larger than what can be asked for.
void lift_send_bounds(const ngx_connection_t *c, bool windowed) noexcept {
    constexpr size_t small = 256 * 1024;
    set_option(c, SOL_SOCKET, SO_SNDBUF, windowed || send_buffer(c) < small ? INT_MAX : 0);
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

bool comes_from_loopback(const ngx_connection_t *c) noexcept {
    constexpr uint8_t net_of_loopback = 127;
    switch (c->sockaddr->sa_family) {
        case AF_INET: {
            const auto *v4 = reinterpret_cast<const struct sockaddr_in *>(c->sockaddr);
            return ntohl(v4->sin_addr.s_addr) >> 24 == net_of_loopback;
        }
        case AF_INET6: {
            const auto *v6 = reinterpret_cast<const struct sockaddr_in6 *>(c->sockaddr);
            const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) != 0;
            return mapped ? v6->sin6_addr.s6_addr[12] == net_of_loopback
                          : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
        }
        default:
            return c->sockaddr->sa_family == AF_UNIX;
    }
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
