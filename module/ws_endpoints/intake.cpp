#include "module/ws_endpoints/intake.hpp"

#include "module/ws_endpoints/kernel.hpp"

namespace ngx_ws {

namespace {

// Between processes of one machine a sender that has less room before it is woken for pieces.
constexpr size_t wide = 256 * 1024;

}  // namespace

Intake::Intake(const ngx_connection_t *source, const WindowConf &window,
               bool wide_close_by) noexcept
    : most_(size_in_kernel(window.most)), wide_close_by_(wide_close_by) {
    if (!window.follows()) {
        limit_receive_buffer(source, window.size);
    }
}

void Intake::go_on(const ngx_connection_t *source) noexcept {
    constexpr size_t unbounded = INT32_MAX;
    limit_window(source, most_ != 0 ? most_ : unbounded);
}

// Before the first look the kernel has not let more come than it does by itself. Bytes that come
// from this machine have no path to follow, and without memory none can be: the fixed part stays.
void Intake::count(const ngx_connection_t *source, size_t bytes) noexcept {
    if (bytes < left_) {
        left_ = static_cast<uint16_t>(left_ - bytes);
        return;
    }
    const bool local = path_facts(source).local;
    const size_t most = most_;
    limit_receive_buffer(
        source, local && wide_close_by_ ? ngx_min(wide, most) : IntakeWindow::fixed_part(most));
    if (!local) {
        window_ = ngx::make<IntakeWindow>(source->pool, source, most);
    }
    most_ = 0;
}

}  // namespace ngx_ws
