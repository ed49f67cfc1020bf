#include "ngx_ws_filter/ws_relay/path_window.hpp"

#include <algorithm>

namespace ws {

namespace {

// In microseconds. What a shorter round brings tells more of who had the processor than of the
// path, and a peer can say of a longer one what it likes.
constexpr std::uint64_t shortest_round = 4'000;
constexpr std::uint32_t longest_round_trip = 4'000'000;

// A round may have been so long because nobody read, or wrote, for a while.
constexpr std::uint64_t most_forgotten = 4;  // rounds

// So much of a window is not used by a sender that it does not hold back.
constexpr std::uint64_t unused = 64 * 1024;

bool clearly_more(std::uint64_t now, std::uint64_t before) noexcept {
    return now > before + before / 4;
}

}  // namespace

bool PathWindow::round_is_over(std::uint64_t now) const noexcept {
    return now - since_ >= std::max<std::uint64_t>(shortest_round, round_trip_);
}

void PathWindow::note(std::uint64_t total, std::uint64_t now, std::uint32_t round_trip,
                      bool holes) noexcept {
    round_trip = std::min(round_trip, longest_round_trip);
    if (!begun_) {
        begun_ = true;
        round_trip_ = round_trip;
        total_ = total;
        since_ = now;
        return;
    }
    if (!round_is_over(now)) {
        return;
    }
    const std::uint64_t elapsed = now - since_;
    const std::uint64_t came = total - std::min(total, total_);
    const std::uint32_t expected = std::max(round_trip_, round_trip);
    if (bounds_.empties_queue && !paused_ && !holes && holes_ == 0) {
        round_trip = queue_.note(round_trip, came * 1'000'000 / elapsed);
    }
    paused_ = elapsed >= 2 * std::max<std::uint64_t>(shortest_round, expected);
    round_trip_ = round_trip;
    total_ = std::max(total, total_);
    since_ = now;
    forget(round_trip == 0 ? 1 : elapsed / round_trip);
    resize(came * round_trip / elapsed, holes);
}

void PathWindow::resize(std::uint64_t delivered, bool holes) noexcept {
    const bool more = clearly_more(delivered, best_);
    const bool probes = more && !is_calm();
    delivered = more && !probes ? best_ : delivered;
    calm_ = probes ? 0 : more ? rounds_of_calm - 1 : std::min(calm_ + 1, rounds_of_calm);
    const bool held_back = delivered + unused >= size_ && delivered > peak_ + peak_ / 8;
    peak_ = std::max(peak_, delivered);
    best_ = std::max(best_, delivered);
    const std::uint64_t half_more = delivered + delivered / 2;
    const std::uint64_t next = is_calm() ? std::min(half_more, best_) : half_more;
    const std::uint64_t steady = is_lossy(holes) ? bounds_.behind_holes * peak_ : peak_;
    size_ = bounded(probes      ? ahead_of_a_probe(delivered)
                    : held_back ? std::max(next, steady)
                                : steady);
}

// A sender that probes doubles what is under way with each round, and what is measured is a round
// late.
std::uint64_t PathWindow::ahead_of_a_probe(std::uint64_t delivered) const noexcept {
    return bounds_.of_sender ? 4 * delivered : 2 * delivered + delivered / 2;
}

bool PathWindow::is_calm() const noexcept {
    return calm_ == rounds_of_calm && best_ > bounds_.least;
}

bool PathWindow::hurry(std::uint64_t total) noexcept {
    const std::uint64_t delivered = total - std::min(total, total_);
    const bool measurable = begun_ && round_trip_ >= shortest_round && !is_calm();
    if (!measurable || delivered < bounds_.least || !clearly_more(delivered, best_)) {
        return false;
    }
    const std::uint64_t wanted = bounded(ahead_of_a_probe(delivered));
    if (!clearly_more(wanted, size_)) {
        return false;
    }
    size_ = wanted;
    return true;
}

// A sender that has found the end of a queue loses packets in a round or two, a path that loses
// them by itself in one of three. What a receiver takes for a hole may be packets out of order; a
// sender knows, and behind its hole nothing new goes out without room for a second round trip.
bool PathWindow::is_lossy(bool holes) noexcept {
    constexpr unsigned for_each = 3;
    constexpr unsigned many = 5;
    constexpr unsigned most = 12;
    if (bounds_.of_sender) {
        holes_ = holes ? for_each : holes_ - std::min(holes_, 1U);
        return holes_ != 0;
    }
    holes_ = holes ? std::min(holes_ + for_each, most) : holes_ - std::min(holes_, 1U);
    if (trial_ != 0) {
        return try_less(holes);
    }
    lossy_rounds_ = holes_ >= many ? lossy_rounds_ + 1 : 0;
    if (lossy_rounds_ > patience_) {
        lossy_rounds_ = 0;
        trial_ = rounds_of_a_trial;
        return false;
    }
    return lossy_rounds_ != 0;
}

// With so much room a sender may fill the path's queue, and lose packets by that alone. It takes
// some rounds until less room is seen by what arrives.
bool PathWindow::try_less(bool holes) noexcept {
    constexpr unsigned most_patient = 128;
    --trial_;
    if (trial_ < rounds_that_count && holes) {
        trial_ = 0;
        patience_ = std::min(2 * patience_, most_patient);
        return true;
    }
    if (trial_ == 0) {
        holes_ = 0;
        patience_ = first_patience;
    }
    return false;
}

void PathWindow::forget(std::uint64_t rounds) noexcept {
    for (rounds = std::min(rounds, most_forgotten); rounds != 0; --rounds) {
        peak_ -= peak_ / 4;
        best_ -= best_ / 32;
    }
}

std::uint64_t PathWindow::bounded(std::uint64_t delivered) const noexcept {
    return std::min(bounds_.least + delivered, std::max(bounds_.least, bounds_.most));
}

}  // namespace ws
