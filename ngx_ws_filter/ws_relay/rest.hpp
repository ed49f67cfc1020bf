// Received bytes that cannot be taken yet, because the room for what they become is full.
#pragma once

#include "ngx_ws_filter/ws_relay/host.hpp"

namespace ws {

class Rest {
public:
    // There is more to come from what was received, even if no bytes of it are left. Nothing else
    // is received while there is.
    [[nodiscard]] bool waits() const noexcept { return waits_; }
    [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept {
        return held_ == nullptr ? std::span<std::uint8_t>{} : held_->content();
    }

    // Keeps a copy, unless the bytes are the end of those that waited. False if there is no memory.
    [[nodiscard]] bool keep(std::span<std::uint8_t> bytes, Host &host) noexcept;

    // Nothing waits any more.
    void clear(Host &host) noexcept;

private:
    HeldBuffer *held_ = nullptr;  // null if no bytes are left
    bool waits_ = false;
};

}  // namespace ws
