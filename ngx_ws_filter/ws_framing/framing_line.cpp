#include "ngx_ws_filter/ws_framing/framing_line.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace ws {
namespace {

constexpr std::uint8_t cr = '\r';
constexpr std::uint8_t lf = '\n';
constexpr std::array<std::uint8_t, 1> lone_cr{cr};

// Both look at one byte at least, and are the size if there is none.

[[nodiscard]] std::size_t find_lf(std::span<const std::uint8_t> bytes) noexcept {
    const void *found = std::memchr(bytes.data(), lf, bytes.size());
    return found == nullptr
               ? bytes.size()
               : static_cast<std::size_t>(static_cast<const std::uint8_t *>(found) - bytes.data());
}

// Each byte is looked at once, however many of either kind there are.
[[nodiscard]] std::size_t find_cr_or_lf(std::span<const std::uint8_t> bytes) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t tops = 0x8080808080808080U;
    std::size_t at = 0;
    for (; bytes.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + at, sizeof(word));
        const std::uint64_t no_cr = word ^ ones * cr;
        const std::uint64_t no_lf = word ^ ones * lf;
        // A top bit is set in each byte that became zero.
        if ((((no_cr - ones) & ~no_cr) | ((no_lf - ones) & ~no_lf)) & tops) {
            break;
        }
    }
    while (at < bytes.size() && bytes[at] != cr && bytes[at] != lf) {
        ++at;
    }
    return at;
}

}  // namespace

void LineWriter::begin() noexcept {
    size_ = 0;
    ended_ = false;
    after_cr_ = false;
}

// A line end is at most two bytes. Where one byte can become two, the message stands at the end of
// the room, so far behind what is written that it is never reached.
Room LineWriter::space(const Room &room) const noexcept {
    const std::size_t free = free_in(room) - 2;
    return grows() ? Room{room.end - free / 2, room.end} : Room{room.filled, room.filled + free};
}

Violation LineWriter::take(std::span<std::uint8_t> bytes, bool ends_message, Room &room) noexcept {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes[0] == lf) {
            bytes = bytes.subspan(1);
            continue;
        }
        const std::size_t size = find_end(bytes);
        Violation violation = put(bytes.first(size), room);
        if (violation == Violation::none && size != bytes.size()) {
            violation = end_inside(bytes[size], room);
        }
        if (violation != Violation::none) {
            return violation;
        }
        bytes = bytes.subspan(size == bytes.size() ? size : size + 1);
    }
    if (ends_message && !ended_) {
        put_end(room);
    }
    return Violation::none;
}

std::size_t LineWriter::find_end(std::span<const std::uint8_t> bytes) const noexcept {
    return settings_->crlf ? find_cr_or_lf(bytes) : find_lf(bytes);
}

Violation LineWriter::put(std::span<const std::uint8_t> bytes, Room &room) noexcept {
    if (bytes.empty()) {
        return Violation::none;
    }
    const std::uint64_t left = settings_->max - size_;
    const bool too_long = settings_->max != 0 && bytes.size() > left;
    const std::size_t size = too_long ? static_cast<std::size_t>(left) : bytes.size();
    if (room.filled != bytes.data()) {
        std::memmove(room.filled, bytes.data(), size);
    }
    room.filled += size;
    size_ += size;
    ended_ = false;
    return too_long ? Violation::line_too_long : Violation::none;
}

Violation LineWriter::end_inside(std::uint8_t byte, Room &room) noexcept {
    if (!settings_->split) {
        return Violation::line_end_inside;
    }
    after_cr_ = byte == cr;
    put_end(room);
    return Violation::none;
}

void LineWriter::put_end(Room &room) noexcept {
    if (settings_->crlf) {
        *room.filled++ = cr;
    }
    *room.filled++ = lf;
    size_ = 0;
    ended_ = true;
}

PartStatus LineReader::next(std::span<const std::uint8_t> &from, Part &part) noexcept {
    if (fault() != BackendFault::none) {
        return PartStatus::fault;
    }
    if (from.empty()) {
        return PartStatus::need_more;
    }
    if (std::exchange(cr_held_, false) && from[0] != lf) {
        return give(lone_cr, false, part);
    }
    const std::size_t size = find_lf(from);
    const bool ends = size != from.size();
    std::span<const std::uint8_t> payload = from.first(size);
    from = from.subspan(ends ? size + 1 : size);
    if (message_.settings().crlf && !payload.empty() && payload.back() == cr) {
        payload = payload.first(size - 1);
        cr_held_ = !ends;
    }
    return payload.empty() && !ends ? PartStatus::need_more : give(payload, ends, part);
}

PartStatus LineReader::finish(Part &part) noexcept {
    if (fault() != BackendFault::none) {
        return PartStatus::fault;
    }
    if (std::exchange(cr_held_, false)) {
        return give(lone_cr, true, part);
    }
    return message_.is_open() ? give({}, true, part) : PartStatus::need_more;
}

void LineReader::cut() noexcept {
    if (message_.is_open() || cr_held_) {
        message_.note(BackendFault::line_cut);
    }
}

}  // namespace ws
