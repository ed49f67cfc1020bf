#include "t/bench/commands.hpp"

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
    std::array<std::uint8_t, ack_frame_size> frame = {};
    FrameHeader header;
    header.masked = true;
    header.key = {1, 2, 3, 4};
    header.length = 10;
    const std::size_t begin = write_header(frame.data(), header);
    frame[begin + 1] = tag_ack;
    for (std::size_t i = 0; i < 8; ++i) {
        frame[begin + 2 + i] = static_cast<std::uint8_t>(position >> (8 * (7 - i)));
    }
    apply_mask(std::span{frame}.subspan(begin), header.key, 0);
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
