// Text made of bytes that need not be UTF-8: what is none becomes U+FFFD, as browsers decode it.
// Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts".
#pragma once

#include "ngx_ws_filter/ws_messages/utf8.hpp"

#include <array>

namespace ws {

class Utf8Repair {
public:
    // Bytes that a room must have for so many of a text, its end included.
    [[nodiscard]] static constexpr std::size_t max_size(std::size_t size) noexcept {
        return replacement.size() * (size + 1);
    }
    // The other way round.
    [[nodiscard]] static constexpr std::size_t max_taken(std::size_t room) noexcept {
        return room < replacement.size() ? 0 : room / replacement.size() - 1;
    }

    // Writes the next bytes of the text to the front of the room, which does not overlap them, and
    // returns what was written. A code point that is cut waits for the next call.
    [[nodiscard]] std::span<std::uint8_t> take(std::span<const std::uint8_t> bytes,
                                               std::span<std::uint8_t> room) noexcept;

    // Repairs what waits when the text ends; nothing has been taken of another text then.
    [[nodiscard]] std::span<std::uint8_t> finish(std::span<std::uint8_t> room) noexcept;

private:
    static constexpr std::array<std::uint8_t, 3> replacement{0xef, 0xbf, 0xbd};

    [[nodiscard]] std::uint8_t *take_good(std::span<const std::uint8_t> good,
                                          std::uint8_t *to) noexcept;

    Utf8Validator validator_;
    std::array<std::uint8_t, 3> held_{};
    std::uint8_t held_size_ = 0;
};

}  // namespace ws
