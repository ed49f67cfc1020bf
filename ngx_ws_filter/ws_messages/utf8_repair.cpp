#include "ngx_ws_filter/ws_messages/utf8_repair.hpp"

#include <algorithm>

namespace ws {

std::span<std::uint8_t> Utf8Repair::take(std::span<const std::uint8_t> bytes,
                                         std::span<std::uint8_t> room) noexcept {
    std::uint8_t *to = room.data();
    for (;;) {
        const bool good = validator_.take(bytes);
        to = take_good(bytes.first(validator_.valid()), to);
        bytes = bytes.subspan(validator_.valid());
        if (good) {
            break;
        }
        // The byte that cannot go on with what is held may begin something itself.
        bytes = bytes.subspan(held_size_ == 0 ? 1 : 0);
        to = std::copy(replacement.begin(), replacement.end(), to);
        held_size_ = 0;
        validator_.reset();
    }
    return room.first(static_cast<std::size_t>(to - room.data()));
}

// What was held and these bytes, less what is to be held now.
std::uint8_t *Utf8Repair::take_good(std::span<const std::uint8_t> good, std::uint8_t *to) noexcept {
    const std::size_t cut = validator_.pending();
    const std::size_t whole = held_size_ + good.size() - cut;
    if (whole != 0) {
        to = std::copy_n(held_.begin(), held_size_, to);
        to = std::copy_n(good.begin(), whole - held_size_, to);
        good = good.subspan(whole - held_size_);
        held_size_ = 0;
    }
    std::copy(good.begin(), good.end(), held_.begin() + static_cast<std::ptrdiff_t>(held_size_));
    held_size_ = static_cast<std::uint8_t>(cut);
    return to;
}

std::span<std::uint8_t> Utf8Repair::finish(std::span<std::uint8_t> room) noexcept {
    const std::span<std::uint8_t> written = room.first(held_size_ == 0 ? 0 : replacement.size());
    std::copy_n(replacement.begin(), written.size(), written.begin());
    *this = {};
    return written;
}

}  // namespace ws
