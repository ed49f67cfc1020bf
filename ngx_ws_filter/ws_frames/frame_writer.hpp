// Frame headers of a server, which masks nothing. RFC 6455, section 5.2.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

inline constexpr std::size_t max_header_size = 10;  // unmasked, with a 64-bit length
inline constexpr std::size_t max_control_frame = 2 + max_control_payload;

// Size of the encoded header, 2, 4 or 10 bytes.
[[nodiscard]] std::size_t header_size(std::uint64_t payload_length) noexcept;

// Size of the header at the front of an encoded frame, which is not masked.
[[nodiscard]] std::size_t header_size_of(std::span<const std::uint8_t> frame) noexcept;

// Writes the header so that it ends at `payload`, before which max_header_size bytes must be
// writable, and returns where it begins: header and payload are one piece.
[[nodiscard]] std::uint8_t *write_header_before(std::uint8_t *payload,
                                                const FrameHeader &header) noexcept;

// Writes a whole control frame to `to` and returns its size. `payload` is at most
// max_control_payload bytes, and `to` has room for 2 more.
std::size_t write_control_frame(std::uint8_t *to, Opcode opcode,
                                std::span<const std::uint8_t> payload) noexcept;

}  // namespace ws
