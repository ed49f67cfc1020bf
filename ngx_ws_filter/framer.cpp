#include "ngx_ws_filter/framer.hpp"

namespace ws {

void Framer::begin(Opcode opcode, std::uint64_t length, Room &room) noexcept {
    if (settings_->has_records()) {
        record_writer_.begin(opcode, length, room);
        return;
    }
    line_writer_.begin();
}

Room Framer::space(const Room &room) const noexcept {
    return settings_->has_records() ? record_writer_.space(room) : line_writer_.space(room);
}

Violation Framer::take(std::span<std::uint8_t> bytes, bool ends_message, Room &room) noexcept {
    if (settings_->has_records()) {
        record_writer_.take(bytes, ends_message, room);
        return Violation::none;
    }
    return line_writer_.take(bytes, ends_message, room);
}

PartStatus Framer::next(std::span<const std::uint8_t> &from, Part &part) noexcept {
    return settings_->has_records() ? record_reader_.next(from, part)
                                    : line_reader_.next(from, part);
}

PartStatus Framer::finish(Part &part) noexcept {
    return settings_->has_records() ? record_reader_.finish() : line_reader_.finish(part);
}

BackendFault Framer::fault() const noexcept {
    return settings_->has_records() ? record_reader_.fault() : line_reader_.fault();
}

}  // namespace ws
