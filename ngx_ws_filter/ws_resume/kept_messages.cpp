#include "ngx_ws_filter/ws_resume/kept_messages.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace ws {

bool KeptMessages::append(std::span<const std::uint8_t> part, bool ends_message) noexcept {
    return bytes_.append(part) && (!ends_message || end_message());
}

bool KeptMessages::end_message() noexcept {
    if (last_.position == bytes_.end()) {
        ++last_.empties;
        return true;
    }
    // Nobody asks any more for an end before all bytes that are kept.
    const bool is_known =
        ends_.size() == 0 && last_.position <= bytes_.begin() && last_.empties == 0;
    const auto stored = std::bit_cast<std::array<std::uint8_t, sizeof(End)>>(last_);
    if (!is_known && !ends_.append(stored)) {
        return false;
    }
    last_ = {.position = bytes_.end(), .empties = 0};
    return true;
}

KeptMessages::End KeptMessages::end_at(std::uint64_t place) const noexcept {
    if (place == ends_.end()) {
        return last_;
    }
    std::array<std::uint8_t, sizeof(End)> stored;
    (void)ends_.read(place, stored);
    return std::bit_cast<End>(stored);
}

void KeptMessages::acknowledge(std::uint64_t position) noexcept {
    bytes_.acknowledge(position);
    while (ends_.size() != 0) {
        const End end = end_at(ends_.begin());
        if (end.position > position || (end.position == position && end.empties != 0)) {
            break;
        }
        ordinal_ += end.empties;
        ends_.acknowledge(ends_.begin() + sizeof(End));
    }
    if (ends_.size() == 0 && last_.position < position) {
        ordinal_ += last_.empties;
        last_.empties = 0;
    }
    // The end that was to be sent is known.
    if (cursor_ < ends_.begin() || cursor_ordinal_ < ordinal_) {
        begin_leg();
    }
}

bool KeptMessages::next(std::uint64_t position, std::size_t most, Piece &piece) noexcept {
    End end = end_at(cursor_);
    while (position >= end.position) {
        if (position == end.position && empties_sent_ < end.empties) {
            piece = {.tag = Tag::empty, .number = cursor_ordinal_ + empties_sent_};
            return true;
        }
        if (cursor_ == ends_.end()) {
            return next_unfinished(position, most, piece);
        }
        cursor_ += sizeof(End);
        cursor_ordinal_ += end.empties;
        empties_sent_ = 0;
        end = end_at(cursor_);
    }
    const std::uint64_t left = end.position - position;
    piece = {.tag = left <= most ? Tag::data : Tag::part,
             .number = position,
             .size = std::min<std::uint64_t>(left, most)};
    return true;
}

bool KeptMessages::next_unfinished(std::uint64_t position, std::size_t most,
                                   Piece &piece) const noexcept {
    const std::uint64_t left = bytes_.end() - position;
    if (left <= 1) {
        return false;
    }
    piece = {.tag = Tag::part, .number = position, .size = std::min<std::uint64_t>(left - 1, most)};
    return true;
}

}  // namespace ws
