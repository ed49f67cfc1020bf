// The client's messages to commands, with the rules of docs/resume-protocol.md that can be seen in
// them alone: sections 3, 8 and 10.
#pragma once

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "ngx_ws_filter/ws_resume/breach.hpp"
#include "ngx_ws_filter/ws_resume/command.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// What a piece of a message holds. What a number means is for Positions to say.
enum class Heard : std::uint8_t {
    nothing,  // no more: the piece is read to its end
    data,   // bytes of the stream, at least one; `number` says how many this DATA or PART has from
            // here on
    ack,    // `number` is a position
    eof,    // the same
    empty,  // a message without bytes; `number` is its ordinal
    longest,  // `number`: of the bytes in a DATA that the client takes
    sid,      // `bytes` of the echo of a NEW_SID, perhaps none
    ignored,  // a command that means nothing here
    breach,   // a rule was broken; nothing is read any more
};

struct Command {
    std::span<std::uint8_t> bytes;  // in the piece
    std::uint64_t number;
    bool starts;  // sid: the first bytes. Where messages are kept, data: the first of a message
    bool ends;    // the last
};

// A pull parser: the same messages give the same commands however they are cut, except that a DATA
// with a wrong length has none of its bytes taken if its size is known from the beginning.
class CommandReader {
public:
    struct Options {
        bool own_name;        // ours, not one of v4
        bool keeps_messages;  // flag 1 of LIMITS: they mean something to the service
    };

    explicit CommandReader(const Options &options) noexcept : options_(options) {}

    static constexpr std::uint64_t unknown = UINT64_MAX;

    // Reads on in a piece of a data message, as FrameReader or an inflater gives it, and takes what
    // it has read from its front. To be called until nothing is heard. `message_size`: of the
    // message that begins with this piece, once inflated; looked at only at its start.
    [[nodiscard]] Heard next(Piece &piece, Command &command,
                             std::uint64_t message_size = unknown) noexcept;

    [[nodiscard]] Breach breach() const noexcept { return breach_; }

    // The client comes back on another connection: a command that was cut is forgotten, and the
    // message for the service goes on.
    void begin_leg() noexcept {
        size_ = 0;
        reading_ = Reading::header;
        most_data_ = max_data;
    }

    // Bytes in a DATA that the client may send on this leg.
    [[nodiscard]] std::size_t most_data() const noexcept { return most_data_; }

    // A message for the service goes on.
    [[nodiscard]] bool inside_message() const noexcept { return inside_message_; }

private:
    enum class Reading : std::uint8_t { header, data, sid, number, ignored };

    [[nodiscard]] Breach read(Piece &piece, Command &command, Heard &heard) noexcept;
    [[nodiscard]] Breach read_header(std::span<std::uint8_t> &from) noexcept;
    [[nodiscard]] Breach read_tag() noexcept;
    [[nodiscard]] Breach read_own_tag(Tag tag) noexcept;
    [[nodiscard]] Breach begin_bytes() noexcept;
    [[nodiscard]] Breach read_body(std::span<std::uint8_t> &from, Command &command,
                                   Heard &heard) noexcept;
    [[nodiscard]] Breach end_message(Command &command, Heard &heard) noexcept;
    [[nodiscard]] Breach end_number(Command &command, Heard &heard) noexcept;
    void note_message(Command &command) noexcept;

    [[nodiscard]] bool keeps_messages() const noexcept { return options_.keeps_messages; }
    [[nodiscard]] Tag tag() const noexcept { return static_cast<Tag>(number(0, tag_size)); }
    [[nodiscard]] std::uint32_t length() const noexcept {
        return static_cast<std::uint32_t>(number(tag_size, 4));
    }
    [[nodiscard]] std::uint64_t number(std::size_t at, std::size_t size) const noexcept;

    std::uint64_t message_size_ = unknown;
    std::uint32_t left_ = 0;  // of the bytes of DATA, PART or NEW_SID
    std::uint32_t most_data_ = max_data;
    std::array<std::uint8_t, number_command_size> header_;
    std::uint8_t size_ = 0;    // of the header, so far
    std::uint8_t wanted_ = 0;  // of it
    Options options_;
    Reading reading_ = Reading::header;
    Breach breach_ = Breach::none;
    bool inside_message_ = false;
};

}  // namespace ws
