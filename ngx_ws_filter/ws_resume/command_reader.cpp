#include "ngx_ws_filter/ws_resume/command_reader.hpp"

#include <algorithm>

namespace ws {

Heard CommandReader::next(Piece &piece, Command &command, std::uint64_t message_size) noexcept {
    command = {};
    if (breach_ != Breach::none) {
        piece.payload = piece.payload.last(0);
        return Heard::nothing;
    }
    if (piece.starts_message) {
        piece.starts_message = false;
        message_size_ = message_size;
        wanted_ = tag_size;
        breach_ = piece.opcode == Opcode::text ? Breach::text_message : Breach::none;
    }
    Heard heard = Heard::nothing;
    if (breach_ == Breach::none) {
        breach_ = read(piece, command, heard);
    }
    return breach_ == Breach::none ? heard : Heard::breach;
}

Breach CommandReader::read(Piece &piece, Command &command, Heard &heard) noexcept {
    Breach breach = read_header(piece.payload);
    if (breach == Breach::none) {
        breach = read_body(piece.payload, command, heard);
    }
    const bool ends = piece.ends_message && piece.payload.empty() && heard == Heard::nothing;
    if (breach != Breach::none || !ends) {
        return breach;
    }
    piece.ends_message = false;
    breach = end_message(command, heard);
    size_ = 0;
    reading_ = Reading::header;
    return breach;
}

// Tag, length or number: which of them follow is known from the tag.
Breach CommandReader::read_header(std::span<std::uint8_t> &from) noexcept {
    Breach breach = Breach::none;
    while (reading_ == Reading::header && !from.empty() && breach == Breach::none) {
        const std::size_t size = std::min<std::size_t>(wanted_ - size_, from.size());
        std::copy_n(from.begin(), size, header_.begin() + size_);
        size_ = static_cast<std::uint8_t>(size_ + size);
        from = from.subspan(size);
        if (size_ == tag_size) {
            breach = read_tag();
        } else if (size_ == wanted_) {
            breach = begin_bytes();
        }
    }
    return breach;
}

Breach CommandReader::read_tag() noexcept {
    switch (tag()) {
        case Tag::connect_success:
        case Tag::reconnect_success:
            return Breach::gateway_command;
        case Tag::data:
            wanted_ = data_header_size;
            return Breach::none;
        case Tag::ack:
            wanted_ = number_command_size;
            return Breach::none;
        default:
            break;
    }
    if (options_.own_name) {
        return read_own_tag(tag());
    }
    reading_ = Reading::ignored;
    return Breach::none;
}

Breach CommandReader::read_own_tag(Tag tag) noexcept {
    switch (tag) {
        case Tag::limits:
        case Tag::goaway:
            return Breach::gateway_command;
        case Tag::part:
        case Tag::new_sid:
        case Tag::longest:
            wanted_ = data_header_size;
            return Breach::none;
        case Tag::eof:
        case Tag::empty:
            wanted_ = number_command_size;
            return Breach::none;
        default:
            reading_ = Reading::ignored;
            return Breach::none;
    }
}

// The header is whole.
Breach CommandReader::begin_bytes() noexcept {
    if (wanted_ == number_command_size || tag() == Tag::longest) {
        reading_ = Reading::number;
        return Breach::none;
    }
    left_ = length();
    reading_ = tag() == Tag::new_sid ? Reading::sid : Reading::data;
    if (reading_ == Reading::data && left_ > most_data_) {
        return most_data_ == max_data ? Breach::data_too_long : Breach::long_data_too_long;
    }
    if (message_size_ != unknown && message_size_ - data_header_size != left_) {
        return Breach::length_wrong;
    }
    const bool empty_part = tag() == Tag::part && left_ == 0 && keeps_messages();
    return empty_part ? Breach::part_empty : Breach::none;
}

Breach CommandReader::read_body(std::span<std::uint8_t> &from, Command &command,
                                Heard &heard) noexcept {
    if (reading_ == Reading::ignored) {
        from = from.last(0);
    }
    if (from.empty()) {
        return Breach::none;
    }
    if (reading_ == Reading::number || left_ == 0) {
        return Breach::length_wrong;
    }
    const std::size_t size = std::min<std::size_t>(left_, from.size());
    command.bytes = from.first(size);
    command.number = left_;
    from = from.subspan(size);
    command.starts = left_ == length();
    left_ -= static_cast<std::uint32_t>(size);
    heard = reading_ == Reading::sid ? Heard::sid : Heard::data;
    if (heard == Heard::data) {
        note_message(command);
    }
    return Breach::none;
}

// A message for the service ends with its last byte, and not with the frame: whoever has taken all
// its bytes is never sent them again.
void CommandReader::note_message(Command &command) noexcept {
    command.starts = keeps_messages() && !inside_message_;
    command.ends = keeps_messages() && tag() == Tag::data && left_ == 0;
    inside_message_ = keeps_messages() && !command.ends;
}

Breach CommandReader::end_message(Command &command, Heard &heard) noexcept {
    switch (reading_) {
        case Reading::header:
            return size_ < tag_size ? Breach::message_too_short : Breach::length_wrong;
        case Reading::number:
            return end_number(command, heard);
        case Reading::ignored:
            heard = Heard::ignored;
            return Breach::none;
        case Reading::data:
            heard = length() == 0 ? Heard::ignored : Heard::nothing;
            break;
        case Reading::sid:
            heard = Heard::sid;
            command.starts = length() == 0;
            command.ends = true;
            break;
    }
    return left_ == 0 ? Breach::none : Breach::length_wrong;
}

Breach CommandReader::end_number(Command &command, Heard &heard) noexcept {
    command.number = number(tag_size, wanted_ - tag_size);
    switch (tag()) {
        case Tag::ack:
            heard = Heard::ack;
            return Breach::none;
        case Tag::eof:
            heard = Heard::eof;
            return Breach::none;
        case Tag::longest:
            heard = Heard::longest;
            most_data_ = max_long_data;
            return Breach::none;
        default:
            heard = keeps_messages() ? Heard::empty : Heard::ignored;
            return inside_message_ ? Breach::empty_inside_message : Breach::none;
    }
}

std::uint64_t CommandReader::number(std::size_t at, std::size_t size) const noexcept {
    std::uint64_t number = 0;
    for (std::size_t i = at; i < at + size; ++i) {
        number = number << 8U | header_[i];
    }
    return number;
}

}  // namespace ws
