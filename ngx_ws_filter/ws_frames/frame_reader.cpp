#include "ngx_ws_filter/ws_frames/frame_reader.hpp"

#include <algorithm>
#include <cstring>

namespace ws {
namespace {

constexpr unsigned fin_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned rsv1_bit = 0x40;
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7f;

constexpr std::uint8_t whole_text = fin_bit | static_cast<unsigned>(Opcode::text);
constexpr std::uint8_t whole_binary = fin_bit | static_cast<unsigned>(Opcode::binary);

constexpr std::size_t short_header = 2 + sizeof(MaskingKey);  // with the length in the second byte
constexpr unsigned length_in_2_bytes = 126;
constexpr unsigned length_in_8_bytes = 127;

// How many bytes of the length stand behind the first two bytes of the header.
[[nodiscard]] std::size_t more_length(std::uint8_t second_byte) noexcept {
    switch (second_byte & length_bits) {
        case length_in_2_bytes:
            return 2;
        case length_in_8_bytes:
            return 8;
        default:
            return 0;
    }
}

[[nodiscard]] std::size_t whole_header_size(std::uint8_t second_byte) noexcept {
    const std::size_t key = (second_byte & mask_bit) / (mask_bit / sizeof(MaskingKey));
    return 2 + more_length(second_byte) + key;
}

[[nodiscard]] std::uint64_t payload_length(const std::uint8_t *header) noexcept {
    const std::size_t more = more_length(header[1]);
    if (more == 0) {
        return header[1] & length_bits;
    }
    std::uint64_t length = 0;
    for (std::size_t i = 2; i < 2 + more; ++i) {
        length = length << 8U | header[i];
    }
    return length;
}

[[nodiscard]] Opcode opcode_of(std::uint8_t first_byte) noexcept {
    return static_cast<Opcode>(first_byte & opcode_bits);
}

[[nodiscard]] bool is_known(Opcode opcode) noexcept {
    constexpr unsigned known = 0b0000'0111'0000'0111;
    return (known >> static_cast<unsigned>(opcode) & 1U) != 0;
}

// The payload of a message that a server reads in one short step has fewer bytes.
[[nodiscard]] std::uint8_t short_sizes(Role role, std::uint64_t max_message_size) noexcept {
    if (role == Role::client) {
        return 0;
    }
    const bool limits = max_message_size != 0 && max_message_size < length_in_2_bytes;
    return static_cast<std::uint8_t>(limits ? max_message_size + 1 : length_in_2_bytes);
}

[[nodiscard]] std::size_t received(const ReadBuffer &buffer) noexcept {
    return static_cast<std::size_t>(buffer.end - buffer.unread);
}

}  // namespace

FrameReader::FrameReader(bool compression, std::uint64_t max_message_size, Role role) noexcept
    : max_message_size_(max_message_size),
      role_(role),
      compression_(compression),
      short_sizes_(short_sizes(role, max_message_size)) {
}

// Whether a whole message stands there in one short frame. Streams of small messages are made of
// these, and the way through all rules takes longer than their unmasking; what is wrong in any way
// is left to it.
inline bool FrameReader::at_short_message(const ReadBuffer &buffer) const noexcept {
    const std::size_t size = received(buffer);
    if (size < short_header || in_payload_ || header_size_ != 0 ||
        message_opcode_ != Opcode::continuation || violation_ != Violation::none) {
        return false;
    }
    const std::uint8_t *header = buffer.unread;
    const std::size_t length = header[1] ^ mask_bit;
    return (header[0] == whole_text || header[0] == whole_binary) && length < short_sizes_ &&
           length <= size - short_header;
}

ReadStatus FrameReader::next(ReadBuffer &buffer, Piece &piece) noexcept {
    if (!at_short_message(buffer)) {
        return read_on(buffer, piece);
    }
    const std::uint8_t *header = buffer.unread;
    std::uint8_t *payload = buffer.packed;
    const std::size_t length = header[1] ^ mask_bit;
    ++frames_;
    piece = {.opcode = opcode_of(header[0]),
             .compressed = false,
             .starts_message = true,
             .ends_message = true,
             .payload = {payload, length}};
    buffer.packed += length;
    buffer.unread += short_header + length;
    MaskingKey key;
    std::copy_n(header + 2, key.size(), key.begin());
    unmask(payload, header + short_header, length, key, 0);
    return ReadStatus::piece;
}

ReadStatus FrameReader::read_on(ReadBuffer &buffer, Piece &piece) noexcept {
    return reach_payload(buffer) ? read_payload(buffer, piece) : stopped();
}

ReadStatus FrameReader::next_in_place(ReadBuffer &buffer, Piece &piece) noexcept {
    if (!reach_payload(buffer)) {
        return stopped();
    }
    buffer.packed = buffer.unread;
    return read_payload(buffer, piece);
}

inline bool FrameReader::reach_payload(ReadBuffer &buffer) noexcept {
    return in_payload_ || read_header(buffer);
}

inline ReadStatus FrameReader::stopped() const noexcept {
    return violation_ == Violation::none ? ReadStatus::need_more : ReadStatus::violation;
}

inline ReadStatus FrameReader::read_payload(ReadBuffer &buffer, Piece &piece) noexcept {
    return is_control(frame_opcode_) ? read_control(buffer, piece) : read_data(buffer, piece);
}

inline Violation FrameReader::check_second_byte(const std::uint8_t *header) const noexcept {
    const bool masked = (header[1] & mask_bit) != 0;
    if (masked != (role_ == Role::server)) {
        return masked ? Violation::mask_unexpected : Violation::mask_missing;
    }
    if (is_control(opcode_of(header[0])) && (header[1] & length_bits) > max_control_payload) {
        return Violation::control_too_long;
    }
    return Violation::none;
}

// Returns whether the header is whole and good.
bool FrameReader::read_header(ReadBuffer &buffer) noexcept {
    if (violation_ != Violation::none) {
        return false;
    }
    const std::size_t size = received(buffer);
    if (header_size_ != 0 || size < 2) {
        return gather_header(buffer);
    }
    const std::uint8_t *header = buffer.unread;
    const std::size_t whole = whole_header_size(header[1]);
    if (size < whole) {
        return gather_header(buffer);
    }
    violation_ = check_first_byte(header[0]);
    if (violation_ == Violation::none) {
        violation_ = check_second_byte(header);
    }
    if (violation_ == Violation::none) {
        violation_ = check_length(header);
    }
    if (violation_ != Violation::none) {
        return false;
    }
    buffer.unread += whole;
    begin_frame(header);
    return true;
}

// Reads a header that is cut, one byte after the other, so that a broken rule is named at the byte
// that breaks it.
bool FrameReader::gather_header(ReadBuffer &buffer) noexcept {
    while (buffer.unread != buffer.end) {
        header_[header_size_] = *buffer.unread++;
        ++header_size_;
        violation_ = check(header_.data(), header_size_);
        if (violation_ != Violation::none) {
            return false;
        }
        if (header_size_ >= 2 && header_size_ == whole_header_size(header_[1])) {
            header_size_ = 0;
            begin_frame(header_.data());
            return true;
        }
    }
    return false;
}

// The rules that can be checked when the last of `size` bytes has come.
Violation FrameReader::check(const std::uint8_t *header, std::size_t size) const noexcept {
    if (size == 1) {
        return check_first_byte(header[0]);
    }
    if (size == 2) {
        const Violation violation = check_second_byte(header);
        if (violation != Violation::none) {
            return violation;
        }
    }
    return size == 2 + more_length(header[1]) ? check_length(header) : Violation::none;
}

Violation FrameReader::check_first_byte(std::uint8_t byte) const noexcept {
    const Opcode opcode = opcode_of(byte);
    const bool starts_message = opcode == Opcode::text || opcode == Opcode::binary;
    if ((byte & reserved_bits) != 0 &&
        ((byte & reserved_bits) != rsv1_bit || !compression_ || !starts_message)) {
        return Violation::reserved_bit;
    }
    if (!is_known(opcode)) {
        return Violation::unknown_opcode;
    }
    if (is_control(opcode)) {
        return (byte & fin_bit) != 0 ? Violation::none : Violation::control_fragmented;
    }
    const bool inside_message = message_opcode_ != Opcode::continuation;
    if (starts_message == inside_message) {
        return starts_message ? Violation::message_unfinished : Violation::continuation_unexpected;
    }
    return Violation::none;
}

Violation FrameReader::check_length(const std::uint8_t *header) const noexcept {
    const std::uint64_t length = payload_length(header);
    const std::size_t more = more_length(header[1]);
    if (length >> 63U != 0) {
        return Violation::length_top_bit;
    }
    if ((more == 2 && length < length_in_2_bytes) || (more == 8 && length <= 0xffff)) {
        return Violation::length_not_minimal;
    }
    if (max_message_size_ == 0 || is_control(opcode_of(header[0])) || is_compressed(header)) {
        return Violation::none;
    }
    return length > max_message_size_ - message_size_ ? Violation::message_too_big
                                                      : Violation::none;
}

// Whether the message that a data frame begins or continues is compressed.
bool FrameReader::is_compressed(const std::uint8_t *header) const noexcept {
    return opcode_of(header[0]) == Opcode::continuation ? message_compressed_
                                                        : (header[0] & rsv1_bit) != 0;
}

void FrameReader::begin_frame(const std::uint8_t *header) noexcept {
    ++frames_;
    in_payload_ = true;
    frame_opcode_ = opcode_of(header[0]);
    frame_fin_ = (header[0] & fin_bit) != 0;
    payload_left_ = payload_length(header);
    if (role_ == Role::server) {
        phase_ = 0;
        std::copy_n(header + 2 + more_length(header[1]), key_.size(), key_.begin());
    }
    if (is_control(frame_opcode_)) {
        control_size_ = 0;
        return;
    }
    message_size_ += payload_left_;
    if (frame_opcode_ != Opcode::continuation) {
        message_opcode_ = frame_opcode_;
        message_compressed_ = (header[0] & rsv1_bit) != 0;
        message_started_ = false;
    }
}

// What the buffer holds of this frame.
std::span<std::uint8_t> FrameReader::move_payload(ReadBuffer &buffer, std::uint8_t *to) noexcept {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, received(buffer)));
    if (role_ == Role::server) {
        phase_ = unmask(to, buffer.unread, size, key_, phase_);
    } else if (to != buffer.unread) {
        std::memmove(to, buffer.unread, size);
    }
    buffer.unread += size;
    payload_left_ -= size;
    in_payload_ = payload_left_ != 0;
    return {to, size};
}

ReadStatus FrameReader::read_data(ReadBuffer &buffer, Piece &piece) noexcept {
    if (payload_left_ != 0 && received(buffer) == 0) {
        return ReadStatus::need_more;
    }
    piece.opcode = message_opcode_;
    piece.compressed = message_compressed_;
    piece.starts_message = !message_started_;
    piece.payload = move_payload(buffer, buffer.packed);
    piece.ends_message = frame_fin_ && !in_payload_;
    buffer.packed += piece.payload.size();
    message_started_ = true;
    if (piece.ends_message) {
        message_opcode_ = Opcode::continuation;
        message_size_ = 0;
    }
    return ReadStatus::piece;
}

ReadStatus FrameReader::read_control(ReadBuffer &buffer, Piece &piece) noexcept {
    const std::size_t size = move_payload(buffer, control_.data() + control_size_).size();
    control_size_ = static_cast<std::uint8_t>(control_size_ + size);
    if (in_payload_) {
        return ReadStatus::need_more;
    }
    piece = {.opcode = frame_opcode_,
             .compressed = false,
             .starts_message = true,
             .ends_message = true,
             .payload = {control_.data(), control_size_}};
    return ReadStatus::piece;
}

}  // namespace ws
