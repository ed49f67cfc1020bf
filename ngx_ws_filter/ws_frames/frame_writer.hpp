// Frame headers, and whole frames of either end. RFC 6455, sections 5.2 and 5.3.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_frames/mask.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

inline constexpr std::size_t max_control_frame = 2 + max_control_payload;

// Size of a server's encoded header, 2, 4 or 10 bytes.
[[nodiscard]] std::size_t header_size(std::uint64_t payload_length) noexcept;

// Size of the header at the front of an encoded frame, which is not masked.
[[nodiscard]] std::size_t header_size_of(std::span<const std::uint8_t> frame) noexcept;

// Writes a server's header so that it ends at `payload`, before which max_header_size bytes must be
// writable, and returns where it begins: header and payload are one piece.
[[nodiscard]] std::uint8_t *write_header_before(std::uint8_t *payload,
                                                const FrameHeader &header) noexcept;

// Writes a server's whole control frame to `to` and returns its size. `payload` is at most
// max_control_payload bytes, and `to` has room for 2 more.
std::size_t write_control_frame(std::uint8_t *to, Opcode opcode,
                                std::span<const std::uint8_t> payload) noexcept;

// Draws a client's masking keys. Section 5.3: nobody may be able to predict them, and the library
// has no randomness. The function has a body only because a pure one would need the C++ run-time
// library.
class MaskingKeys {
public:
    [[nodiscard]] virtual MaskingKey draw() noexcept { return {}; }

protected:
    MaskingKeys() = default;
    ~MaskingKeys() = default;
};

// Writes what one end sends: a client masks each frame with a new key.
class FrameWriter {
public:
    // `keys`: a client's, which outlive the writer. Null: the writer is a server's.
    explicit FrameWriter(MaskingKeys *keys = nullptr) noexcept : keys_(keys) {}

    [[nodiscard]] Role role() const noexcept {
        return keys_ == nullptr ? Role::server : Role::client;
    }
    [[nodiscard]] std::size_t key_size() const noexcept {
        return keys_ == nullptr ? 0 : sizeof(MaskingKey);
    }

    // Makes the payload a frame, in place, and returns it: the header, whose payload_length is of
    // no use, is written before the payload, where max_header_size + key_size() bytes must be
    // writable.
    [[nodiscard]] std::span<std::uint8_t> frame(std::span<std::uint8_t> payload,
                                                FrameHeader header) noexcept {
        header.payload_length = payload.size();
        if (keys_ != nullptr) {
            return masked_frame(payload, header);
        }
        return {write_header_before(payload.data(), header), payload.data() + payload.size()};
    }

    // Writes a whole control frame to `to` and returns its size. `payload` is at most
    // max_control_payload bytes, and `to` has room for 2 + key_size() more.
    std::size_t control_frame(std::uint8_t *to, Opcode opcode,
                              std::span<const std::uint8_t> payload) noexcept;

private:
    [[nodiscard]] std::span<std::uint8_t> masked_frame(std::span<std::uint8_t> payload,
                                                       const FrameHeader &header) noexcept;

    MaskingKeys *keys_;
};

}  // namespace ws
