#include "module/ws_endpoints/outflow.hpp"

#include "module/ws_endpoints/kernel.hpp"

namespace ngx_ws {

namespace {

// For so long the kernel has to have something to send: acknowledgements, which wake us, come in
// lumps of about a millisecond.
constexpr uint64_t milliseconds = 4;

// An algorithm that paces and still looks for the rate of the path sends faster than it delivers,
// and finds none if it is ever left without anything to send. It looks no longer than this.
constexpr uint64_t milliseconds_of_a_probe = 48;
constexpr unsigned rounds_of_a_probe = 20;
constexpr uint32_t shortest_path = 1000;  // microseconds, of those that are worth it

size_t wanted_unsent(const PathFacts &facts, bool probes) noexcept {
    if (probes) {
        return facts.delivered * milliseconds_of_a_probe / 1000;
    }
    const uint64_t in_time = facts.delivered * milliseconds / 1000;
    const uint64_t under_way = facts.delivered * facts.round_trip / 1'000'000;
    const uint64_t quarter = under_way / 4;
    return ngx_min(in_time, quarter);
}

}  // namespace

Outflow::Outflow(const WindowConf &window, const WindowConf &unsent) noexcept
    : path_({.least = least, .most = window.most, .behind_holes = 2}),
      window_(window.follows() ? window.most : window.size),
      unsent_(unsent.follows() ? least_unsent : unsent.size),
      most_(window.most),
      most_unsent_(unsent.most),
      follows_(window.follows()) {
}

void Outflow::fix(size_t window) noexcept {
    window_ = window;
    most_ = 0;
    follows_ = false;
}

void Outflow::lift() noexcept {
    window_ = 0;
    most_ = most_unsent_ = 0;
    follows_ = false;
}

void Outflow::look(const ngx_connection_t *destination, uint64_t written,
                   uint64_t acknowledged) noexcept {
    looked_ = written;
    const ngx_msec_t elapsed = ngx_current_msec - since_;
    if (elapsed <= round_trip_ / 1000) {
        return;
    }
    since_ = ngx_current_msec;
    const PathFacts facts = path_facts(destination);
    round_trip_ = facts.round_trip;
    if (facts.local) {
        most_ = most_unsent_ = 0;
        close_by_ = true;
        return;
    }
    if (most_unsent_ != 0) {
        const size_t asked = wanted_unsent(facts, probes(facts));
        const size_t most = ngx_min(asked, most_unsent_);
        const size_t bound = ngx_max(most, least_unsent);
        if (bound > unsent_ + unsent_ / 4 || bound < unsent_ - unsent_ / 4) {
            unsent_ = bound;
            limit_unsent(destination, bound);
        }
    }
    path_.note(acknowledged, ngx_current_msec, facts.round_trip, true);
    if (most_ != 0 && path_.measured()) {
        const size_t wanted = path_.size() + unsent_;
        window_ = ngx_min(wanted, most_);
    }
}

bool Outflow::probes(const PathFacts &facts) noexcept {
    ++rounds_;
    if (facts.delivered > best_ + best_ / 4) {
        best_ = facts.delivered;
        rounds_ = 0;
    }
    const bool hurries = facts.paced / 3 > facts.delivered / 2;
    return hurries && rounds_ < rounds_of_a_probe && facts.round_trip >= shortest_path;
}

}  // namespace ngx_ws
