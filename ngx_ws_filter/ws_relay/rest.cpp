#include "ngx_ws_filter/ws_relay/rest.hpp"

namespace ws {

bool Rest::keep(std::span<std::uint8_t> bytes, Host &host) noexcept {
    if (bytes.empty()) {
        clear(host);
    } else if (held_ != nullptr) {
        held_->begin = held_->end - bytes.size();
    } else {
        held_ = host.lend();
        if (held_ == nullptr || !held_->add(bytes)) {
            return false;
        }
    }
    waits_ = true;
    return true;
}

void Rest::clear(Host &host) noexcept {
    waits_ = false;
    if (held_ != nullptr) {
        host.give_back(held_);
        held_ = nullptr;
    }
}

}  // namespace ws
