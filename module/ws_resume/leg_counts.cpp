#include "module/ws_resume/leg_counts.hpp"

namespace ngx_ws {

ws::Facts LegCounts::of_leg(ws::Facts facts) const noexcept {
    facts.bytes_in -= bytes_in_;
    facts.bytes_out -= bytes_out_;
    facts.stalled_by_client -= stalled_by_client_;
    facts.stalled_by_backend -= stalled_by_backend_;
    return facts;
}

ws::Facts LegCounts::of_all(ws::Facts facts, bool has_leg) const noexcept {
    facts.frames_in = frames_in_ + (has_leg ? facts.frames_in : 0);
    facts.frames_out = frames_out_ + (has_leg ? facts.frames_out : 0);
    return facts;
}

void LegCounts::end_leg(const ws::Facts &facts) noexcept {
    bytes_in_ = facts.bytes_in;
    bytes_out_ = facts.bytes_out;
    frames_in_ += facts.frames_in;
    frames_out_ += facts.frames_out;
    stalled_by_client_ = facts.stalled_by_client;
    stalled_by_backend_ = facts.stalled_by_backend;
}

}  // namespace ngx_ws
