// What client and gateway say to each other in a session that can be resumed: one command in each
// binary message. docs/resume-protocol.md, sections 3 and 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

// The values are those on the wire. Those above v4_tags are ours, and unknown under a v4 name.
enum class Tag : std::uint16_t {
    connect_success = 0x0001,
    reconnect_success = 0x0002,
    data = 0x0004,
    ack = 0x0007,
    limits = 0x4001,
    eof = 0x4002,
    new_sid = 0x4003,
    goaway = 0x4004,
    part = 0x4005,
    empty = 0x4006,
    longest = 0x4008,
};

inline constexpr std::uint16_t v4_tags = 0x4000;
inline constexpr std::size_t tag_size = 2;
inline constexpr std::size_t data_header_size = tag_size + 4;  // of DATA and PART
inline constexpr std::size_t number_command_size = tag_size + 8;
inline constexpr std::size_t max_data = 16384;  // bytes in a DATA or PART
// The same once the client has said LONGEST on this leg: what the gateway takes and sends.
inline constexpr std::size_t max_long_data = 65536;
inline constexpr std::size_t max_sid = 256;
inline constexpr std::uint64_t max_position = INT64_MAX;

struct Limits {
    std::uint32_t replay;       // bytes that the gateway sends beyond the client's ACK
    std::uint32_t grace;        // milliseconds that a detached session is kept; 0: it is not
    std::uint32_t interval;     // milliseconds after which an ACK is due
    std::string_view service;   // the subprotocol that was agreed for the service; may be empty
    std::uint32_t window;       // bytes that the client may send beyond the gateway's ACK
    std::uint32_t bytes;        // after so many an ACK is due
    bool keeps_messages;        // flag 1
    bool is_text;               // flag 2
    std::uint32_t longest = 0;  // bytes in a DATA that the gateway takes; 0: max_data, not told
};

[[nodiscard]] constexpr std::size_t limits_size(const Limits &limits) noexcept {
    return tag_size + (limits.longest == 0 ? 7 : 8) * 4 + limits.service.size();
}

// Each writes one command, which is the payload of a message, to the front of `to`, and returns its
// size: 0 if there is no room for all of it.
[[nodiscard]] std::size_t write_connect_success(std::span<std::uint8_t> to,
                                                std::string_view sid) noexcept;
[[nodiscard]] std::size_t write_reconnect_success(std::span<std::uint8_t> to,
                                                  std::uint64_t taken) noexcept;
[[nodiscard]] std::size_t write_limits(std::span<std::uint8_t> to, const Limits &limits) noexcept;
[[nodiscard]] std::size_t write_new_sid(std::span<std::uint8_t> to, std::string_view sid) noexcept;
[[nodiscard]] std::size_t write_ack(std::span<std::uint8_t> to, std::uint64_t position) noexcept;
[[nodiscard]] std::size_t write_eof(std::span<std::uint8_t> to, std::uint64_t position) noexcept;
[[nodiscard]] std::size_t write_empty(std::span<std::uint8_t> to, std::uint64_t ordinal) noexcept;
[[nodiscard]] std::size_t write_goaway(std::span<std::uint8_t> to, std::uint32_t millis) noexcept;

// Writes the header of a DATA, or of a PART if the message `goes_on`, so that it ends at `bytes`,
// before which data_header_size bytes must be writable, and returns where it begins. `size`: 1 to
// max_long_data.
[[nodiscard]] std::uint8_t *write_data_before(std::uint8_t *bytes, std::size_t size,
                                              bool goes_on = false) noexcept;

}  // namespace ws
