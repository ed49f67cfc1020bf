// The one list of a session's deadlines: it tells when to look next, and what is over by then.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ws {

// Milliseconds of a clock that never goes back. Its zero is anywhere.
using Millis = std::uint64_t;

enum class Deadline : std::uint8_t {
    client,           // the client has taken nothing for ws_send_timeout
    backend,          // the backend has taken nothing for ws_send_timeout
    ask,              // the backend is asked again what it has acknowledged
    ping,             // the client has been silent for ws_ping_interval
    pong,             // the ping that is waited for is not answered within ws_pong_timeout
    acknowledgement,  // a used-up window is not acknowledged within ws_pong_timeout
    idle,             // no data has moved for ws_idle_timeout
    close,            // the end has made no progress for ws_close_timeout
    end,              // the end has taken ws_close_time in all
    grace,            // nobody has resumed the session for ws_resume_timeout
    tell,             // the client of a resumable session is owed an ACK
    expiry,           // ws_max_duration is over, or the point in time of ws_expires has come
};

inline constexpr std::size_t all_deadlines = static_cast<std::size_t>(Deadline::expiry) + 1;

class Deadlines {
public:
    static constexpr Millis never = UINT64_MAX;

    Deadlines() noexcept { at_.fill(never); }

    void set(Deadline which, Millis at) noexcept {
        at_[index(which)] = at;
        if (at == never) {
            set_ &= ~bit(which);
        } else {
            set_ |= bit(which);
        }
    }
    void clear(Deadline which) noexcept { set(which, never); }
    [[nodiscard]] bool is_set(Deadline which) const noexcept { return (set_ & bit(which)) != 0; }
    [[nodiscard]] bool is_over(Deadline which, Millis now) const noexcept {
        return at_[index(which)] <= now;
    }

    // Milliseconds since a time that was `limit` before the deadline.
    [[nodiscard]] Millis waited(Deadline which, Millis limit, Millis now) const noexcept {
        return now - at_[index(which)] + limit;
    }

    // Milliseconds from now on; 0 if it is over.
    [[nodiscard]] Millis left(Deadline which, Millis now) const noexcept {
        return at_[index(which)] - std::min(at_[index(which)], now);
    }

    // The first of all; never if none is set. Asked in each turn, in which few are set.
    [[nodiscard]] Millis next() const noexcept {
        Millis first = never;
        for (std::uint32_t left = set_; left != 0; left &= left - 1) {
            first = std::min(first, at_[static_cast<std::size_t>(std::countr_zero(left))]);
        }
        return first;
    }

private:
    [[nodiscard]] static constexpr std::size_t index(Deadline which) noexcept {
        return static_cast<std::size_t>(which);
    }
    [[nodiscard]] static constexpr std::uint32_t bit(Deadline which) noexcept {
        return std::uint32_t{1} << index(which);
    }

    std::array<Millis, all_deadlines> at_;
    std::uint32_t set_ = 0;  // a bit for each that is not never
};

}  // namespace ws
