// How long an end may take: ws_close_timeout as long as nothing moves, ws_close_time in all.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/witness.hpp"

#include <utility>

namespace ws {

class EndClock {
public:
    // The deadlines outlive the object.
    EndClock(Millis close_timeout, Millis close_time, Deadlines &deadlines) noexcept
        : close_timeout_(close_timeout), close_time_(close_time), deadlines_(&deadlines) {}

    void begin(Witness &witness, Millis now) noexcept {
        deadlines_->set(Deadline::end, now + close_time_);
        restart(witness, now);
    }

    // The end has come to its next step.
    void restart(Witness &witness, Millis now) noexcept {
        (void)has_moved(witness);
        deadlines_->set(Deadline::close, now + close_timeout_);
    }

    // The session has no end yet after all.
    void stop() noexcept {
        deadlines_->clear(Deadline::end);
        deadlines_->clear(Deadline::close);
    }

    // Whether the end stands still too long, if it `waits` for a side that may still take
    // something; or has taken all of its time.
    [[nodiscard]] bool is_over(bool waits, Witness &witness, Millis now) noexcept {
        if (deadlines_->is_over(Deadline::end, now)) {
            return true;
        }
        if (!deadlines_->is_over(Deadline::close, now)) {
            return false;
        }
        deadlines_->set(Deadline::close, now + close_timeout_);
        return !has_moved(witness) || !waits;
    }

private:
    [[nodiscard]] bool has_moved(Witness &witness) noexcept {
        const std::uint64_t moved = witness.moved(Side::client) + witness.moved(Side::backend);
        return std::exchange(moved_, moved) < moved;
    }

    Millis close_timeout_;
    Millis close_time_;
    Deadlines *deadlines_;
    std::uint64_t moved_ = 0;  // by both sides, when that was last looked at
};

}  // namespace ws
