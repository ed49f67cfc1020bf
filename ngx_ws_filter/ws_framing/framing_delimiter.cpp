#include "ngx_ws_filter/ws_framing/framing_delimiter.hpp"

#include <algorithm>
#include <utility>

namespace ws {
namespace {

[[nodiscard]] bool is_blank(std::span<const std::uint8_t> bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(),
                       [](std::uint8_t byte) { return byte == '\r' || byte == '\n'; });
}

}  // namespace

Room DelimiterWriter::space(const Room &room) const noexcept {
    return {room.filled, room.end - settings_->delimiter.size()};
}

Violation DelimiterWriter::take(std::span<std::uint8_t> bytes, bool ends_message,
                                Room &room) noexcept {
    const Delimiter &delimiter = settings_->delimiter;
    const std::size_t read = delimiter.read(bytes, matched_);
    if (matched_ == delimiter.size()) {
        room.filled += read - 1;
        return Violation::delimiter_inside;
    }
    room.filled += read;
    if (!ends_message) {
        return Violation::none;
    }
    if (ends_early()) {
        return Violation::delimiter_inside;
    }
    const auto end = delimiter.bytes();
    room.filled = std::copy(end.begin(), end.end(), room.filled);
    return Violation::none;
}

// The last byte of the message and the first of the delimiter may make one together.
bool DelimiterWriter::ends_early() const noexcept {
    const Delimiter &delimiter = settings_->delimiter;
    std::size_t matched = matched_;
    return delimiter.read(delimiter.bytes(), matched) != delimiter.size();
}

PartStatus DelimiterReader::next(std::span<const std::uint8_t> &from, Part &part) noexcept {
    if (fault() != BackendFault::none) {
        return PartStatus::fault;
    }
    if (from.empty()) {
        return PartStatus::need_more;
    }
    if (held_ != 0) {
        return resolve_held(from, part);
    }
    const Delimiter &delimiter = message_.settings().delimiter;
    std::size_t matched = 0;
    const std::size_t read = delimiter.read(from, matched);
    const bool ends = matched == delimiter.size();
    const std::span<const std::uint8_t> payload = from.first(read - matched);
    from = from.subspan(read);
    held_ = ends ? 0 : matched;
    return payload.empty() && !ends ? PartStatus::need_more : give(payload, ends, part);
}

// What is held precedes `from`. A match may have begun in it as long as it is longer than what was
// read of `from`.
PartStatus DelimiterReader::resolve_held(std::span<const std::uint8_t> &from, Part &part) noexcept {
    const Delimiter &delimiter = message_.settings().delimiter;
    const std::size_t held = std::exchange(held_, 0);
    std::size_t matched = held;
    std::size_t read = 0;
    while (read < from.size() && matched > read && matched != delimiter.size()) {
        matched = delimiter.next(matched, from[read++]);
    }
    if (matched <= read) {
        return give_held(held, false, part);
    }
    const bool ends = matched == delimiter.size();
    const std::size_t released = held + read - matched;
    from = from.subspan(read);
    held_ = ends ? 0 : matched;
    return released == 0 && !ends ? PartStatus::need_more : give_held(released, ends, part);
}

PartStatus DelimiterReader::finish(Part &part) noexcept {
    if (fault() != BackendFault::none) {
        return PartStatus::fault;
    }
    if (!message_.is_open() && held_ == 0) {
        return PartStatus::need_more;
    }
    const std::size_t held = std::exchange(held_, 0);
    if (!cut_ && blank_ && is_blank(message_.settings().delimiter.bytes().first(held))) {
        return give_held(held, true, part);
    }
    const PartStatus status = held == 0 ? PartStatus::fault : give_held(held, false, part);
    message_.note(BackendFault::message_cut);
    return status;
}

// The held bytes are the first of the delimiter.
PartStatus DelimiterReader::give_held(std::size_t size, bool ends, Part &part) noexcept {
    return give(message_.settings().delimiter.bytes().first(size), ends, part);
}

PartStatus DelimiterReader::give(std::span<const std::uint8_t> payload, bool ends,
                                 Part &part) noexcept {
    blank_ = ends || (blank_ && is_blank(payload));
    return message_.give(payload, ends, BackendFault::message_too_long, part);
}

}  // namespace ws
