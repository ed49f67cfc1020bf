// Memory for bytes that a connection did not take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// It stands in front of its `capacity` bytes: at least what either scratch buffer has.
struct HeldBuffer {
    HeldBuffer *next;
    std::size_t begin;  // offsets into bytes()
    std::size_t end;
    std::size_t capacity;

    // The buffer that begins with these bytes.
    [[nodiscard]] static HeldBuffer &of(void *bytes) noexcept {
        return *(static_cast<HeldBuffer *>(bytes) - 1);
    }
    [[nodiscard]] std::uint8_t *bytes() noexcept {
        return reinterpret_cast<std::uint8_t *>(this + 1);
    }
    [[nodiscard]] std::span<std::uint8_t> content() noexcept {
        return {bytes() + begin, end - begin};
    }
    // Puts bytes behind the content; false if there is no room for them.
    [[nodiscard]] bool add(std::span<const std::uint8_t> more) noexcept;
};

}  // namespace ws
