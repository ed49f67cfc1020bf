// Where bytes for the backend are written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ws {

// [filled, end) is free. The caller notes where `filled` began.
struct Room {
    std::uint8_t *filled;
    std::uint8_t *end;
};

[[nodiscard]] inline std::size_t free_in(const Room &room) noexcept {
    return static_cast<std::size_t>(room.end - room.filled);
}

}  // namespace ws
