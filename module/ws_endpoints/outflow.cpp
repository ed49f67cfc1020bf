#include "module/ws_endpoints/outflow.hpp"

#include "module/ws_endpoints/kernel.hpp"

#include "ngx_ws_filter/ws_relay/path_window.hpp"

namespace ngx_ws {

namespace {

// For so long the kernel has to have something to send: acknowledgements, which wake us, come in
// lumps of about a millisecond.
constexpr uint64_t time_to_wake = 4000;  // microseconds

// An algorithm that measures the rate of the path sends faster than that while it looks for it, and
// finds none if it is ever left without anything to send. It looks no longer than this. The others
// ask how much is under way, and need no more than the rest of the time.
constexpr uint64_t time_of_a_probe = 48'000;  // microseconds
constexpr unsigned rounds_of_a_probe = 20;
constexpr uint32_t shortest_path = 1000;  // microseconds, of those that are worth it

constexpr size_t least = 64 * 1024;  // of the window

// The rate that was seen last may be that of a short burst, when nothing was under way yet.
uint64_t under_way(const PathFacts &facts) noexcept {
    const uint64_t by_rate = facts.delivered * facts.round_trip / 1'000'000;
    return ngx_min(by_rate, facts.window);
}

size_t wanted_unsent(const PathFacts &facts, bool probes) noexcept {
    const uint64_t bytes = under_way(facts);
    const uint64_t quarter = facts.round_trip / 4;
    const uint64_t time = probes ? time_of_a_probe : ngx_min(time_to_wake, quarter);
    return facts.round_trip == 0 ? 0 : bytes * time / facts.round_trip;
}

}  // namespace

struct Outflow::Trail {
    [[nodiscard]] bool probes(const PathFacts &facts) noexcept;

    ws::PathWindow path;
    uint64_t since = 0;   // it was asked
    uint64_t best = 0;    // bytes a second
    unsigned rounds = 0;  // since it was the best
    uint32_t round_trip = 0;
    uint32_t sent_again = 0;
    bool measures_rate = false;
};

bool Outflow::Trail::probes(const PathFacts &facts) noexcept {
    ++rounds;
    if (facts.delivered > best + best / 4) {
        best = facts.delivered;
        rounds = 0;
    }
    const bool hurries = facts.paced / 3 > facts.delivered / 2;
    return measures_rate && hurries && rounds < rounds_of_a_probe &&
           facts.round_trip >= shortest_path;
}

Outflow::Outflow(const WindowConf &window, const WindowConf &unsent) noexcept
    : window_(size_in_kernel(window.follows() ? window.most : window.size)),
      unsent_(unsent.follows() ? least_unsent : size_in_kernel(unsent.size)),
      most_(size_in_kernel(window.most)),
      most_unsent_(size_in_kernel(unsent.most)),
      follows_(window.follows()) {
    // Without any bound the send buffer, which has the size that the kernel likes, would be full,
    // and last words would find no room in it.
    if (follows_ && unsent_ == 0) {
        unsent_ = unsent_without_bound;
    }
}

void Outflow::fix(size_t window) noexcept {
    window_ = size_in_kernel(window);
    most_ = 0;
    follows_ = false;
}

void Outflow::lift() noexcept {
    window_ = 0;
    most_ = most_unsent_ = 0;
    follows_ = false;
}

void Outflow::stay() noexcept {
    most_ = most_unsent_ = 0;
    close_by_ = true;
}

bool Outflow::makes_trail(const ngx_connection_t *destination) noexcept {
    if (trail_ == nullptr) {
        trail_ = ngx::make<Trail>(destination->pool);
        if (trail_ != nullptr) {
            trail_->path = ws::PathWindow({.least = least,
                                           .most = window_,
                                           .behind_holes = 2,
                                           .empties_queue = true,
                                           .of_sender = true});
            trail_->measures_rate = measures_its_rate(destination);
        }
    }
    return trail_ != nullptr;
}

// Without memory the bounds stay as they are.
void Outflow::look(const ngx_connection_t *destination, uint64_t written,
                   uint64_t acknowledged) noexcept {
    looked_ = static_cast<uint32_t>(written);
    if (!makes_trail(destination)) {
        most_ = most_unsent_ = 0;
        return;
    }
    const uint64_t now = microseconds();
    if (now - trail_->since <= trail_->round_trip) {
        return;
    }
    const PathFacts facts = path_facts(destination);
    if (facts.local) {
        stay();
        return;
    }
    trail_->since = now;
    trail_->round_trip = facts.round_trip;
    if (most_unsent_ != 0) {
        bound_unsent(destination, facts);
    }
    const bool holes = facts.sent_again != std::exchange(trail_->sent_again, facts.sent_again);
    trail_->path.note(acknowledged, now, facts.round_trip, holes);
    if (most_ != 0 && trail_->path.measured()) {
        // Nobody tells when there is room again, and acknowledgements come in lumps.
        const uint64_t until_asked = facts.delivered * time_to_wake / 1'000'000;
        const uint64_t beside = ngx_max(until_asked, unsent_);
        const uint64_t path = trail_->path.size();
        const uint32_t wanted = size_in_kernel(path + (path - least) / 4 + beside);
        window_ = ngx_min(wanted, most_);
    }
}

void Outflow::bound_unsent(const ngx_connection_t *destination, const PathFacts &facts) noexcept {
    const uint32_t asked = size_in_kernel(wanted_unsent(facts, trail_->probes(facts)));
    const uint32_t most = ngx_min(asked, most_unsent_);
    const uint32_t bound = ngx_max(most, least_unsent);
    if (bound > unsent_ + unsent_ / 4 || bound < unsent_ - unsent_ / 4) {
        unsent_ = bound;
        limit_unsent(destination, bound);
    }
}

}  // namespace ngx_ws
