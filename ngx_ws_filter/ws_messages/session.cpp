#include "ngx_ws_filter/ws_messages/session.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

template <std::size_t capacity>
void Session::Due<capacity>::set(std::span<const std::uint8_t> bytes) noexcept {
    assert(bytes.size() <= capacity);
    due = true;
    size = static_cast<std::uint8_t>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), payload.begin());
}

Session::Session(const SessionOptions &options) noexcept
    : compression_(options.compression),
      framer_(options.framer),
      reader_(compression_ != nullptr,
              framer_ == nullptr ? options.max_message_size
                                 : framer_->settings().max_message(options.max_message_size),
              options.keys == nullptr ? Role::server : Role::client),
      writer_(options.keys),
      outgoing_(options.outgoing),
      repairs_(options.repairs_text) {
    assert(outgoing_ == Opcode::text || outgoing_ == Opcode::binary);
    assert(role() == Role::server || framer_ == nullptr);
}

Event Session::receive(ReadBuffer &buffer) noexcept {
    if (over()) {
        buffer.unread = buffer.end;
        return Event::exhausted;
    }
    Piece piece;
    ReadStatus status = reader_.next(buffer, piece);
    while (status == ReadStatus::piece) {
        if (is_control(piece.opcode)) {
            return take_control(piece.opcode);
        }
        if (piece.opcode == Opcode::text && !take_text(buffer.packed, piece)) {
            return broken(Violation::text_not_utf8);
        }
        status = reader_.next(buffer, piece);
    }
    return status == ReadStatus::violation ? broken(reader_.violation()) : Event::exhausted;
}

Event Session::receive(ReadBuffer &buffer, Piece &piece) noexcept {
    if (over()) {
        buffer.unread = buffer.end;
        return Event::exhausted;
    }
    switch (reader_.next(buffer, piece)) {
        case ReadStatus::piece:
            return is_control(piece.opcode) ? take_control(piece.opcode) : Event::piece;
        case ReadStatus::violation:
            return broken(reader_.violation());
        case ReadStatus::need_more:
            break;
    }
    return Event::exhausted;
}

// The piece ends at `end`, which is moved to where its text is good.
bool Session::take_text(std::uint8_t *&end, const Piece &piece) noexcept {
    if (piece.starts_message) {
        incoming_text_.reset();
    }
    const bool taken = incoming_text_.take(piece.payload);
    end -= piece.payload.size() - incoming_text_.valid();
    return taken && (!piece.ends_message || incoming_text_.complete());
}

Event Session::take_control(Opcode opcode) noexcept {
    if (opcode == Opcode::ping) {
        return Event::ping;
    }
    if (opcode == Opcode::pong) {
        return Event::pong;
    }
    CloseStatus status;
    const Violation violation = read_close(control_payload(), status);
    if (violation != Violation::none) {
        return broken(violation);
    }
    close_received_ = true;
    return Event::close;
}

Event Session::broken(Violation violation) noexcept {
    violation_ = violation;
    return Event::violation;
}

CloseStatus Session::peer_status() const noexcept {
    CloseStatus status{.code = CloseCode::abnormal, .reason = {}};
    if (close_received_) {
        static_cast<void>(read_close(control_payload(), status));  // checked when it came
    }
    return status;
}

Session::Wrapped Session::wrap(std::span<std::uint8_t> payload) noexcept {
    bool valid = true;
    if (outgoing_ == Opcode::text) {
        payload = whole_text(payload, valid);
    }
    if (payload.empty()) {
        return {.frame = {}, .valid = valid};
    }
    return {.frame = with_header(payload), .valid = valid};
}

std::span<std::uint8_t> Session::wrap_elsewhere(
    std::size_t size, std::span<std::uint8_t, max_header_size> room) noexcept {
    ++frames_out_;
    std::uint8_t *const end = room.data() + room.size();
    return {write_header_before(end, {.opcode = outgoing_, .payload_length = size}), end};
}

// What was held back and the payload, less what is to be held back now.
std::span<std::uint8_t> Session::whole_text(std::span<std::uint8_t> payload, bool &valid) noexcept {
    const std::size_t held = held_back();
    valid = outgoing_text_.take(payload);

    std::uint8_t *begin = payload.data() - held;
    std::copy_n(held_.begin(), held, begin);
    const std::size_t cut = outgoing_text_.pending();
    const std::size_t size = held + outgoing_text_.valid() - cut;
    std::copy_n(begin + size, cut, held_.begin());
    return {begin, size};
}

std::span<std::uint8_t> Session::with_header(std::span<std::uint8_t> payload) noexcept {
    ++frames_out_;
    return writer_.frame(payload, {.opcode = outgoing_});
}

void Session::answer_ping() noexcept {
    pong(control_payload());
}

void Session::pong(std::span<const std::uint8_t> payload) noexcept {
    if (!closing()) {
        pong_.set(payload);
    }
}

void Session::ping(std::span<const std::uint8_t> payload) noexcept {
    if (!closing()) {
        ping_.set(payload);
    }
}

void Session::close(CloseCode code, std::string_view reason) noexcept {
    if (closing()) {
        return;
    }
    std::array<std::uint8_t, max_control_payload> payload;
    const std::size_t size = write_close(payload.data(), code, reason);
    close_.set({payload.data(), size});
}

void Session::answer_close() noexcept {
    close(peer_status().code, {});
}

// Returns whether the frame is out of the way of the next one.
template <std::size_t capacity>
bool Session::write(Due<capacity> &frame, Opcode opcode, std::span<std::uint8_t> &to) noexcept {
    if (!frame.due) {
        return true;
    }
    if (to.size() < header_size(frame.size) + writer_.key_size() + frame.size) {
        return false;
    }
    to = to.subspan(writer_.control_frame(to.data(), opcode, {frame.payload.data(), frame.size}));
    frame.due = false;
    ++frames_out_;
    return true;
}

std::size_t Session::write_due(std::span<std::uint8_t> to) noexcept {
    const std::size_t room = to.size();
    const bool free = write(pong_, Opcode::pong, to) && write(ping_, Opcode::ping, to);
    if (free && close_.due) {
        close_sent_ = write(close_, Opcode::close, to);
    }
    return room - to.size();
}

}  // namespace ws
