#include "module/ngx_http_ws_rest.hpp"

#include <cstring>

namespace ngx_ws {

bool Rest::keep(std::span<uint8_t> bytes) noexcept {
    if (!waits_ && !bytes.empty()) {
        buffer_ = take_buffer();
        if (buffer_ == nullptr || bytes.size() > buffer_->capacity) {
            return false;
        }
        std::memcpy(buffer_->bytes(), bytes.data(), bytes.size());
        bytes = {buffer_->bytes(), bytes.size()};
    }
    if (bytes.empty()) {
        clear();
    }
    bytes_ = bytes;
    waits_ = true;
    return true;
}

void Rest::point_to(std::span<uint8_t> bytes) noexcept {
    bytes_ = bytes;
    waits_ = true;
}

void Rest::clear() noexcept {
    bytes_ = {};
    waits_ = false;
    if (buffer_ != nullptr) {
        give_back(std::exchange(buffer_, nullptr));
    }
}

}  // namespace ngx_ws
