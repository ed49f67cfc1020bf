// A relay between two scripted sides.
#pragma once

#include "t/unit/ws_relay/scripted.hpp"

#include <optional>

#include "ngx_ws_filter/ws_relay/relay.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/server_frames.hpp"

namespace unit {

// No deadline but those of an end.
[[nodiscard]] inline ws::RelayOptions plain() {
    ws::RelayOptions options;
    options.tunnel.send_timeout = 1000;
    options.tunnel.close_timeout = 100;
    options.tunnel.close_time = 5000;
    return options;
}

// Memory for one message of at most 2000 bytes, lent once.
class OneLoan final : public ws::Lender {
public:
    explicit OneLoan(ws::Framer &framer) : framer_(framer) {}
    [[nodiscard]] bool lend_memory() noexcept override {
        if (std::exchange(lent_, true)) {
            return false;
        }
        framer_.hold_in(bytes_);
        return true;
    }

private:
    ws::Framer &framer_;
    std::array<std::uint8_t, 2000> bytes_;
    bool lent_ = false;
};

class Joined {
public:
    explicit Joined(const ws::RelayOptions &options = plain(), std::size_t scratch = 1000,
                    const ws::SessionOptions &session_options = {}, std::size_t for_control = 300)
        : host(scratch, for_control),
          session(session_options),
          translator_(session),
          options_(options) {
        join(translator_);
    }
    // With a framing.
    Joined(ws::Framer &framer, ws::Lender &lender, std::size_t scratch = 1000,
           const ws::RelayOptions &options = plain())
        : host(scratch),
          session({.framer = &framer}),
          translator_(session),
          rooms_(std::in_place, session, ws::CopyingOptions{.framer = &framer}, lender),
          options_(options) {
        join(*rooms_);
    }
    ~Joined() {
        relay->release(now);
        equal(host.lent, 0);
    }
    Joined(const Joined &) = delete;
    Joined &operator=(const Joined &) = delete;

    ScriptedHost host;
    ScriptedEndpoint client{host};
    ScriptedEndpoint backend{host};
    ws::Session session;
    std::optional<ws::Relay> relay;
    ws::Millis now = 1'000'000;

    // Whether the session goes on.
    bool turn() { return relay->advance(now) == ws::Relay::Turn::goes_on; }
    bool turn_after(ws::Millis time) {
        now += time;
        return turn();
    }

    // The client's kernel gets a frame.
    Joined &client_says(unsigned first_byte, std::string_view payload) {
        stream_ = {};
        client.says(stream_.frame(first_byte, payload).bytes());
        return *this;
    }
    // Frames for the client since the last call, short ones, as text.
    std::string client_gets() { return as_text(client.take_written()); }

    [[nodiscard]] ws::Facts facts() const { return relay->facts(now); }
    void is_in(ws::Phase phase, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        equal(name(relay->tunnel().phase()), name(phase), file, line);
    }

private:
    void join(ws::Translator &translator) {
        relay.emplace(options_, session, translator, client, backend, host);
    }

    ws::Translator translator_;
    std::optional<ws::CopyingTranslator> rooms_;
    ws::RelayOptions options_;
    ClientStream stream_;
};

}  // namespace unit
