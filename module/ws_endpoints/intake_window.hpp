// What our kernel takes from a peer that floods us, ahead of what we read.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/path_window.hpp"

namespace ngx_ws {

// The window is as much as the path delivers in a round trip, and a fixed part; see PathWindow.
class IntakeWindow {
public:
    static constexpr size_t worth_a_look = 32 * 1024;

    // The kernel's overhead is a part of these bytes, and fewer cost speed on loopback.
    [[nodiscard]] static constexpr size_t fixed_part(size_t most) noexcept {
        return ngx_min(least, most);
    }

    // `most` bytes at most. The kernel has been told the fixed part.
    IntakeWindow(const ngx_connection_t *source, size_t most) noexcept;

    // So many bytes were read. A wide window is looked at each time, and so is one that closes.
    void took(size_t bytes) noexcept {
        total_ += bytes;
        most_read_ = ngx_max(most_read_, bytes);
        if (total_ >= look_at_) {
            look();
            look_at_ = path_.wide() || is_closing() ? total_ : total_ + worth_a_look;
        }
    }

private:
    static constexpr size_t least = 160 * 1024;

    // The peer was told of more than the window, and will be told of little until that is read.
    [[nodiscard]] bool is_closing() const noexcept { return room_ != window_; }

    void look() noexcept;
    void adjust() noexcept;
    void widen(size_t wanted) noexcept;
    void settle() noexcept;

    const ngx_connection_t *source_;
    size_t fixed_;
    ws::PathWindow path_;
    uint64_t total_ = 0;    // bytes read
    uint64_t look_at_ = 0;  // when there are so many
    uint64_t edge_ = 0;     // so far the peer may have been told to send
    size_t window_;         // that is wanted
    size_t room_;           // that the kernel has: more, if the peer was told so before
    size_t clamp_;          // that the peer is told beyond what has come
    size_t most_read_ = 0;  // at a time
    uint32_t out_of_order_ = 0;
    bool too_wide_ = false;  // since the last round
};

}  // namespace ngx_ws
