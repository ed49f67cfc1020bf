#include "t/hostile/backends.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hostile {

namespace {

constexpr std::size_t most_held = 1 << 18;  // of an echo, before reading stops
constexpr std::size_t long_flood = 1 << 26;

[[nodiscard]] std::uint16_t port_of(int socket) {
    sockaddr_in address = {};
    socklen_t size = sizeof(address);
    getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size);
    return ntohs(address.sin_port);
}

[[nodiscard]] std::string noise(sim::Random &random, std::size_t size) {
    std::string bytes(size, '\0');
    for (char &byte : bytes) {
        byte = static_cast<char>(random.below(256));
    }
    return bytes;
}

}  // namespace

BackendSession::BackendSession(int socket, Service service, std::size_t kind, Loop &loop)
    : socket_(socket),
      service_(service),
      kind_(kind),
      introduced_(service == Service::echo || service == Service::shared),
      random_(kind),
      loop_(loop) {
    loop_.add(socket_, watched_, *this);
}

// What begins with the client's address, by the PROXY protocol. The address is the whole seed.
void BackendSession::meet(std::string_view first) {
    introduced_ = true;
    const std::size_t end = first.find('\n');
    if (first.starts_with("PROXY ") && end != std::string_view::npos) {
        const std::string_view address = first.substr(0, first.find(' ', sizeof("PROXY TCP4")));
        random_ = sim::Random(kind_ + 1000 * std::hash<std::string_view>()(address));
        first.remove_prefix(end + 1);
    }
    if (service_ == Service::moody) {
        choose_mood();
        out_ += first;
    } else {
        choose_garbage();
    }
}

BackendSession::~BackendSession() {
    close(false);
}

void BackendSession::choose_mood() {
    static constexpr std::int64_t pauses[] = {0, 1, 3, 100, 200};
    static constexpr std::size_t sizes[] = {4096, 16384, 65536};
    pause_ = random_.one_of(pauses);
    read_size_ = pause_ > 50 ? 65536 : random_.one_of(sizes);
    // Together they would take too long.
    if (pause_ < 50 && random_.one_in(2)) {
        const int size = 32768;
        setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
}

// Kind by kind: nothing, a little, much, and what nearly fits a framing.
void BackendSession::choose_garbage() {
    then_ = static_cast<Then>(random_.below(7));
    switch (random_.below(4)) {
        case 0:
            break;
        case 1:
            out_ = noise(random_, random_.size(200));
            break;
        case 2:
            out_ = noise(random_, random_.size(100'000));
            break;
        default:
            out_ = kind_ % 2 == 1 ? "a line \u20ac\nand \xe2\x82"
                                  : std::string("\0\5hello\0\1\0\2", 11);
            out_ += std::string(random_.size(5000), 'x');
    }
}

void BackendSession::close(bool reset) {
    if (socket_ < 0) {
        return;
    }
    if (reset) {
        const linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    ::close(std::exchange(socket_, -1));
}

void BackendSession::ready(std::uint32_t events) {
    if ((events & EPOLLERR) != 0) {
        close(false);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) {
        read();
    }
    if (!over()) {
        write();
    }
}

void BackendSession::tick(std::int64_t now) {
    if (resume_at_ != 0 && now >= resume_at_) {
        resume_at_ = 0;
        watch();
    }
    if (reset_at_ != 0 && now >= reset_at_) {
        close(true);
    }
}

void BackendSession::read() {
    static std::array<char, 65536> room;
    const ssize_t count = recv(socket_, room.data(), read_size_, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) {
        client_ended_ = true;
        if (count < 0) {
            close(false);
        }
        return;
    }
    const std::string_view got{room.data(), static_cast<std::size_t>(count)};
    if (service_ == Service::shared && !std::exchange(heard_, true)) {
        speaks_http_ = got.starts_with("GET /kept");
    }
    if (!introduced_) {
        meet(got);
    } else if (speaks_http_) {
        out_ += "HTTP/1.1 204 No Content\r\n\r\n";
    } else if (service_ != Service::garbage) {
        out_ += got;
    } else if (random_.one_in(8) && then_ == Then::listen) {
        out_ += noise(random_, random_.size(3000));
    }
    resume_at_ = pause_ == 0 ? 0 : now_ms() + pause_;
}

void BackendSession::write() {
    while (written_ < out_.size()) {
        const ssize_t count = send(socket_, out_.data() + written_, out_.size() - written_,
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            break;
        }
        if (count < 0) {
            close(false);
            return;
        }
        written_ += static_cast<std::size_t>(count);
    }
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
        end();
        flood();
    }
    watch();
}

// As much as is taken, one piece a turn.
void BackendSession::flood() {
    static const std::string piece(1 << 16, 'f');
    if (flood_left_ != 0) {
        flood_left_ -= piece.size();
        out_ = piece;
    }
}

// What is due when everything was said.
void BackendSession::end() {
    if (client_ended_) {
        close(false);
    } else if (service_ == Service::garbage && introduced_ && !std::exchange(said_, true)) {
        if (then_ == Then::finish || then_ == Then::finish_and_reset) {
            shutdown(socket_, SHUT_WR);
            reset_at_ = then_ == Then::finish ? 0 : now_ms() + 1 + random_.below(50);
        } else if (then_ == Then::flood) {
            flood_left_ = long_flood;
        } else if (then_ == Then::close || then_ == Then::reset) {
            close(then_ == Then::reset);
        }
    }
}

void BackendSession::watch() {
    if (over()) {
        return;
    }
    std::uint32_t events = written_ < out_.size() ? EPOLLOUT : 0U;
    if (resume_at_ == 0 && !client_ended_ && flood_left_ == 0 &&
        out_.size() - written_ < most_held) {
        events |= EPOLLIN;
    }
    if (events != watched_) {
        watched_ = events;
        loop_.change(socket_, events, *this);
    }
}

Backends::Backends(Loop &loop) : loop_(loop) {
    listen(Service::echo, 0);
    listen(Service::moody, 0);
    listen(Service::shared, 0);
    for (std::size_t kind = 0; kind < garbage_kinds; ++kind) {
        listen(Service::garbage, kind);
    }
}

void Backends::listen(Service service, std::size_t kind) {
    auto listener = std::make_unique<Listener>();
    listener->all = this;
    listener->service = service;
    listener->kind = kind;
    listener->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener->socket, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) !=
            0 ||
        ::listen(listener->socket, 4096) != 0) {
        std::perror("listen");
        std::exit(2);
    }
    loop_.add(listener->socket, EPOLLIN, *listener);
    listeners_.push_back(std::move(listener));
}

void Backends::Listener::ready(std::uint32_t) {
    for (;;) {
        const int accepted = accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) {
            return;
        }
        all->sessions_.push_back(
            std::make_unique<BackendSession>(accepted, service, kind, all->loop_));
        ++all->accepted_;
    }
}

void Backends::print_ports() const {
    for (const auto &listener : listeners_) {
        const char *names[] = {"echo", "moody", "garbage", "shared"};
        std::printf("backend %s", names[static_cast<std::size_t>(listener->service)]);
        if (listener->service == Service::garbage) {
            std::printf("%zu", listener->kind);
        }
        std::printf(" %u\n", port_of(listener->socket));
    }
}

void Backends::tick(std::int64_t now) {
    for (const auto &session : sessions_) {
        session->tick(now);
    }
    std::erase_if(sessions_, [](const auto &session) { return session->over(); });
}

}  // namespace hostile
