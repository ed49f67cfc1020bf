#include "ngx_ws_filter/ws_frames/frame_writer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace ws {
namespace {

constexpr unsigned fin_bit = 0x80;
constexpr unsigned rsv1_bit = 0x40;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_in_2_bytes = 126;
constexpr std::uint8_t length_in_8_bytes = 127;

[[nodiscard]] std::uint8_t first_byte(const FrameHeader &header) noexcept {
    return static_cast<std::uint8_t>((header.fin ? fin_bit : 0U) |
                                     (header.compressed ? rsv1_bit : 0U) |
                                     static_cast<unsigned>(header.opcode));
}

void write_big_endian(std::uint8_t *to, std::size_t size, std::uint64_t number) noexcept {
    for (std::size_t i = size; i > 0; --i) {
        to[i - 1] = static_cast<std::uint8_t>(number);
        number >>= 8U;
    }
}

}  // namespace

std::size_t header_size(std::uint64_t payload_length) noexcept {
    if (payload_length < length_in_2_bytes) {
        return 2;
    }
    return payload_length <= 0xffff ? 4 : max_header_size;
}

std::size_t header_size_of(std::span<const std::uint8_t> frame) noexcept {
    const unsigned length = frame[1] & 0x7fU;
    return length < 126 ? 2 : length == 126 ? 4 : 10;
}

std::uint8_t *write_header_before(std::uint8_t *payload, const FrameHeader &header) noexcept {
    const std::size_t size = header_size(header.payload_length);
    std::uint8_t *begin = payload - size;
    begin[0] = first_byte(header);
    switch (size) {
        case 2:
            begin[1] = static_cast<std::uint8_t>(header.payload_length);
            break;
        case 4:
            begin[1] = length_in_2_bytes;
            write_big_endian(begin + 2, 2, header.payload_length);
            break;
        default:
            begin[1] = length_in_8_bytes;
            write_big_endian(begin + 2, 8, header.payload_length);
    }
    return begin;
}

std::size_t write_control_frame(std::uint8_t *to, Opcode opcode,
                                std::span<const std::uint8_t> payload) noexcept {
    assert(is_control(opcode) && payload.size() <= max_control_payload);
    to[0] = first_byte({.opcode = opcode});
    to[1] = static_cast<std::uint8_t>(payload.size());
    if (!payload.empty()) {
        std::memcpy(to + 2, payload.data(), payload.size());
    }
    return 2 + payload.size();
}

std::span<std::uint8_t> FrameWriter::masked_frame(std::span<std::uint8_t> payload,
                                                  const FrameHeader &header) noexcept {
    const MaskingKey key = keys_->draw();
    std::uint8_t *const key_at = payload.data() - key.size();
    std::copy(key.begin(), key.end(), key_at);
    std::uint8_t *const begin = write_header_before(key_at, header);
    begin[1] |= mask_bit;
    static_cast<void>(unmask(payload.data(), payload.data(), payload.size(), key, 0));
    return {begin, payload.data() + payload.size()};
}

std::size_t FrameWriter::control_frame(std::uint8_t *to, Opcode opcode,
                                       std::span<const std::uint8_t> payload) noexcept {
    if (keys_ == nullptr) {
        return write_control_frame(to, opcode, payload);
    }
    std::uint8_t *const begin =
        std::copy(payload.begin(), payload.end(), to + 2 + key_size()) - payload.size();
    return frame({begin, payload.size()}, {.opcode = opcode}).size();
}

}  // namespace ws
