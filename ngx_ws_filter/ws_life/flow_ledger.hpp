// The byte account of one direction: what was taken from its source, written to its destination,
// and acknowledged by it.
#pragma once

#include <cstdint>

namespace ws {

// Counters of bytes that only grow, with acknowledged <= wrote <= took. No socket, no clock.
class FlowLedger {
public:
    // `window`: bytes that may be taken and not acknowledged before the source has to pause; it may
    // go on when half of them are left. 0: there is no bound.
    // `at`: bytes before that are settled.
    explicit FlowLedger(std::uint64_t window = 0, std::uint64_t at = 0) noexcept
        : window_(window), took_(at), wrote_(at), acknowledged_(at) {}

    void took(std::uint64_t bytes) noexcept {
        took_ += bytes;
        paused_ = paused_ || (window_ != 0 && in_flight() >= window_);
    }

    // At most unwritten().
    void wrote(std::uint64_t bytes) noexcept { wrote_ += bytes; }

    // The destination says that it has all of the first `total` bytes. Late and repeated
    // sayings change nothing. Returns whether it can be true: nobody acknowledges what was not
    // written.
    bool acknowledge(std::uint64_t total) noexcept {
        if (total > wrote_) {
            return false;
        }
        if (total > acknowledged_) {
            acknowledged_ = total;
            paused_ = paused_ && in_flight() > window_ / 2;
        }
        return true;
    }

    // Totals since the beginning, and their differences.
    [[nodiscard]] std::uint64_t taken() const noexcept { return took_; }
    [[nodiscard]] std::uint64_t written() const noexcept { return wrote_; }
    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
    [[nodiscard]] std::uint64_t unwritten() const noexcept { return took_ - wrote_; }
    [[nodiscard]] std::uint64_t in_flight() const noexcept { return took_ - acknowledged_; }

    // The window is used up, and less than half of it was acknowledged since.
    [[nodiscard]] bool paused() const noexcept { return paused_; }

private:
    std::uint64_t window_;
    std::uint64_t took_;
    std::uint64_t wrote_;
    std::uint64_t acknowledged_;
    bool paused_ = false;
};

}  // namespace ws
