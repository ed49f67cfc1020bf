// The rules of a resumable session that its client can break. docs/resume-protocol.md, sections 9
// and 10.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <cstdint>
#include <string_view>

namespace ws {

// What a Close says about a session that could have been resumed.
namespace resume_close {

inline constexpr CloseCode unknown_sid{4001};
inline constexpr CloseCode displaced{4002};
inline constexpr CloseCode not_connected{4003};
inline constexpr CloseCode come_back{4004};
inline constexpr CloseCode ack_back{4005};
inline constexpr CloseCode ack_ahead{4006};
inline constexpr CloseCode not_allowed{4033};

}  // namespace resume_close

// One name for each rule. What is wrong in a frame is a Violation.
enum class Breach : std::uint8_t {
    none,
    text_message,          // commands are binary
    message_too_short,     // a message has no room for a tag
    length_wrong,          // a body is shorter or longer than it says
    data_too_long,         // DATA or PART has more than max_data bytes
    long_data_too_long,    // the same with max_long_data, behind a LONGEST
    gateway_command,       // only the gateway sends it
    part_empty,            // a PART without bytes, where messages are kept
    empty_inside_message,  // an EMPTY behind a PART that goes on
    empty_skips,           // an EMPTY whose ordinal leaves one out
    data_after_eof,        // DATA, PART or a new EMPTY behind the end of the stream
    eof_elsewhere,         // an EOF that is not where the stream ends, or is at another place now
    window_exceeded,       // more is under way than LIMITS allow
    ack_back,              // an ACK below an earlier one
    ack_ahead,             // an ACK of what was not sent, or of no number
};

// The code that a Close after this breach carries.
[[nodiscard]] CloseCode close_code(Breach breach) noexcept;

// The rule in words, for the log and for the reason of the Close: ASCII, at most 123 bytes.
[[nodiscard]] std::string_view words(Breach breach) noexcept;

}  // namespace ws
