// What our kernel takes from a peer before we read it.
#pragma once

#include "module/ws_settings/window_conf.hpp"

namespace ngx_ws {

class IntakeWindow;

// A fixed bound, or one that follows the path as soon as there is a flood: what many quiet sessions
// have is small.
class Intake {
public:
    // A fixed bound is set at once.
    Intake(const ngx_connection_t *source, const WindowConf &window) noexcept;

    // So many bytes were read.
    void took(size_t bytes) noexcept {
        total_ += bytes;
        if (total_ >= look_at_) {
            look();
        }
    }

private:
    static constexpr uint64_t worth_a_look = 32 * 1024;
    static constexpr uint64_t never = UINT64_MAX;

    void look() noexcept;

    const ngx_connection_t *source_;
    IntakeWindow *window_ = nullptr;  // of a flood
    uint64_t total_ = 0;
    uint64_t look_at_;
    size_t most_;
};

}  // namespace ngx_ws
