#include "module/ws_endpoints/intake.hpp"

#include "module/ws_endpoints/kernel.hpp"

namespace ngx_ws {

Intake::Intake(const ngx_connection_t *source, const WindowConf &window) noexcept
    : most_(size_in_kernel(window.most)) {
    if (!window.follows()) {
        limit_receive_buffer(source, window.size);
    }
}

// Before the first look the kernel has not let more come than it does by itself. Bytes that come
// from this machine have no path to follow, and without memory none can be: the fixed part stays.
void Intake::count(const ngx_connection_t *source, size_t bytes) noexcept {
    taken_ += size_in_kernel(bytes);
    if (taken_ < IntakeWindow::worth_a_look) {
        return;
    }
    limit_receive_buffer(source, IntakeWindow::fixed_part(most_));
    if (!path_facts(source).local) {
        window_ = ngx::make<IntakeWindow>(source->pool, source, most_);
    }
    most_ = 0;
}

}  // namespace ngx_ws
