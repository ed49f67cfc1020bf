// One run of the load generator: what it was asked for, what it measures, what it tells.
#pragma once

#include "t/bench/messages.hpp"
#include "t/bench/report.hpp"
#include "t/bench/server_process.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

struct Options {
    std::string mode;
    std::string path = "/";  // of the WebSocket request
    bool websocket = false;
    bool resume = false;  // speaks of resuming the session: docs/resume-protocol.md
    bool tls = false;
    std::uint16_t port = 0;
    std::uint16_t control = 0;  // the backend's
    pid_t server = 0;
    std::size_t size = 64;
    std::size_t connections = 1;
    std::size_t depth = 1;
    double warm_up = 0.3;
    double seconds = 3;

    [[nodiscard]] Framing framing() const {
        if (resume) {
            return Framing::commands;
        }
        return websocket ? Framing::masked : Framing::none;
    }
};

// Ends the program with what is allowed if the arguments are not.
[[nodiscard]] Options read_options(int argc, char **argv);

// The backend's view.
class Control {
public:
    explicit Control(std::uint16_t port);
    [[nodiscard]] Report ask() const;

private:
    int socket_;
};

// One line of JSON on standard output.
class Result {
public:
    void add(std::string_view name, double value);
    void print() const;

private:
    std::string text_;
};

// The measured time: it begins when the warm-up is over.
class Window {
public:
    explicit Window(const Options &options);

    // False once the time is over. `work()` is called at the beginning and at the end of it.
    template <typename Work>
    [[nodiscard]] bool open(Work work) {
        const std::uint64_t now = clock();
        if (now < begin_) {
            return true;
        }
        if (!measuring_) {
            start(work());
            return true;
        }
        if (now < end_) {
            return true;
        }
        finish(work());
        return false;
    }

    // For work that is not spread over the time.
    void start(std::uint64_t work);
    void finish(std::uint64_t work);

    [[nodiscard]] bool measuring() const { return measuring_; }

    // Work done, seconds, and the processor time of the server and of this process.
    void tell(Result &result) const;

private:
    [[nodiscard]] static std::uint64_t clock();

    ServerProcess server_;
    std::uint64_t begin_;
    std::uint64_t end_;
    std::uint64_t length_;
    bool measuring_ = false;
    std::uint64_t work_ = 0;
    std::uint64_t server_cpu_ = 0;
    std::uint64_t own_cpu_ = 0;
};

}  // namespace bench
