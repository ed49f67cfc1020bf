#include "ngx_ws_filter/ws_framing/framing_length.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ws {
namespace {

constexpr unsigned varint_bits = 7;
constexpr std::uint8_t varint_goes_on = 0x80;

[[nodiscard]] std::size_t varint_size(std::uint64_t length) noexcept {
    std::size_t size = 1;
    while ((length >>= varint_bits) != 0) {
        ++size;
    }
    return size;
}

// The size of the header of a record of this length.
[[nodiscard]] std::size_t header_size(const FramingSettings &settings,
                                      std::uint64_t length) noexcept {
    if (settings.varint) {
        return varint_size(length);
    }
    return settings.length_size + (settings.kind == FramingKind::typed ? 1U : 0U);
}

// What the length says beyond the record.
[[nodiscard]] std::uint64_t counted_too(const FramingSettings &settings) noexcept {
    return settings.counts_itself ? settings.length_size : 0;
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
    const std::size_t header = held() == 0 || whole_ ? 0 : header_size(*settings_, held());
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
    if (settings_->varint) {
        for (; length >= varint_goes_on; length >>= varint_bits) {
            *room.filled++ = static_cast<std::uint8_t>(length | varint_goes_on);
        }
        *room.filled++ = static_cast<std::uint8_t>(length);
        return;
    }
    length += counted_too(*settings_);
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
        if (fault_ == BackendFault::none && header_is_whole()) {
            left_ = length() - counted_too(*settings_);
            header_size_ = 0;
            in_record_ = true;
            return true;
        }
    }
    return false;
}

bool RecordReader::length_is_whole() const noexcept {
    return settings_->varint ? (header_[header_size_ - 1U] & varint_goes_on) == 0
                             : header_size_ == settings_->length_size;
}

bool RecordReader::header_is_whole() const noexcept {
    return settings_->kind == FramingKind::typed ? header_size_ > settings_->length_size
                                                 : length_is_whole();
}

// The rules that can be checked when the last of the bytes so far has come.
BackendFault RecordReader::check_header() const noexcept {
    if (length_is_whole()) {
        const std::uint64_t too = counted_too(*settings_);
        if (length() < too) {
            return BackendFault::record_too_short;
        }
        if (length() - too > settings_->max_record()) {
            return BackendFault::record_too_long;
        }
    } else if (settings_->varint && header_size_ == header_.size()) {
        return BackendFault::record_too_long;
    }
    if (settings_->kind == FramingKind::typed && header_size_ > settings_->length_size) {
        const auto type = static_cast<Opcode>(header_[settings_->length_size]);
        if (type != Opcode::text && type != Opcode::binary) {
            return BackendFault::record_type_unknown;
        }
    }
    return BackendFault::none;
}

std::uint64_t RecordReader::length() const noexcept {
    std::uint64_t length = 0;
    if (settings_->varint) {
        for (unsigned byte = header_size_; byte-- != 0;) {
            length = length << varint_bits | (header_[byte] & ~unsigned{varint_goes_on});
        }
        return length;
    }
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
