// How many bytes may be in our kernel on their way to a peer, and how many of them not even sent.
#pragma once

#include "module/ws_settings/window_conf.hpp"

namespace ngx_ws {

struct PathFacts;

// Either bound may be fixed, or follow the path: the first is a round trip then, or two where
// packets get lost, because behind a lost one a second round trip is under way; and the second what
// the kernel sends until we have been woken and have written more.
class Outflow {
public:
    Outflow(const WindowConf &window, const WindowConf &unsent) noexcept;

    // 0: as the kernel likes.
    [[nodiscard]] size_t window() const noexcept { return window_; }
    [[nodiscard]] size_t unsent() const noexcept { return unsent_; }
    // The kernel's own window is the bound, and window() only where that is not enough.
    [[nodiscard]] bool follows() const noexcept { return follows_; }

    // The peer is on this machine: there is no path to follow.
    void stay() noexcept;
    [[nodiscard]] bool is_close_by() const noexcept { return close_by_; }

    // So many bytes have been written in all: the path should be looked at.
    [[nodiscard]] bool is_due(uint64_t written) const noexcept {
        return most_unsent_ + most_ != 0 &&
               static_cast<uint32_t>(written) - looked_ >= worth_a_look;
    }
    void look(const ngx_connection_t *destination, uint64_t written,
              uint64_t acknowledged) noexcept;

    // The kernel has been told another window.
    void fix(size_t window) noexcept;
    void lift() noexcept;

private:
    static constexpr uint32_t least_unsent = 16 * 1024;
    static constexpr uint32_t unsent_without_bound = 256 * 1024;
    static constexpr uint32_t worth_a_look = 64 * 1024;

    // What is known of the path of a flood.
    struct Trail;

    [[nodiscard]] bool makes_trail(const ngx_connection_t *destination) noexcept;
    void bound_unsent(const ngx_connection_t *destination, const PathFacts &facts) noexcept;

    Trail *trail_ = nullptr;
    uint32_t window_;
    uint32_t unsent_;
    uint32_t most_;         // of window_; 0: it is fixed
    uint32_t most_unsent_;  // the same
    uint32_t looked_ = 0;   // bytes written when the path was thought of last, modulo 2^32
    bool follows_;
    bool close_by_ = false;
};

}  // namespace ngx_ws
