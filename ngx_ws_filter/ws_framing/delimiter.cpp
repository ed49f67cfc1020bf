#include "ngx_ws_filter/ws_framing/delimiter.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

#include "ngx_ws_filter/ws_handshake/ascii.hpp"

namespace ws {
namespace {

// Takes two hexadecimal digits off the front of the text. False if they are none.
[[nodiscard]] bool take_hex(std::string_view &text, std::uint8_t &byte) noexcept {
    const std::size_t size = std::min<std::size_t>(text.size(), 2);
    const char *end = text.data() + size;
    const auto [read, error] = std::from_chars(text.data(), end, byte, 16);
    text.remove_prefix(size);
    return size == 2 && error == std::errc{} && read == end;
}

// Takes one byte off the front of the text, which is not empty. False if it is escaped as none.
[[nodiscard]] bool take_byte(std::string_view &text, std::uint8_t &byte) noexcept {
    byte = static_cast<std::uint8_t>(text.front());
    text.remove_prefix(1);
    if (byte != '\\') {
        return true;
    }
    if (text.empty()) {
        return false;
    }
    const char escape = text.front();
    text.remove_prefix(1);
    switch (escape) {
        case '0':
            byte = 0;
            return text.empty() || !is_digit(text.front());  // no octal number
        case 't':
            byte = '\t';
            return true;
        case 'r':
            byte = '\r';
            return true;
        case 'n':
            byte = '\n';
            return true;
        case '\\':
            return true;
        case 'x':
            return take_hex(text, byte);
        default:
            return false;
    }
}

}  // namespace

Delimiter::Delimiter(std::span<const std::uint8_t> bytes) noexcept
    : size_(static_cast<std::uint8_t>(bytes.size())) {
    assert(!bytes.empty() && bytes.size() <= max_size);
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
    for (std::size_t i = 1; i < size_; ++i) {
        border_[i] = static_cast<std::uint8_t>(next(border_[i - 1], bytes_[i]));
    }
}

bool Delimiter::parse(std::string_view text) noexcept {
    std::array<std::uint8_t, max_size> bytes;
    std::size_t size = 0;
    while (!text.empty()) {
        if (size == max_size || !take_byte(text, bytes[size++])) {
            return false;
        }
    }
    if (size == 0) {
        return false;
    }
    *this = Delimiter(std::span{bytes}.first(size));
    return true;
}

std::size_t Delimiter::next(std::size_t matched, std::uint8_t byte) const noexcept {
    while (matched != 0 && bytes_[matched] != byte) {
        matched = border_[matched - 1];
    }
    return bytes_[matched] == byte ? matched + 1 : 0;
}

std::size_t Delimiter::read(std::span<const std::uint8_t> from,
                            std::size_t &matched) const noexcept {
    std::size_t at = 0;
    while (at < from.size()) {
        if (matched == 0) {
            const void *first = std::memchr(from.data() + at, bytes_[0], from.size() - at);
            if (first == nullptr) {
                return from.size();
            }
            at = static_cast<std::size_t>(static_cast<const std::uint8_t *>(first) - from.data());
        }
        matched = next(matched, from[at++]);
        if (matched == size_) {
            break;
        }
    }
    return at;
}

}  // namespace ws
