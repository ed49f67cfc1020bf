// What our kernel takes from a peer before we read it.
#pragma once

#include "module/ws_settings/window_conf.hpp"

#include "ngx_ws_filter/ws_relay/path_window.hpp"

namespace ngx_ws {

// As much as the path delivers in a round trip and a fixed part; see PathWindow.
class Intake {
public:
    // A fixed bound is set at once.
    Intake(const ngx_connection_t *source, const WindowConf &window) noexcept;

    // So many bytes were read.
    void took(size_t bytes) noexcept {
        total_ += bytes;
        if (follows_ && (total_ - looked_ >= worth_a_look || path_.wide())) {
            look();
        }
    }

private:
    // Of so much the kernel's overhead is a part, and on loopback less costs speed.
    static constexpr size_t least = 160 * 1024;
    static constexpr size_t worth_a_look = 32 * 1024;

    void look() noexcept;
    void adjust() noexcept;
    void widen(size_t wanted) noexcept;
    void settle() noexcept;

    const ngx_connection_t *source_;
    ws::PathWindow path_;
    uint64_t total_ = 0;
    uint64_t looked_ = 0;  // total_ when it was last thought of
    uint64_t edge_ = 0;    // so far the peer may have been told to send
    size_t window_ = 0;    // that is wanted; 0: the kernel has not been told yet
    size_t room_ = 0;      // that the kernel has: more, if the peer was told so before
    size_t clamp_ = 0;     // that the peer is told beyond what has come
    uint32_t out_of_order_ = 0;
    bool follows_;
    bool too_wide_ = false;  // since the last round
};

}  // namespace ngx_ws
