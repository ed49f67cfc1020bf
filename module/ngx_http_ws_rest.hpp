// Received bytes that cannot be taken yet, because the room for what they become is full.
#pragma once

#include "module/ngx_http_ws_buffers.hpp"

namespace ngx_ws {

class Rest {
public:
    // There is more to come from what was received, even if no bytes of it are left. Nothing else
    // is received while there is.
    [[nodiscard]] bool waits() const noexcept { return waits_; }
    [[nodiscard]] std::span<uint8_t> bytes() const noexcept { return bytes_; }

    // Keeps a copy, unless the bytes are the end of those that waited. False if there is no memory.
    [[nodiscard]] bool keep(std::span<uint8_t> bytes) noexcept;
    // Keeps bytes that stay where they are as long as the request.
    void point_to(std::span<uint8_t> bytes) noexcept;

    // Nothing waits any more.
    void clear() noexcept;

private:
    std::span<uint8_t> bytes_;
    HeldBuffer *buffer_ = nullptr;  // what bytes_ is a part of, unless it was pointed to
    bool waits_ = false;
};

}  // namespace ngx_ws
