// How much a receiver has to let a sender have under way: what the path delivers in one round trip,
// and a fixed part that is there at any speed.
#pragma once

#include "ngx_ws_filter/ws_relay/path_queue.hpp"

#include <cstdint>

namespace ws {

// Told of what arrives, it measures round by round. Bytes are counted from the beginning of the
// stream, times are microseconds. No socket, no clock.
class PathWindow {
public:
    struct Bounds {
        std::uint64_t least;  // the fixed part
        std::uint64_t most;
        std::uint64_t behind_holes;  // round trips that are under way where packets are lost
        bool empties_queue = false;  // the sender has no room for one of its own
        // It is the sender that measures. It knows what was lost, and sees only a round trip later
        // what comes.
        bool of_sender = false;
    };

    PathWindow() noexcept = default;
    explicit PathWindow(const Bounds &bounds) noexcept : bounds_(bounds), size_(bounds.least) {}

    // A round trip has passed since the last round, as far as is known how long one is. Then note()
    // is due, whose caller finds out how long it is now.
    [[nodiscard]] bool round_is_over(std::uint64_t now) const noexcept;

    // What counts is how many bytes come in one round trip at the rate of this round; see PathQueue
    // for how long that is. 0: it is not known how long one takes. `holes`: some came out of their
    // order, because others were lost, and those behind a hole count only a round later.
    void note(std::uint64_t total, std::uint64_t now, std::uint32_t round_trip,
              bool holes) noexcept;

    // For a round that is not over, in which more has come than in any before, and more than the
    // fixed part. Returns whether the window is larger for it. `total` may be less than note() was
    // told.
    [[nodiscard]] bool hurry(std::uint64_t total) noexcept;

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // A round is over.
    [[nodiscard]] bool measured() const noexcept { return best_ != 0; }
    // The last round took longer than a round trip or two.
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    [[nodiscard]] bool wide() const noexcept { return size_ > bounds_.least; }

private:
    static constexpr unsigned first_patience = 8;
    static constexpr unsigned rounds_of_a_trial = 6;
    static constexpr unsigned rounds_that_count = 2;
    static constexpr unsigned rounds_of_calm = 8;

    // So many bytes came in one round trip.
    void resize(std::uint64_t delivered, bool holes) noexcept;
    // The sender has found its speed long ago. A round that brings clearly more may have been a
    // long one then that was measured short: the next one tells.
    [[nodiscard]] bool is_calm() const noexcept;
    [[nodiscard]] std::uint64_t ahead_of_a_probe(std::uint64_t delivered) const noexcept;
    [[nodiscard]] bool is_lossy(bool holes) noexcept;
    [[nodiscard]] bool try_less(bool holes) noexcept;
    void forget(std::uint64_t rounds) noexcept;
    [[nodiscard]] std::uint64_t bounded(std::uint64_t delivered) const noexcept;

    Bounds bounds_{};
    PathQueue queue_;
    std::uint64_t size_ = 0;
    std::uint64_t total_ = 0;  // when the round began
    std::uint64_t since_ = 0;  // and its time
    std::uint64_t peak_ = 0;   // bytes in one round trip, of the last rounds
    std::uint64_t best_ = 0;   // of many
    std::uint32_t round_trip_ = 0;
    unsigned calm_ = 0;   // rounds that brought no more than others
    unsigned holes_ = 0;  // grows with rounds that had some
    unsigned lossy_rounds_ = 0;
    unsigned patience_ = first_patience;  // lossy rounds until less is tried
    unsigned trial_ = 0;                  // rounds of it that are left
    bool begun_ = false;
    bool paused_ = false;
};

}  // namespace ws
