// The parts of a session that only one with compression has. RFC 7692, section 6.
#include "ngx_ws_filter/session.hpp"

#include <cassert>

namespace ws {

Event Session::receive(ReadBuffer &buffer, Room &room) noexcept {
    assert(compression_ != nullptr);
    if (over()) {
        buffer.unread = buffer.end;
        return Event::exhausted;
    }
    Piece piece;
    ReadStatus status =
        compression_->take_again(buffer, piece) ? ReadStatus::piece : reader_.next(buffer, piece);
    while (status == ReadStatus::piece) {
        if (is_control(piece.opcode)) {
            return take_control(piece.opcode);
        }
        const Event event = deliver(buffer, piece, room);
        if (event != Event::exhausted) {
            return event;
        }
        status = reader_.next(buffer, piece);
    }
    return status == ReadStatus::violation ? broken(reader_.violation()) : Event::exhausted;
}

// Exhausted is the piece.
Event Session::deliver(ReadBuffer &buffer, Piece &piece, Room &room) noexcept {
    std::uint8_t *begin = room.filled;
    const bool starts_message = piece.starts_message;
    const InflateStatus status = compression_->take(piece, room);
    const bool ends_message = piece.ends_message && status == InflateStatus::needs_more;

    const Violation violation = check_delivered({.opcode = piece.opcode,
                                                 .compressed = piece.compressed,
                                                 .starts_message = starts_message,
                                                 .ends_message = ends_message,
                                                 .payload = {begin, room.filled}},
                                                room);
    if (violation != Violation::none) {
        return broken(violation);
    }
    if (status == InflateStatus::broken) {
        return broken(Violation::deflate_broken);
    }
    if (status == InflateStatus::room_full) {
        compression_->put_back(buffer, piece);
        return Event::room_full;
    }
    return Event::exhausted;
}

// The rules for a message that hold for what it says and not for what was on the wire. What breaks
// them is removed from the room, what is too much first: the rest must be text all the same.
Violation Session::check_delivered(Piece piece, Room &room) noexcept {
    std::size_t excess = 0;
    if (piece.compressed) {
        excess = compression_->excess(piece.payload.size(), reader_.max_message_size());
        room.filled -= excess;
        piece.payload = piece.payload.first(piece.payload.size() - excess);
        piece.ends_message = piece.ends_message && excess == 0;
    }
    if (piece.opcode == Opcode::text && !take_text(room.filled, piece)) {
        return Violation::text_not_utf8;
    }
    return excess == 0 ? Violation::none : Violation::message_too_big;
}

Event Session::drop_data(ReadBuffer &buffer) noexcept {
    Piece piece;
    if (compression_ != nullptr) {
        (void)compression_->take_again(buffer, piece);
    }
    if (over()) {
        buffer.unread = buffer.end;
        return Event::exhausted;
    }
    ReadStatus status = reader_.next(buffer, piece);
    while (status == ReadStatus::piece) {
        if (is_control(piece.opcode)) {
            return take_control(piece.opcode);
        }
        status = reader_.next(buffer, piece);
    }
    return status == ReadStatus::violation ? broken(reader_.violation()) : Event::exhausted;
}

Session::Wrapped Session::wrap(std::span<std::uint8_t> payload,
                               std::span<std::uint8_t> room) noexcept {
    assert(compression_ != nullptr && payload.size() <= max_payload(room.size()));
    bool valid = true;
    if (outgoing_ == Opcode::text) {
        payload = whole_text(payload, valid);
    }
    if (payload.empty()) {
        return {.frame = {}, .valid = valid};
    }
    const std::span<std::uint8_t> compressed =
        compression_->deflate(payload, room.subspan(max_header_size));
    if (compressed.empty()) {
        return {.frame = with_header(payload), .valid = valid};
    }
    ++frames_out_;
    std::uint8_t *begin = write_header_before(
        compressed.data(),
        {.opcode = outgoing_, .compressed = true, .payload_length = compressed.size()});
    return {.frame = {begin, compressed.data() + compressed.size()}, .valid = valid};
}

}  // namespace ws
