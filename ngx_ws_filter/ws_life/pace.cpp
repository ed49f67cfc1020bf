#include "ngx_ws_filter/ws_life/pace.hpp"

namespace ws {
namespace {

// A piece is what comes in half of this time. What was not read while the reader came late is read
// within as much more, and no more than that.
constexpr Millis most_saved = 100;

// A rate this high limits nobody, and is small enough to reckon with.
constexpr std::uint64_t most_rate = std::uint64_t{1} << 50U;
constexpr Millis most_earned = 2000;

}  // namespace

void Pace::set_rate(std::uint64_t rate, Millis now) noexcept {
    rate_ = std::min(rate, most_rate);
    credit_ = 0;
    earned_at_ = now;
    is_used_up_ = false;
    wait_no_more();
}

// A byte at least, at the lowest of rates.
std::uint64_t Pace::most_credit() const noexcept {
    return std::max(rate_ * most_saved, per_byte);
}

void Pace::earn(Millis now) noexcept {
    const Millis passed = std::min(now - earned_at_, most_earned);
    credit_ = std::min(credit_ + rate_ * passed, most_credit());
    earned_at_ = now;
}

std::size_t Pace::allowed(std::size_t most, Millis now) noexcept {
    earn(now);
    const std::uint64_t piece = std::max(most_credit() / 2, per_byte);
    is_used_up_ = is_used_up_ ? credit_ < piece : credit_ < per_byte;
    if (is_used_up_) {
        wake_at_ = now + (piece - credit_ + rate_ - 1) / rate_;
        return 0;
    }
    wait_no_more();
    return static_cast<std::size_t>(std::min<std::uint64_t>(most, credit_ / per_byte));
}

}  // namespace ws
