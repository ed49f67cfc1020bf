// What a session has counted, of all its legs and of one. A relay counts the bytes of all legs, and
// the frames of one; facts are those that it tells.
#pragma once

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

class LegCounts {
public:
    // Bytes that the backend said while nobody listened count for the leg that comes then.
    [[nodiscard]] ws::Facts of_leg(ws::Facts facts) const noexcept;
    [[nodiscard]] ws::Facts of_all(ws::Facts facts, bool has_leg) const noexcept;
    void end_leg(const ws::Facts &facts) noexcept;

private:
    // At the end of the leg before.
    uint64_t bytes_in_ = 0;
    uint64_t bytes_out_ = 0;
    uint64_t frames_in_ = 0;
    uint64_t frames_out_ = 0;
    ws::Millis stalled_by_client_ = 0;
    ws::Millis stalled_by_backend_ = 0;
};

}  // namespace ngx_ws
