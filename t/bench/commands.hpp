// The commands of docs/resume-protocol.md that the load generator needs. Written apart from the
// gateway's own, which is what is measured.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bench {

constexpr std::string_view resume_name = "v1.resume.ngx-ws-filter";
constexpr std::size_t command_header_size = 6;
constexpr std::size_t longest_data = 16384;
constexpr std::uint64_t ack_interval = 32768;  // bytes of the service

// What stands before the bytes of a DATA.
[[nodiscard]] std::array<std::uint8_t, command_header_size> data_header(std::size_t size);

// A masked frame with an ACK.
constexpr std::size_t ack_frame_size = 2 + 4 + 10;
[[nodiscard]] std::array<std::uint8_t, ack_frame_size> ack_frame(std::uint64_t position);

// The bytes of DATA in frames that hold one command each.
class CommandStream {
public:
    void begin_frame() { gathered_ = 0; }

    // What this run of a frame's payload has of them; nothing in any other command.
    [[nodiscard]] std::span<const std::uint8_t> data(std::span<const std::uint8_t> payload);

private:
    std::array<std::uint8_t, command_header_size> header_ = {};
    std::size_t gathered_ = 0;
};

}  // namespace bench
