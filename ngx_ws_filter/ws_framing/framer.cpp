#include "ngx_ws_filter/ws_framing/framer.hpp"

namespace ws {

void Framer::begin(Opcode opcode, std::uint64_t length, Room &room) noexcept {
    if (settings_->has_records()) {
        record_writer_.begin(opcode, length, room);
    } else if (settings_->kind == FramingKind::delimiter) {
        delimiter_writer_.begin();
    } else {
        line_writer_.begin();
    }
}

Room Framer::space(const Room &room) const noexcept {
    if (settings_->has_records()) {
        return record_writer_.space(room);
    }
    return settings_->kind == FramingKind::delimiter ? delimiter_writer_.space(room)
                                                     : line_writer_.space(room);
}

Violation Framer::take(std::span<std::uint8_t> bytes, bool ends_message, Room &room) noexcept {
    if (settings_->has_records()) {
        record_writer_.take(bytes, ends_message, room);
        return Violation::none;
    }
    return settings_->kind == FramingKind::delimiter
               ? delimiter_writer_.take(bytes, ends_message, room)
               : line_writer_.take(bytes, ends_message, room);
}

PartStatus Framer::next(std::span<const std::uint8_t> &from, Part &part) noexcept {
    if (settings_->has_records()) {
        return record_reader_.next(from, part);
    }
    return settings_->kind == FramingKind::delimiter ? delimiter_reader_.next(from, part)
                                                     : line_reader_.next(from, part);
}

void Framer::cut() noexcept {
    if (settings_->kind == FramingKind::delimiter) {
        delimiter_reader_.cut();
    } else {
        line_reader_.cut();
    }
}

PartStatus Framer::finish(Part &part) noexcept {
    if (settings_->has_records()) {
        return record_reader_.finish();
    }
    return settings_->kind == FramingKind::delimiter ? delimiter_reader_.finish(part)
                                                     : line_reader_.finish(part);
}

BackendFault Framer::fault() const noexcept {
    if (settings_->has_records()) {
        return record_reader_.fault();
    }
    return settings_->kind == FramingKind::delimiter ? delimiter_reader_.fault()
                                                     : line_reader_.fault();
}

}  // namespace ws
