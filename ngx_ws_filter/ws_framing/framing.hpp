// What stands between two messages on the side of the backend, where TCP knows none.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_framing/delimiter.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

enum class FramingKind : std::uint8_t {
    stream,     // nothing
    line,       // a message is a line
    delimiter,  // a message stands before a delimiter
    length,     // a message is a record behind its length
    typed,      // the same, with a byte between the two that is the opcode
};

struct FramingSettings {
    FramingKind kind = FramingKind::stream;
    bool crlf = false;             // line: it ends in CR LF and not in LF alone
    bool split = false;            // line: a message may be several
    Delimiter delimiter = {};      // delimiter
    bool little_endian = false;    // length
    bool varint = false;           // length: 7 bits a byte, the lowest first, at most 32 in all
    bool counts_itself = false;    // length: of a fixed size, which the length includes
    std::uint8_t length_size = 4;  // length and typed: 1, 2 or 4 bytes; 4 for a varint
    std::uint64_t max = 0;         // bytes of a message in it as such; 0: as many as can be

    [[nodiscard]] constexpr bool has_records() const noexcept {
        return kind == FramingKind::length || kind == FramingKind::typed;
    }

    // Bytes of the longest record that its length can tell, and `max` allows.
    [[nodiscard]] constexpr std::uint64_t max_record() const noexcept {
        const std::uint64_t longest =
            (std::uint64_t{1} << 8U * length_size) - 1 - (counts_itself ? length_size : 0U);
        return max != 0 && max < longest ? max : longest;
    }

    // The limit of a client's message that has one of its own already. 0: none.
    [[nodiscard]] constexpr std::uint64_t max_message(std::uint64_t limit) const noexcept {
        const bool one = kind == FramingKind::delimiter || (kind == FramingKind::line && !split);
        const std::uint64_t ours = has_records() ? max_record() : one ? max : 0;
        return ours == 0 || (limit != 0 && limit < ours) ? limit : ours;
    }
};

// One name for each rule that a backend can break.
enum class BackendFault : std::uint8_t {
    none,
    text_not_utf8,  // where the client was promised text
    line_too_long,
    line_cut,          // by the end of a stream that was cut itself
    message_too_long,  // with a delimiter
    message_cut,       // by the end of the stream
    record_too_long,
    record_too_short,     // its length does not even count itself
    record_type_unknown,  // neither text nor binary
    record_cut,           // by the end of the stream
};

// The fault in words, under the same rules as those of a Violation.
[[nodiscard]] std::string_view words(BackendFault fault) noexcept;

// A part of one message for the client: as much of it as some bytes of the backend held.
struct Part {
    Opcode opcode;  // text or binary; continuation if the framing tells nothing of types
    bool starts_message;
    bool ends_message;
    std::span<const std::uint8_t> payload;
};

enum class PartStatus : std::uint8_t {
    part,       // one was read; there may be more
    need_more,  // every byte has been read
    fault,      // fault() names it, and nothing more can be read
};

}  // namespace ws
