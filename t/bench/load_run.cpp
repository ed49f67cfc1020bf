#include "t/bench/load_run.hpp"

#include "t/bench/sockets.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <sys/socket.h>

namespace bench {

namespace {

std::uint64_t nanoseconds(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9);
}

std::uint64_t own_cpu_ns() {
    timespec used = {};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(used.tv_nsec);
}

template <typename Number>
void read_number(std::string_view text, Number &number) {
    const char *const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) {
        fail("no number: %s", text.data());
    }
}

bool read_option(std::string_view name, const char *value, Options &options) {
    if (name == "mode") {
        options.mode = value;
    } else if (name == "path") {
        options.path = value;
    } else if (name == "protocol") {
        options.resume = std::string_view(value) == "resume";
        options.websocket = options.resume || std::string_view(value) == "ws";
    } else if (name == "tls") {
        options.tls = std::string_view(value) == "on";
    } else if (name == "port") {
        read_number(value, options.port);
    } else if (name == "control") {
        read_number(value, options.control);
    } else if (name == "server") {
        read_number(value, options.server);
    } else if (name == "size") {
        read_number(value, options.size);
    } else if (name == "connections") {
        read_number(value, options.connections);
    } else if (name == "depth") {
        read_number(value, options.depth);
    } else if (name == "seconds") {
        read_number(value, options.seconds);
    } else {
        return false;
    }
    return true;
}

}  // namespace

Options read_options(int argc, char **argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const std::size_t equals = argument.find('=');
        if (equals == std::string_view::npos ||
            !read_option(argument.substr(0, equals), argv[i] + equals + 1, options)) {
            fail(
                "%s: expected mode= path= protocol=raw|ws|resume tls=on|off port= control= server= "
                "size= "
                "connections= depth= seconds=",
                argv[i]);
        }
    }
    return options;
}

Control::Control(std::uint16_t port) : socket_(connect_to(port)) {
}

Report Control::ask() const {
    const std::uint8_t any = 0;
    Report report;
    send_all(socket_, {&any, 1});
    if (recv(socket_, &report, sizeof(report), MSG_WAITALL) != sizeof(report)) {
        fail("the backend is gone");
    }
    return report;
}

void Result::add(std::string_view name, double value) {
    char number[32];
    std::snprintf(number, sizeof(number), "%.12g", value);
    text_ += text_.empty() ? "\"" : ", \"";
    text_ += name;
    text_ += "\": ";
    text_ += number;
}

void Result::print() const {
    std::printf("{%s}\n", text_.c_str());
}

Window::Window(const Options &options)
    : server_(options.server),
      begin_(now_ns() + nanoseconds(options.warm_up)),
      end_(begin_ + nanoseconds(options.seconds)),
      length_(end_ - begin_) {
}

void Window::start(std::uint64_t work) {
    measuring_ = true;
    work_ = work;
    server_cpu_ = server_.cpu_ns();
    own_cpu_ = own_cpu_ns();
    begin_ = now_ns();
    end_ = begin_ + length_;
}

void Window::finish(std::uint64_t work) {
    server_cpu_ = server_.cpu_ns() - server_cpu_;
    own_cpu_ = own_cpu_ns() - own_cpu_;
    end_ = now_ns();
    work_ = work - work_;
    measuring_ = false;
}

void Window::tell(Result &result) const {
    result.add("work", static_cast<double>(work_));
    result.add("seconds", static_cast<double>(end_ - begin_) / 1e9);
    result.add("server_cpu", static_cast<double>(server_cpu_) / 1e9);
    result.add("load_cpu", static_cast<double>(own_cpu_) / 1e9);
}

std::uint64_t Window::clock() {
    return now_ns();
}

}  // namespace bench
