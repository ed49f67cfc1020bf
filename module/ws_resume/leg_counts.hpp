// What a session has counted, of all its legs and of one. A relay counts the bytes of all legs, and
// the frames of one; facts are those that it tells.
#pragma once

#include "ngx_ws_filter/ws_relay/handed_session.hpp"

namespace ngx_ws {

class LegCounts {
public:
    // Bytes that the backend said while nobody listened count for the leg that comes then.
    [[nodiscard]] ws::Facts of_leg(ws::Facts facts) const noexcept;
    [[nodiscard]] ws::Facts of_all(ws::Facts facts, bool has_leg) const noexcept;
    void end_leg(const ws::Facts &facts) noexcept;

    // Between two legs, for another process.
    [[nodiscard]] ws::HandedCounts kept(unsigned legs) const noexcept {
        return {.legs = legs,
                .bytes_in = bytes_in_,
                .bytes_out = bytes_out_,
                .frames_in = frames_in_,
                .frames_out = frames_out_,
                .stalled_by_client = stalled_by_client_,
                .stalled_by_backend = stalled_by_backend_};
    }
    // The relay there begins to count its stalls anew.
    void go_on(const ws::HandedCounts &kept) noexcept {
        bytes_in_ = kept.bytes_in;
        bytes_out_ = kept.bytes_out;
        frames_in_ = kept.frames_in;
        frames_out_ = kept.frames_out;
    }

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
