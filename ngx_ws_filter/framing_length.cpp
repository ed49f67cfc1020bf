#include "ngx_ws_filter/framing_length.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ws {
namespace {

[[nodiscard]] std::size_t header_size(const FramingSettings &settings) noexcept {
    return settings.length_size + (settings.kind == FramingKind::typed ? 1U : 0U);
}

// The bits that a byte of the length is shifted by.
[[nodiscard]] unsigned shift(const FramingSettings &settings, unsigned byte) noexcept {
    return 8 * (settings.little_endian ? byte : settings.length_size - 1U - byte);
}

}  // namespace

bool RecordWriter::wants_memory(bool begins, std::uint64_t length) const noexcept {
    return (begins ? length == unknown : holding_) && held_ == memory_.size();
}

std::size_t RecordWriter::held_in_stream() const noexcept {
    const std::size_t header = held() == 0 || whole_ ? 0 : header_size(*settings_);
    return header + held();
}

void RecordWriter::begin(Opcode opcode, std::uint64_t length, Room &room) noexcept {
    opcode_ = opcode;
    holding_ = length == unknown;
    if (!holding_) {
        put_header(length, room);
    }
}

void RecordWriter::put_header(std::uint64_t length, Room &room) noexcept {
    assert(length <= settings_->max_record());
    for (unsigned byte = 0; byte < settings_->length_size; ++byte) {
        *room.filled++ = static_cast<std::uint8_t>(length >> shift(*settings_, byte));
    }
    if (settings_->kind == FramingKind::typed) {
        *room.filled++ = static_cast<std::uint8_t>(opcode_);
    }
}

Room RecordWriter::space(const Room &room) const noexcept {
    return holding_ ? Room{memory_.data() + held_, memory_.data() + memory_.size()} : room;
}

void RecordWriter::take(std::span<std::uint8_t> bytes, bool ends_message, Room &room) noexcept {
    if (!holding_) {
        room.filled += bytes.size();
        return;
    }
    held_ += bytes.size();
    if (ends_message) {
        put_header(held_, room);
        whole_ = true;
    }
}

bool RecordWriter::drain(Room &room) noexcept {
    if (!whole_) {
        return true;
    }
    const std::size_t size = std::min(free_in(room), held());
    room.filled = std::copy_n(memory_.data() + drained_, size, room.filled);
    drained_ += size;
    if (drained_ != held_) {
        return false;
    }
    held_ = drained_ = 0;
    holding_ = whole_ = false;
    return true;
}

PartStatus RecordReader::next(std::span<const std::uint8_t> &from, Part &part) noexcept {
    if (!in_record_ && !read_header(from)) {
        return fault_ == BackendFault::none ? PartStatus::need_more : PartStatus::fault;
    }
    if (left_ != 0 && from.empty()) {
        return PartStatus::need_more;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, from.size()));
    left_ -= size;
    const bool typed = settings_->kind == FramingKind::typed;
    part = {.opcode =
                typed ? static_cast<Opcode>(header_[settings_->length_size]) : Opcode::continuation,
            .starts_message = !std::exchange(started_, left_ != 0),
            .ends_message = left_ == 0,
            .payload = from.first(size)};
    in_record_ = left_ != 0;
    from = from.subspan(size);
    return PartStatus::part;
}

// Returns whether the header is whole and good.
bool RecordReader::read_header(std::span<const std::uint8_t> &from) noexcept {
    while (fault_ == BackendFault::none && !from.empty()) {
        header_[header_size_++] = from[0];
        from = from.subspan(1);
        fault_ = check_header();
        if (fault_ == BackendFault::none && header_size_ == header_size(*settings_)) {
            left_ = length();
            header_size_ = 0;
            in_record_ = true;
            return true;
        }
    }
    return false;
}

// The rules that can be checked when the last of the bytes so far has come.
BackendFault RecordReader::check_header() const noexcept {
    if (header_size_ == settings_->length_size && length() > settings_->max_record()) {
        return BackendFault::record_too_long;
    }
    if (header_size_ > settings_->length_size) {
        const auto type = static_cast<Opcode>(header_[settings_->length_size]);
        if (type != Opcode::text && type != Opcode::binary) {
            return BackendFault::record_type_unknown;
        }
    }
    return BackendFault::none;
}

std::uint64_t RecordReader::length() const noexcept {
    std::uint64_t length = 0;
    for (unsigned byte = 0; byte < settings_->length_size; ++byte) {
        length |= std::uint64_t{header_[byte]} << shift(*settings_, byte);
    }
    return length;
}

PartStatus RecordReader::finish() noexcept {
    if (fault_ == BackendFault::none && (in_record_ || header_size_ != 0)) {
        fault_ = BackendFault::record_cut;
    }
    return fault_ == BackendFault::none ? PartStatus::need_more : PartStatus::fault;
}

}  // namespace ws
