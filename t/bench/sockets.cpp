#include "t/bench/sockets.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int tcp_socket() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail("socket: %s", std::strerror(errno));
    }
    return fd;
}

std::ptrdiff_t result_of(ssize_t count) {
    if (count >= 0) {
        return count;
    }
    return errno == EAGAIN || errno == EINTR ? would_block : broken;
}

std::uint64_t ask(int socket, unsigned long request) {
    int bytes = 0;
    return ioctl(socket, request, &bytes) == 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

}  // namespace

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(stderr, format, arguments);
    va_end(arguments);
    std::fputc('\n', stderr);
    std::exit(1);
}

int connect_to(std::uint16_t port) {
    const int fd = tcp_socket();
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const sockaddr_in address = loopback(port);
    if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        fail("connect to port %u: %s", port, std::strerror(errno));
    }
    return fd;
}

int listen_on(std::uint16_t port) {
    const int fd = tcp_socket();
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    // Connections inherit it from their listener.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const sockaddr_in address = loopback(port);
    if (bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 ||
        listen(fd, 4096) != 0) {
        fail("listen on port %u: %s", port, std::strerror(errno));
    }
    return fd;
}

std::ptrdiff_t send_now(int socket, std::span<const std::uint8_t> bytes) {
    return result_of(send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::ptrdiff_t receive_now(int socket, std::span<std::uint8_t> room) {
    return result_of(recv(socket, room.data(), room.size(), MSG_DONTWAIT));
}

void send_all(int socket, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            fail("send: %s", std::strerror(errno));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

std::uint64_t unread(int socket) {
    return ask(socket, SIOCINQ);
}

std::uint64_t unacknowledged(int socket) {
    return ask(socket, SIOCOUTQ);
}

std::uint64_t now_ns() {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) {
        fail("epoll_create1: %s", std::strerror(errno));
    }
}

void Poller::add(int socket, std::uint32_t events, void *what) {
    epoll_event event = {.events = events, .data = {.ptr = what}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
        fail("epoll_ctl: %s", std::strerror(errno));
    }
}

void Poller::change(int socket, std::uint32_t events, void *what) {
    epoll_event event = {.events = events, .data = {.ptr = what}};
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0) {
        fail("epoll_ctl: %s", std::strerror(errno));
    }
}

std::span<const epoll_event> Poller::wait(int milliseconds) {
    const int count =
        epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), milliseconds);
    return {events_.data(), static_cast<std::size_t>(count < 0 ? 0 : count)};
}

}  // namespace bench
