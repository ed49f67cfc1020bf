// Brings what happens in one session to the counters, while it happens.
#pragma once

#include "ngx_ws_filter/ws_relay/facts.hpp"
#include "ngx_ws_filter/ws_status/counters.hpp"

namespace ws {

class Tally {
public:
    // The counters outlive the object. The session begins.
    Tally(Counters &counters, Millis now) noexcept;

    // It goes on from another process, which has counted it up to these facts, since it began
    // `age` ago.
    void go_on(const Facts &facts, Millis age) noexcept;
    // Another process goes on with it: it is counted here no longer, and has not ended.
    void hand_over(const Facts &facts) noexcept;
    [[nodiscard]] Millis begun_at() const noexcept { return begun_at_; }

    // The facts as they stand now; what has been added since the last call is counted.
    void take(const Facts &facts) noexcept;
    // The last facts: the session is over.
    void end(const Facts &facts, Millis now) noexcept;

    void ping() noexcept { counters_->count(Metric::pings); }
    void pong(Millis round_trip) noexcept;
    // This deadline ends the session.
    void late(Deadline which) noexcept;

    // Either side does so, by the last facts.
    [[nodiscard]] bool stalls() const noexcept { return client_stalls_ || backend_stalls_; }

private:
    void add(Metric metric, Side side, std::uint64_t now, std::uint64_t &counted) noexcept;
    void take_compressed(const CompressionCounts &now) noexcept;
    void take_phase(bool detached) noexcept;
    void take_stall(Side side, bool stalls, bool &counted) noexcept;

    Counters *counters_;
    Millis begun_at_;
    // What was counted of each.
    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    std::uint64_t frames_in_ = 0;
    std::uint64_t frames_out_ = 0;
    CompressionCounts compressed_;
    Millis stalled_by_client_ = 0;
    Millis stalled_by_backend_ = 0;
    bool detached_ = false;
    bool client_stalls_ = false;
    bool backend_stalls_ = false;
};

}  // namespace ws
