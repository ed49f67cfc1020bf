// A frame header as data, and the names of what can be wrong in a frame. RFC 6455, section 5.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ws {

// Which end of a conversation this is. Section 5.1: a client masks each frame, a server none.
enum class Role : std::uint8_t { server, client };

// RFC 6455, section 11.8. The values are those on the wire.
enum class Opcode : std::uint8_t {
    continuation = 0x0,
    text = 0x1,
    binary = 0x2,
    close = 0x8,
    ping = 0x9,
    pong = 0xa,
};

// RFC 6455, section 7.4.1, and the IANA registry it founded. no_status and abnormal are what a
// local observer is told; they never travel in a frame.
enum class CloseCode : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    no_status = 1005,
    abnormal = 1006,
    invalid_payload = 1007,
    policy_violation = 1008,
    message_too_big = 1009,
    mandatory_extension = 1010,
    internal_error = 1011,
    service_restart = 1012,
    try_again_later = 1013,
};

// One name for each rule that a peer can break.
enum class Violation : std::uint8_t {
    none,
    mask_missing,             // section 5.1: a client masks every frame
    mask_unexpected,          // section 5.1: a server masks none
    reserved_bit,             // section 5.2: RSV bit without an extension that defines it
    unknown_opcode,           // section 5.2: opcodes 3 to 7 and 11 to 15
    length_not_minimal,       // section 5.2: the shortest of the three encodings is a must
    length_top_bit,           // section 5.2: the most significant bit of a 64-bit length is 0
    control_fragmented,       // section 5.5
    control_too_long,         // section 5.5: at most 125 bytes
    continuation_unexpected,  // section 5.4: no message is being continued
    message_unfinished,       // section 5.4: a new message before the last one ended
    close_payload_too_short,  // section 5.5.1: one byte is no close code
    close_code_invalid,       // section 7.4: a code that must not be sent
    text_not_utf8,            // section 8.1: in a text message
    close_reason_not_utf8,    // section 8.1: in the reason of a Close
    deflate_broken,           // RFC 7692, section 7.2.2: a compressed message
    message_too_big,          // section 10.4: more than the receiver agreed to take
    line_too_long,            // the same for a line of a message
    line_end_inside,          // a message that should be one line
    delimiter_inside,         // the same for a message that ends with a delimiter
    subprotocol_broken,       // a rule of the subprotocol, whose reader knows more
};

// A header as read or as about to be written. The lengths of its encodings are in frame_writer.hpp.
struct FrameHeader {
    Opcode opcode = Opcode::continuation;
    bool fin = true;
    bool compressed = false;           // RSV1, RFC 7692 section 6
    std::uint64_t payload_length = 0;  // less than 2^63, section 5.2
};

inline constexpr std::size_t max_header_size = 10;  // unmasked, with a 64-bit length
inline constexpr std::size_t max_masked_header_size = max_header_size + 4;
inline constexpr std::size_t max_control_payload = 125;  // section 5.5
inline constexpr std::size_t max_close_reason = 123;     // section 5.5.1: less the code

[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept {
    return (static_cast<unsigned>(opcode) & 0x8U) != 0;
}

// The code that a Close after this violation carries.
[[nodiscard]] CloseCode close_code(Violation violation) noexcept;

// The rule in words, for the log and for the reason of the Close: ASCII, at most 123 bytes.
[[nodiscard]] std::string_view words(Violation violation) noexcept;

}  // namespace ws
