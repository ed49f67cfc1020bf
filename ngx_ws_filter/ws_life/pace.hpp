// How fast a stream is read: so many bytes a second, in pieces that are small against a second.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"

namespace ws {

class Pace {
public:
    // Bytes a second; 0: as fast as they come.
    void set_rate(std::uint64_t rate, Millis now) noexcept;
    [[nodiscard]] bool is_set() const noexcept { return rate_ != 0; }
    [[nodiscard]] std::uint64_t rate() const noexcept { return rate_; }

    // How many bytes may be read now, at most `most`; 0: none before wake_at().
    [[nodiscard]] std::size_t allowed(std::size_t most, Millis now) noexcept;
    void took(std::size_t bytes) noexcept {
        credit_ -= std::min<std::uint64_t>(bytes * per_byte, credit_);
    }

    // Nobody wants to read.
    void wait_no_more() noexcept { wake_at_ = Deadlines::never; }
    // Somebody wants to, and has to wait until wake_at().
    [[nodiscard]] bool waits() const noexcept { return wake_at_ != Deadlines::never; }
    [[nodiscard]] Millis wake_at() const noexcept { return wake_at_; }

private:
    static constexpr std::uint64_t per_byte = 1000;

    void earn(Millis now) noexcept;
    [[nodiscard]] std::uint64_t most_credit() const noexcept;

    std::uint64_t rate_ = 0;
    std::uint64_t credit_ = 0;  // thousandths of a byte: a rate earns itself in a millisecond
    Millis earned_at_ = 0;
    Millis wake_at_ = Deadlines::never;
    bool is_used_up_ = false;  // until there is enough for a piece
};

}  // namespace ws
