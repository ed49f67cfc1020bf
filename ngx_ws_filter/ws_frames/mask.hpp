// Masking and unmasking of a payload. RFC 6455, section 5.3.
#pragma once

#include "ngx_ws_filter/ws_frames/mask_words.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ws {

using MaskingKey = std::array<std::uint8_t, 4>;  // as it stands on the wire

// The part of unmask() for more than two blocks.
void unmask_long(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                 std::uint32_t key) noexcept;

// Writes to[i] = from[i] ^ key[(phase + i) % 4] for `size` bytes and returns the phase that the
// next byte has, 0 to 3. The two ranges may overlap if to <= from, so that a payload can be moved
// down in the buffer while it is unmasked; with to == from it stays where it is.
inline unsigned unmask(std::uint8_t *to, const std::uint8_t *from, std::size_t size, MaskingKey key,
                       unsigned phase) noexcept {
    const std::uint32_t word = masking::turned(std::bit_cast<std::uint32_t>(key), phase);
    if (size <= 2 * sizeof(masking::Block)) {
        masking::unmask_short(to, from, size, word);
    } else {
        unmask_long(to, from, size, word);
    }
    return static_cast<unsigned>((phase + size) % 4);
}

}  // namespace ws
