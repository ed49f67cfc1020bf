#include "t/bench/crowd.hpp"
#include "t/bench/modes.hpp"

#include <unistd.h>

namespace bench {

namespace {

constexpr double settle_seconds = 1;

void pause(double seconds) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
}

// Of all connections, for each of them.
class PerConnection {
public:
    PerConnection(const Options &options, Result &result)
        : count_(static_cast<double>(options.connections)), result_(result) {}

    void add(std::string_view name, std::uint64_t now, std::uint64_t before) {
        result_.add(name, (static_cast<double>(now) - static_cast<double>(before)) / count_);
    }

private:
    double count_;
    Result &result_;
};

void echo_once(Crowd &crowd, const Options &options) {
    const Messages messages(options.framing(), options.size);
    for (const auto &client : crowd) {
        client->allow(messages, 1);
        while (client->received() < options.size) {
            crowd.turn([](Client &ready, std::uint32_t) { (void)ready.receive(); });
        }
    }
}

}  // namespace

void run_idle(const Options &options, Result &result) {
    const ServerProcess server(options.server);
    PerConnection each(options, result);
    const std::uint64_t before = server.memory();
    Crowd crowd(options, EPOLLIN);
    pause(settle_seconds);
    each.add("memory_opened", server.memory(), before);
    echo_once(crowd, options);
    pause(settle_seconds);
    each.add("memory_used", server.memory(), before);
    Window window(options);
    window.start(0);
    pause(settle_seconds);
    window.finish(0);
    window.tell(result);
}

void run_stalled_upload(const Options &options, Result &result) {
    const ServerProcess server(options.server);
    PerConnection each(options, result);
    const Control control(options.control);
    const std::uint64_t before = server.memory();
    const Messages messages(options.framing(), options.size);
    const std::uint64_t run = std::max<std::uint64_t>(Messages::longest_run / options.size, 1);
    Crowd crowd(options, EPOLLOUT);
    Window window(options);
    while (window.open([] { return 0; })) {
        crowd.turn([&messages, run](Client &client, std::uint32_t) {
            if (client.flush(messages)) {
                client.allow(messages, run);
            }
        });
    }
    std::uint64_t taken = 0;
    for (const auto &client : crowd) {
        taken += client->sent() - unacknowledged(client->socket());
    }
    each.add("taken", taken, 0);
    each.add("hidden", taken, control.ask().unread);
    each.add("memory", server.memory(), before);
    window.tell(result);
}

void run_stalled_download(const Options &options, Result &result) {
    const ServerProcess server(options.server);
    PerConnection each(options, result);
    const Control control(options.control);
    const std::uint64_t before = server.memory();
    const Crowd crowd(options, 0);
    pause(options.warm_up + options.seconds);
    const Report report = control.ask();
    const std::uint64_t taken = report.given - report.unacknowledged;
    std::uint64_t arrived = 0;
    for (const auto &client : crowd) {
        arrived += unread(client->socket());
    }
    each.add("taken", taken, 0);
    each.add("hidden", taken, arrived);
    each.add("memory", server.memory(), before);
    Window window(options);
    window.start(0);
    pause(settle_seconds);
    window.finish(0);
    window.tell(result);
}

}  // namespace bench
