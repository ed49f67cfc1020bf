// Masking and unmasking of a payload. RFC 6455, section 5.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ws {

using MaskingKey = std::array<std::uint8_t, 4>;  // as it stands on the wire

// Writes to[i] = from[i] ^ key[(phase + i) % 4] for `size` bytes and returns the phase that the
// next byte has, 0 to 3. The two ranges may overlap if to <= from, so that a payload can be moved
// down in the buffer while it is unmasked; with to == from it stays where it is.
unsigned unmask(std::uint8_t *to, const std::uint8_t *from, std::size_t size, MaskingKey key,
                unsigned phase) noexcept;

}  // namespace ws
