#include "module/ws_session/framing.hpp"

namespace ngx_ws {

bool Framing::lend() noexcept {
    HeldBuffer *larger = memory_ == nullptr ? take_buffer() : enlarge(memory_);
    if (larger == nullptr) {
        return false;
    }
    memory_ = larger;
    framer_.hold_in({memory_->bytes(), memory_->capacity});
    return true;
}

void Framing::take_back() noexcept {
    if (!framer_.holds()) {
        release();
    }
}

void Framing::release() noexcept {
    if (memory_ != nullptr) {
        framer_.hold_in({});
        give_back(std::exchange(memory_, nullptr));
    }
}

}  // namespace ngx_ws
