// The backend of the benchmark, one process and one thread:
//   backend TASK[/SIZE]:raw|ws:PORT...
// Checks what it takes, and is cheaper than any of the servers in front of it. It says "ready" and
// ends with its parent's pipe on standard input.
#include "t/bench/services.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_set>

#include <sys/socket.h>
#include <unistd.h>

using namespace bench;

namespace {

constexpr std::size_t any_size = 64;

Task task_of(std::string_view name) {
    constexpr std::string_view names[] = {"echo", "sink", "source", "stall", "control"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (names[i] == name) {
            return static_cast<Task>(i);
        }
    }
    fail("no task %.*s", static_cast<int>(name.size()), name.data());
}

template <typename Number>
Number number_of(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        fail("no number: %.*s", static_cast<int>(text.size()), text.data());
    }
    return number;
}

// Cuts off and returns what stands before `mark`.
std::string_view cut(std::string_view &text, char mark) {
    const std::size_t at = text.find(mark);
    const std::string_view before = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return before;
}

std::unique_ptr<Listener> open_listener(std::string_view text) {
    std::string_view task = cut(text, ':');
    const bool websocket = cut(text, ':') == "ws";
    const std::string_view name = cut(task, '/');
    const auto size = task.empty() ? any_size : number_of<std::size_t>(task);
    auto listener = std::make_unique<Listener>(task_of(name), websocket, size);
    listener->socket = listen_on(number_of<std::uint16_t>(text));
    return listener;
}

class Backend {
public:
    void add(std::unique_ptr<Listener> listener) {
        poller_.add(listener->socket, EPOLLIN, listener.get());
        listeners_.push_back(std::move(listener));
    }

    [[noreturn]] void run() {
        poller_.add(STDIN_FILENO, EPOLLIN, nullptr);
        while (true) {
            for (const epoll_event &event : poller_.wait(-1)) {
                auto *endpoint = static_cast<Endpoint *>(event.data.ptr);
                if (endpoint == nullptr) {
                    std::exit(0);
                }
                if (endpoint->listening) {
                    accept_one(*static_cast<Listener *>(endpoint));
                } else {
                    serve(*static_cast<Session *>(endpoint), event.events);
                }
            }
        }
    }

private:
    void accept_one(const Listener &listener) {
        const int socket = accept4(listener.socket, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) {
            return;
        }
        totals_.accepted += listener.task != Task::control;
        sessions_.insert(new Session(socket, listener, poller_, totals_));
    }

    void serve(Session &session, std::uint32_t events) {
        if (session.listener().task == Task::control) {
            measure_queues();
        }
        const bool hung_up = (events & (EPOLLERR | EPOLLHUP)) != 0;
        if (!hung_up && session.serve()) {
            return;
        }
        close(session.socket);
        sessions_.erase(&session);
        delete &session;
    }

    void measure_queues() {
        totals_.unread = 0;
        totals_.unacknowledged = 0;
        for (const Session *session : sessions_) {
            if (session->listener().task != Task::control) {
                totals_.unread += unread(session->socket);
                totals_.unacknowledged += unacknowledged(session->socket);
            }
        }
    }

    Poller poller_;
    Report totals_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unordered_set<Session *> sessions_;
};

}  // namespace

int main(int argc, char **argv) {
    Backend backend;
    for (int i = 1; i < argc; ++i) {
        backend.add(open_listener(argv[i]));
    }
    std::puts("ready");
    std::fflush(stdout);
    backend.run();
}
