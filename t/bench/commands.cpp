#include "t/bench/commands.hpp"

#include "t/bench/keys.hpp"

#include <algorithm>

namespace bench {

namespace {

constexpr std::uint8_t tag_data = 4;
constexpr std::uint8_t tag_ack = 7;

}  // namespace

std::array<std::uint8_t, command_header_size> data_header(std::size_t size) {
    return {
        0, tag_data, 0, 0, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
}

std::array<std::uint8_t, ack_frame_size> ack_frame(std::uint64_t position) {
    std::array<std::uint8_t, ack_frame_size + ws::max_masked_header_size> room = {};
    const auto command = std::span{room}.last(10);
    command[1] = tag_ack;
    for (std::size_t i = 0; i < 8; ++i) {
        command[2 + i] = static_cast<std::uint8_t>(position >> (8 * (7 - i)));
    }
    OneKey key;
    const std::span<std::uint8_t> made =
        ws::FrameWriter(&key).frame(command, {.opcode = ws::Opcode::binary});
    std::array<std::uint8_t, ack_frame_size> frame;
    std::ranges::copy(made, frame.begin());
    return frame;
}

std::span<const std::uint8_t> CommandStream::data(std::span<const std::uint8_t> payload) {
    const std::size_t size = std::min(header_.size() - gathered_, payload.size());
    std::copy_n(payload.begin(), size, header_.begin() + static_cast<std::ptrdiff_t>(gathered_));
    gathered_ += size;
    const bool is_data = gathered_ == header_.size() && header_[0] == 0 && header_[1] == tag_data;
    return is_data ? payload.subspan(size) : payload.last(0);
}

}  // namespace bench
