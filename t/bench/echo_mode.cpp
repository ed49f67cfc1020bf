#include "t/bench/crowd.hpp"
#include "t/bench/latencies.hpp"
#include "t/bench/modes.hpp"

namespace bench {

namespace {

class Echo {
public:
    explicit Echo(const Options &options)
        : options_(options),
          messages_(options.framing(), options.size),
          crowd_(options, EPOLLIN),
          window_(options) {}

    void run(Result &result) {
        for (const auto &client : crowd_) {
            refill(*client);
        }
        while (window_.open([this] { return echoed_; })) {
            crowd_.turn([this](Client &client, std::uint32_t) { serve(client); });
        }
        window_.tell(result);
        if (options_.depth == 1) {
            result.add("p50_us", latencies_.percentile_us(50));
            result.add("p99_us", latencies_.percentile_us(99));
        }
    }

private:
    void serve(Client &client) {
        const std::uint64_t before = client.received() / options_.size;
        if (!client.receive() || client.blocked()) {
            (void)client.flush(messages_);
        }
        const std::uint64_t now = client.received() / options_.size;
        echoed_ += now - before;
        if (options_.depth == 1 && now != before && window_.measuring()) {
            latencies_.add(now_ns() - client.asked_at);
        }
        refill(client);
        if (client.blocked() != client.awaits_room) {
            client.awaits_room = client.blocked();
            crowd_.watch(client, client.awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
        }
    }

    // Not for each message that returns: then a server that cuts its input into smaller pieces
    // would get it in ever smaller pieces.
    void refill(Client &client) {
        const std::uint64_t asked = client.allowed() / messages_.wire_size();
        const std::uint64_t under_way = asked - client.received() / options_.size;
        if (under_way > options_.depth / 2) {
            return;
        }
        if (options_.depth == 1) {
            client.asked_at = now_ns();
        }
        client.allow(messages_, options_.depth - under_way);
    }

    const Options &options_;
    Messages messages_;
    Crowd crowd_;
    Window window_;
    Latencies latencies_;
    std::uint64_t echoed_ = 0;
};

}  // namespace

void run_echo(const Options &options, Result &result) {
    Echo echo(options);
    echo.run(result);
}

}  // namespace bench
