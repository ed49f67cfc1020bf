// How a session receives whose data does not leave as it came: it is inflated, framed, or both.
#include "ngx_ws_filter/ws_messages/session.hpp"

#include <algorithm>
#include <cassert>

namespace ws {
namespace {

// Copies as an inflater would write.
[[nodiscard]] InflateStatus copy(Piece &piece, Room &space) noexcept {
    const std::size_t size = std::min(piece.payload.size(), free_in(space));
    space.filled = std::copy_n(piece.payload.begin(), size, space.filled);
    piece.payload = piece.payload.subspan(size);
    return piece.payload.empty() ? InflateStatus::needs_more : InflateStatus::room_full;
}

}  // namespace

Event Session::receive(ReadBuffer &buffer, Room &room) noexcept {
    assert(compression_ != nullptr || framer_ != nullptr);
    if (over()) {
        buffer.unread = buffer.end;
        return Event::exhausted;
    }
    if (framer_ != nullptr && !framer_->drain(room)) {
        return Event::room_full;
    }
    Piece piece;
    ReadStatus status = rest_.take(buffer, piece) ? ReadStatus::piece : reader_.next(buffer, piece);
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
    const Event lacking = begin_piece(buffer, piece, room);
    if (lacking != Event::exhausted) {
        return lacking;
    }
    Room space = framer_ == nullptr ? room : framer_->space(room);
    Piece delivered = piece;
    std::uint8_t *begin = space.filled;
    const InflateStatus status =
        piece.compressed ? compression_->inflate(piece, space) : copy(piece, space);
    piece.starts_message = false;
    delivered.payload = {begin, space.filled};
    delivered.ends_message = piece.ends_message && status == InflateStatus::needs_more;

    Violation violation = forward(delivered, space, room);
    if (violation == Violation::none && status == InflateStatus::broken) {
        violation = Violation::deflate_broken;
    }
    if (violation != Violation::none) {
        return broken(violation);
    }
    if (status == InflateStatus::room_full) {
        rest_.put_back(buffer, piece);
        return framer_ != nullptr && framer_->holds() ? Event::memory_full : Event::room_full;
    }
    return framer_ == nullptr || framer_->drain(room) ? Event::exhausted : Event::room_full;
}

// Exhausted is nothing that is lacking.
Event Session::begin_piece(ReadBuffer &buffer, const Piece &piece, Room &room) noexcept {
    if (framer_ == nullptr) {
        return Event::exhausted;
    }
    const bool roomy = free_in(room) >= Framer::min_room;
    if (!roomy || framer_->wants_memory(piece.starts_message, length_of(piece))) {
        rest_.put_back(buffer, piece);
        return roomy ? Event::memory_full : Event::room_full;
    }
    if (piece.starts_message) {
        framer_->begin(piece.opcode, length_of(piece), room);
    }
    return Event::exhausted;
}

std::uint64_t Session::length_of(const Piece &piece) const noexcept {
    const std::uint64_t size = piece.payload.size();
    if (piece.compressed) {
        return Framer::unknown;
    }
    if (piece.ends_message) {
        return size;
    }
    return reader_.in_last_frame() ? size + reader_.payload_left() : Framer::unknown;
}

// From the space where it was put to its place in the room. What a framing forbids stands in front
// of any other violation, because the framer sees only what the others allow.
Violation Session::forward(const Piece &delivered, Room space, Room &room) noexcept {
    std::uint8_t *begin = delivered.payload.data();
    const Violation violation = check_delivered(delivered, space);
    if (framer_ == nullptr) {
        room.filled = space.filled;
        return violation;
    }
    const bool ends = delivered.ends_message && violation == Violation::none;
    const Violation framed = framer_->take({begin, space.filled}, ends, room);
    return framed == Violation::none ? violation : framed;
}

// The rules for a message that hold for what it says and not for what was on the wire. What breaks
// them is removed from the space, what is too much first: the rest must be text all the same.
Violation Session::check_delivered(Piece piece, Room &space) noexcept {
    std::size_t excess = 0;
    if (piece.compressed) {
        excess = compression_->excess(piece.payload.size(), reader_.max_message_size());
        space.filled -= excess;
        piece.payload = piece.payload.first(piece.payload.size() - excess);
        piece.ends_message = piece.ends_message && excess == 0;
    }
    if (piece.opcode == Opcode::text && !take_text(space.filled, piece)) {
        return Violation::text_not_utf8;
    }
    return excess == 0 ? Violation::none : Violation::message_too_big;
}

Event Session::drop_data(ReadBuffer &buffer) noexcept {
    Piece piece;
    if (rest_.take(buffer, piece)) {
        buffer.packed += piece.payload.size();
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

}  // namespace ws
