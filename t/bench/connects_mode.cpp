#include "t/bench/client.hpp"
#include "t/bench/handshake.hpp"
#include "t/bench/keys.hpp"
#include "t/bench/modes.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

namespace bench {

namespace {

// One session at a time: open, shake hands, close. A plain TCP session is closed as soon as it is
// open; that the server had a backend connection for each is the backend's to tell.
class Caller {
public:
    Caller(const Options &options, Poller &poller)
        : options_(options), poller_(poller), request_(upgrade_request(options)) {
        constexpr std::array<std::uint8_t, 2> normal = {0x03, 0xe8};
        OneKey key;
        goodbye_.resize(
            ws::FrameWriter(&key).control_frame(goodbye_.data(), ws::Opcode::close, normal));
    }

    void call() {
        wire_.emplace(options_.port, options_.tls);
        answer_.clear();
        asked_ = false;
        said_goodbye_ = !options_.websocket;
        ask();
        poller_.add(wire_->socket(), EPOLLIN, this);
    }

    // True when the session is over.
    [[nodiscard]] bool serve() {
        if (!asked_) {
            ask();
            return false;
        }
        std::array<std::uint8_t, 2048> room;
        const std::ptrdiff_t count = wire_->receive(room);
        if (count == would_block) {
            return false;
        }
        if (count <= 0) {
            return hung_up(count);
        }
        answer_.append(reinterpret_cast<const char *>(room.data()),
                       static_cast<std::size_t>(count));
        return options_.websocket ? go_on() : false;
    }

private:
    // As soon as TLS is there.
    void ask() {
        asked_ = wire_->shake();
        if (asked_ && options_.websocket) {
            wire_->send_all(
                {reinterpret_cast<const std::uint8_t *>(request_.data()), request_.size()});
        } else if (asked_) {
            wire_->finish();
        }
    }

    [[nodiscard]] bool hung_up(std::ptrdiff_t why) {
        if (options_.websocket || why != 0 || !answer_.empty()) {
            fail("a connection ended early: %s", answer_.c_str());
        }
        wire_->close();
        return true;
    }

    [[nodiscard]] bool go_on() {
        const std::size_t end = answer_.find(end_of_head);
        if (end == std::string::npos) {
            return false;
        }
        if (!said_goodbye_) {
            if (answer_.find(" 101 ") == std::string::npos ||
                answer_.find(sample_accept) == std::string::npos) {
                fail("handshake refused: %s", answer_.c_str());
            }
            said_goodbye_ = true;
            wire_->send_all(goodbye_);
        }
        if (answer_.size() == end + end_of_head.size()) {
            return false;
        }
        if (answer_[end + end_of_head.size()] != '\x88') {
            fail("no close frame behind the handshake");
        }
        wire_->close();
        return true;
    }

    const Options &options_;
    Poller &poller_;
    std::string request_;
    std::vector<std::uint8_t> goodbye_ = std::vector<std::uint8_t>(ws::max_masked_header_size);
    std::string answer_;
    std::optional<Wire> wire_;
    bool asked_ = false;  // the request is out
    bool said_goodbye_ = false;
};

}  // namespace

void run_connects(const Options &options, Result &result) {
    const Control control(options.control);
    Poller poller;
    std::deque<Caller> callers;
    for (std::size_t i = 0; i < options.connections; ++i) {
        callers.emplace_back(options, poller);
        callers.back().call();
    }
    Window window(options);
    std::uint64_t done = 0;
    while (window.open([&done] { return done; })) {
        for (const epoll_event &event : poller.wait(50)) {
            auto *caller = static_cast<Caller *>(event.data.ptr);
            if (caller->serve()) {
                ++done;
                caller->call();
            }
        }
    }
    usleep(200000);
    const std::uint64_t accepted = control.ask().accepted;
    if (accepted < done) {
        fail("%llu sessions, but the backend saw only %llu", static_cast<unsigned long long>(done),
             static_cast<unsigned long long>(accepted));
    }
    window.tell(result);
}

}  // namespace bench
