// What our kernel takes from a peer that floods us, ahead of what we read.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/path_window.hpp"

namespace ngx_ws {

// As much as the path delivers in a round trip and a fixed part; see PathWindow.
class IntakeWindow {
public:
    // `most` bytes at most. The fixed part is set at once.
    IntakeWindow(const ngx_connection_t *source, size_t most) noexcept;

    // So many bytes have been read in all. False: they come from this machine, and there is no
    // path to follow.
    [[nodiscard]] bool look(uint64_t total) noexcept;
    // It is to be looked at with each read.
    [[nodiscard]] bool wide() const noexcept { return path_.wide(); }

private:
    // Of so much the kernel's overhead is a part, and on loopback less costs speed.
    static constexpr size_t least = 160 * 1024;

    void adjust() noexcept;
    void widen(size_t wanted) noexcept;
    void settle() noexcept;

    const ngx_connection_t *source_;
    ws::PathWindow path_;
    uint64_t total_ = 0;  // bytes read
    uint64_t edge_ = 0;   // so far the peer may have been told to send
    size_t window_;       // that is wanted
    size_t room_;         // that the kernel has: more, if the peer was told so before
    size_t clamp_;        // that the peer is told beyond what has come
    uint32_t out_of_order_ = 0;
    bool too_wide_ = false;  // since the last round
};

}  // namespace ngx_ws
