// The liveness of one client, with a session that writes its pings and reads its pongs.
#pragma once

#include "t/unit/ws_life/life.hpp"

#include "ngx_ws_filter/ws_life/liveness.hpp"

namespace unit {

class Lively {
public:
    explicit Lively(const ws::LivenessOptions &options, std::uint64_t window = 0)
        : to_client(window), options_(options), liveness(options_, to_client, deadlines) {}

    ws::Session session{{}};
    ws::FlowLedger to_client;
    ws::Deadlines deadlines;
    Outside outside;

private:
    ws::LivenessOptions options_;

public:
    ws::Liveness liveness;

    [[nodiscard]] ws::Liveness::Verdict check(ws::Millis now) {
        return liveness.check(session, outside, now);
    }
    // Data for the client.
    void take(std::uint64_t bytes, ws::Millis now) {
        to_client.took(bytes);
        to_client.wrote(bytes);
        liveness.took_for_client(session, outside, now);
    }
    // The payload of the ping that is due; empty if there is none.
    std::string ping() {
        std::array<std::uint8_t, ws::Session::max_due_size> room;
        const std::string_view frame = text({room.data(), session.write_due(room)});
        unit::check(frame.empty() || frame[0] == '\x89');
        return std::string(frame.empty() ? frame : frame.substr(2));
    }
    // A frame of the client comes, but for its last byte.
    void begin_frame(ws::Millis now) {
        ClientStream stream;
        std::string frame(text(stream.frame(0x82, "not whole yet").bytes()));
        auto *const begin = reinterpret_cast<std::uint8_t *>(frame.data());
        ws::ReadBuffer buffer{begin, begin, begin + frame.size() - 1};
        liveness.heard(now);
        equal(session.receive(buffer), ws::Event::exhausted);
    }
    void pong(std::string_view payload, ws::Millis now) {
        ClientStream stream;
        std::string frame(text(stream.frame(0x8a, payload).bytes()));
        auto *const begin = reinterpret_cast<std::uint8_t *>(frame.data());
        ws::ReadBuffer buffer{begin, begin, begin + frame.size()};
        liveness.heard(now);
        equal(session.receive(buffer), ws::Event::pong);
        liveness.on_pong(session, outside, now);
    }
};

}  // namespace unit
