#include "ngx_ws_filter/ws_relay/path_queue.hpp"

#include <algorithm>

namespace ws {

std::uint32_t PathQueue::note(std::uint32_t round_trip, std::uint64_t rate) noexcept {
    if (round_trip == 0) {
        return 0;
    }
    shortest_ = shortest_ == 0 ? round_trip : std::min(shortest_, round_trip);
    rate_ = rate_ - rate_ / 4 + rate / 4;
    best_ = std::max(best_ - best_ / 64, rate_);
    if (crowded_ != 0) {
        --crowded_;
        return round_trip;
    }
    return is_crowded(round_trip) ? round_trip : shortest_;
}

// It takes some rounds until less room is seen by what arrives.
bool PathQueue::is_crowded(std::uint32_t round_trip) noexcept {
    constexpr unsigned rounds_of_a_trial = 3;
    constexpr unsigned rounds_of_calm = 64;
    constexpr unsigned most_patience = 128;
    const bool waits = round_trip > shortest_ + shortest_ / 8;
    const bool slower = rate_ < best_ - best_ / 16;
    if (!waits || !slower) {
        slow_rounds_ = 0;
        patience_ = ++calm_rounds_ < rounds_of_calm ? patience_ : first_patience;
        return false;
    }
    calm_rounds_ = 0;
    if (++slow_rounds_ < rounds_of_a_trial) {
        return false;
    }
    slow_rounds_ = 0;
    crowded_ = patience_;
    patience_ = std::min(2 * patience_, most_patience);
    // The way may have become longer.
    shortest_ += (round_trip - shortest_) / 16;
    return true;
}

}  // namespace ws
