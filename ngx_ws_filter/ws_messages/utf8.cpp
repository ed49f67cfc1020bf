#include "ngx_ws_filter/ws_messages/utf8.hpp"

#include "ngx_ws_filter/ws_messages/utf8_blocks.hpp"

#include <cstring>

namespace ws {
namespace {

constexpr std::uint8_t first_non_ascii = 0x80;

// How many bytes at the beginning are ASCII.
[[nodiscard]] std::size_t ascii_prefix(const std::uint8_t *text, std::size_t size) noexcept {
    std::size_t at = 0;
    for (; size - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, text + at, sizeof(word));
        if ((word & 0x8080808080808080U) != 0) {
            break;
        }
    }
    while (at < size && text[at] < first_non_ascii) {
        ++at;
    }
    return at;
}

}  // namespace

// Only the byte after the first is restricted further, to keep out overlong forms, surrogates and
// what is above U+10FFFF: RFC 3629, section 4.
bool Utf8Validator::CodePoint::begin(std::uint8_t byte) noexcept {
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    taken = 1;
    if (byte < 0xe0) {
        missing = 1;
        return true;
    }
    if (byte < 0xf0) {
        missing = 2;
        lowest = byte == 0xe0 ? 0xa0 : lowest;
        highest = byte == 0xed ? 0x9f : highest;
        return true;
    }
    missing = 3;
    lowest = byte == 0xf0 ? 0x90 : lowest;
    highest = byte == 0xf4 ? 0x8f : highest;
    return true;
}

bool Utf8Validator::CodePoint::go_on(std::uint8_t byte) noexcept {
    if (byte < lowest || byte > highest) {
        return false;
    }
    lowest = 0x80;
    highest = 0xbf;
    --missing;
    taken = missing == 0 ? 0 : static_cast<std::uint8_t>(taken + 1);
    return true;
}

bool Utf8Validator::take(std::span<const std::uint8_t> bytes) noexcept {
    valid_ = 0;
    if (failed_) {
        return false;
    }
    const std::uint8_t *text = bytes.data();
    CodePoint last = last_;  // a copy, which the bytes cannot alias
    std::size_t at = 0;
    for (; at < bytes.size() && last.missing != 0 && last.go_on(text[at]); ++at) {
    }
    if (last.missing == 0) {
        at += whole_code_points(text + at, bytes.size() - at);
    }
    while (at < bytes.size()) {
        if (last.missing == 0 && text[at] < first_non_ascii) {
            at += ascii_prefix(text + at, bytes.size() - at);
            continue;
        }
        if (!(last.missing == 0 ? last.begin(text[at]) : last.go_on(text[at]))) {
            failed_ = true;
            break;
        }
        ++at;
    }
    last_ = last;
    valid_ = at;
    return !failed_;
}

void Utf8Validator::reset() noexcept {
    *this = {};
}

std::size_t cut_code_point(std::span<const std::uint8_t> text) noexcept {
    for (std::size_t size = 1; size <= 3 && size <= text.size(); ++size) {
        const std::span<const std::uint8_t> tail = text.last(size);
        if (tail[0] < first_non_ascii) {
            return 0;
        }
        Utf8Validator validator;
        if (validator.take(tail)) {
            return validator.pending();
        }
    }
    return 0;
}

}  // namespace ws
