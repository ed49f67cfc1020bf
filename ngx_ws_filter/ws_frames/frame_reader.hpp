// Received bytes to frames, with the checks of RFC 6455, sections 5.1 to 5.5, for either end.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_frames/mask.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// The caller's bytes while they are read. [unread, end) has been received and not yet looked at;
// payload, unmasked by a server, is moved down to `packed`, so that the payloads of one pass stand
// side by side: the caller notes where `packed` began. Always packed <= unread <= end.
struct ReadBuffer {
    std::uint8_t *packed;
    std::uint8_t *unread;
    std::uint8_t *end;
};

// A part of one frame: as much of it as one buffer held.
struct Piece {
    Opcode opcode;        // of the message: a continuation frame has the opcode it continues
    bool compressed;      // RSV1 was set on the message's first frame (RFC 7692, section 6)
    bool starts_message;  // no earlier piece belongs to this message
    bool ends_message;    // no later one does; always true for a control frame
    std::span<std::uint8_t> payload;  // data: in the buffer, ends at `packed`. Control: see next()
};

enum class ReadStatus : std::uint8_t {
    piece,      // a piece was read; there may be more
    need_more,  // every received byte has been read
    violation,  // a rule was broken: violation() names it, and nothing more can be read
};

// A pull parser. It allocates nothing, and never looks past what was received: the same stream
// gives the same messages however it is cut.
class FrameReader {
public:
    // `role`: who reads; the frames come from the other end.
    // `compression`: permessage-deflate was negotiated, so RSV1 is legal on the first frame of a
    // message. `max_message_size`: payload bytes of one message on the wire, over all its frames;
    // 0 means no limit. A frame that would pass the limit is refused as soon as its header says so.
    // A compressed message has no limit here, since only its inflated size says something.
    explicit FrameReader(bool compression = false, std::uint64_t max_message_size = 0,
                         Role role = Role::server) noexcept;

    // Reads on, to the next piece. A data frame gives a piece for each buffer it is spread over
    // (none for a buffer that holds only its header, but an empty frame gives an empty piece); a
    // control frame gives exactly one, with its whole payload, which stays valid until next() is
    // called again. After ReadStatus::violation, `unread` stands somewhere in the offending frame
    // and everything packed before is good.
    [[nodiscard]] ReadStatus next(ReadBuffer &buffer, Piece &piece) noexcept;

    // Reads on for a caller who takes each payload where it stands: nothing is moved, and `packed`
    // is of no use to it.
    [[nodiscard]] ReadStatus next_in_place(ReadBuffer &buffer, Piece &piece) noexcept;

    [[nodiscard]] Violation violation() const noexcept { return violation_; }

    // The payload of the control frame that the last next() returned, until it is called again.
    [[nodiscard]] std::span<const std::uint8_t> control_payload() const noexcept {
        return {control_.data(), control_size_};
    }

    [[nodiscard]] std::uint64_t max_message_size() const noexcept { return max_message_size_; }

    // About the frame whose payload is being read: whether it is the last of its message, and how
    // many bytes of its payload were not read yet.
    [[nodiscard]] bool in_last_frame() const noexcept { return in_payload_ && frame_fin_; }
    [[nodiscard]] std::uint64_t payload_left() const noexcept { return payload_left_; }

    // What was read ends inside a frame.
    [[nodiscard]] bool inside_frame() const noexcept { return in_payload_ || header_size_ != 0; }
    // What was read ends inside a frame, or a message of which more has to come.
    [[nodiscard]] bool inside_message() const noexcept {
        return inside_frame() || message_opcode_ != Opcode::continuation;
    }

    // Frames whose header was read, control frames included.
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

private:
    [[nodiscard]] bool at_short_message(const ReadBuffer &buffer) const noexcept;
    [[nodiscard]] ReadStatus read_on(ReadBuffer &buffer, Piece &piece) noexcept;
    [[nodiscard]] bool reach_payload(ReadBuffer &buffer) noexcept;
    [[nodiscard]] ReadStatus stopped() const noexcept;
    [[nodiscard]] ReadStatus read_payload(ReadBuffer &buffer, Piece &piece) noexcept;
    [[nodiscard]] bool read_header(ReadBuffer &buffer) noexcept;
    [[nodiscard]] bool gather_header(ReadBuffer &buffer) noexcept;
    [[nodiscard]] Violation check(const std::uint8_t *header, std::size_t size) const noexcept;
    [[nodiscard]] Violation check_first_byte(std::uint8_t byte) const noexcept;
    [[nodiscard]] Violation check_second_byte(const std::uint8_t *header) const noexcept;
    [[nodiscard]] Violation check_length(const std::uint8_t *header) const noexcept;
    [[nodiscard]] bool is_compressed(const std::uint8_t *header) const noexcept;
    void begin_frame(const std::uint8_t *header) noexcept;

    [[nodiscard]] std::span<std::uint8_t> move_payload(ReadBuffer &buffer,
                                                       std::uint8_t *to) noexcept;
    [[nodiscard]] ReadStatus read_data(ReadBuffer &buffer, Piece &piece) noexcept;
    [[nodiscard]] ReadStatus read_control(ReadBuffer &buffer, Piece &piece) noexcept;

    std::uint64_t max_message_size_;
    std::uint64_t frames_ = 0;
    std::uint64_t message_size_ = 0;  // by the headers of its frames so far
    std::uint64_t payload_left_ = 0;  // of this frame
    MaskingKey key_{};
    unsigned phase_ = 0;  // of the key, for the next payload byte

    Violation violation_ = Violation::none;
    Opcode frame_opcode_ = Opcode::continuation;
    Opcode message_opcode_ = Opcode::continuation;  // which means that no message is open
    Role role_;
    bool compression_;
    bool in_payload_ = false;
    bool frame_fin_ = false;
    bool message_compressed_ = false;
    bool message_started_ = false;  // a piece of it was returned

    std::uint8_t short_sizes_;  // a smaller payload may be that of a short message
    std::uint8_t header_size_ = 0;
    std::uint8_t control_size_ = 0;
    std::array<std::uint8_t, max_masked_header_size> header_;
    std::array<std::uint8_t, max_control_payload> control_;
};

}  // namespace ws
