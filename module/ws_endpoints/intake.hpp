// What our kernel takes from a peer before we read it.
#pragma once

#include "module/ws_endpoints/intake_window.hpp"
#include "module/ws_settings/window_conf.hpp"

namespace ngx_ws {

// A fixed bound, or one that follows the path as soon as there is a flood: what many quiet sessions
// have is small.
class Intake {
public:
    // A fixed bound is set at once. `wide_close_by`: see Bounds.
    Intake(const ngx_connection_t *source, const WindowConf &window, bool wide_close_by) noexcept;

    // Another process may have bounded what the peer is told.
    void go_on(const ngx_connection_t *source) noexcept;

    // So many bytes were read.
    void took(const ngx_connection_t *source, size_t bytes) noexcept {
        if (window_ != nullptr) {
            window_->took(bytes);
        } else if (most_ != 0) {
            count(source, bytes);
        }
    }

private:
    void count(const ngx_connection_t *source, size_t bytes) noexcept;

    IntakeWindow *window_ = nullptr;              // of a flood that has a path
    uint32_t most_;                               // bytes; 0: nothing is followed
    uint16_t left_ = IntakeWindow::worth_a_look;  // bytes, before there is a flood
    bool wide_close_by_;
};

}  // namespace ngx_ws
