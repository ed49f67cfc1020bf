// TCP on loopback, and epoll. What cannot fail for an honest reason ends the program with its name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/epoll.h>

namespace bench {

[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Sockets are blocking; send_now() and receive_now() never wait.
[[nodiscard]] int connect_to(std::uint16_t port);
[[nodiscard]] int listen_on(std::uint16_t port);

constexpr std::ptrdiff_t would_block = -1;
constexpr std::ptrdiff_t broken = -2;

// The number of bytes, would_block or broken; 0 from receive_now() is the peer's end.
[[nodiscard]] std::ptrdiff_t send_now(int socket, std::span<const std::uint8_t> bytes);
[[nodiscard]] std::ptrdiff_t receive_now(int socket, std::span<std::uint8_t> room);

void send_all(int socket, std::span<const std::uint8_t> bytes);

// Bytes that wait in the kernel: to be read, and to be acknowledged by the peer.
[[nodiscard]] std::uint64_t unread(int socket);
[[nodiscard]] std::uint64_t unacknowledged(int socket);

[[nodiscard]] std::uint64_t now_ns();

class Poller {
public:
    Poller();
    void add(int socket, std::uint32_t events, void *what);
    void change(int socket, std::uint32_t events, void *what);
    [[nodiscard]] std::span<const epoll_event> wait(int milliseconds);

private:
    int epoll_;
    std::array<epoll_event, 512> events_;
};

}  // namespace bench
