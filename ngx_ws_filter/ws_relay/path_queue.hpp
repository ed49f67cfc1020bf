// What waits on a path before its narrowest place, and whose it is.
#pragma once

#include <cstdint>

namespace ws {

// A queue makes a round trip longer and a path no faster. That of a sender itself goes away when it
// has less room, and costs nothing. If others fill it, less room would be a smaller share: then the
// sender gets slower, and the queue stays.
class PathQueue {
public:
    // A round took so many microseconds, at so many bytes a second. Returns how long it has to be
    // taken for: the shortest that was seen, or all of it while others' queue is in it.
    [[nodiscard]] std::uint32_t note(std::uint32_t round_trip, std::uint64_t rate) noexcept;

private:
    static constexpr unsigned first_patience = 8;

    [[nodiscard]] bool is_crowded(std::uint32_t round_trip) noexcept;

    std::uint64_t rate_ = 0;  // of some rounds
    std::uint64_t best_ = 0;  // of many
    std::uint32_t shortest_ = 0;
    unsigned slow_rounds_ = 0;
    unsigned calm_rounds_ = 0;
    unsigned crowded_ = 0;  // rounds that are left until less is tried again
    unsigned patience_ = first_patience;
};

}  // namespace ws
