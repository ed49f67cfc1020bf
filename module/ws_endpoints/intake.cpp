#include "module/ws_endpoints/intake.hpp"

#include "module/ws_endpoints/intake_window.hpp"
#include "module/ws_endpoints/kernel.hpp"

namespace ngx_ws {

Intake::Intake(const ngx_connection_t *source, const WindowConf &window) noexcept
    : source_(source), look_at_(window.follows() ? worth_a_look : never), most_(window.most) {
    if (!window.follows()) {
        limit_receive_buffer(source, window.size);
    }
}

// Without memory the kernel's own bounds stay.
void Intake::look() noexcept {
    if (window_ == nullptr) {
        window_ = ngx::make<IntakeWindow>(source_->pool, source_, most_);
    }
    if (window_ == nullptr || !window_->look(total_)) {
        look_at_ = never;
        return;
    }
    look_at_ = window_->wide() ? total_ : total_ + worth_a_look;
}

}  // namespace ngx_ws
