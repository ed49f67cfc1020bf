// UTF-8 judged slowly: by the code points that a beginning of their encoding can still become.
#pragma once

#include "t/fuzz/fuzz.hpp"

namespace fuzz {

struct Utf8Judgement {
    std::size_t valid;    // bytes before the first impossible one
    std::size_t pending;  // of them, those of a code point that is not finished
};

// Whether a code point of `size` bytes can begin with `begin`. RFC 3629, section 3: the bits are
// filled in, and the shortest form is the only one.
[[nodiscard]] inline bool can_begin(Bytes begin, std::size_t size) {
    constexpr std::uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    constexpr std::uint32_t first_mark[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    const std::uint32_t first_bits = size == 1 ? 7 : 7 - static_cast<std::uint32_t>(size);
    if (std::uint32_t{begin[0]} >> first_bits != first_mark[size] >> first_bits) {
        return false;
    }
    std::uint32_t least = begin[0] & ((1U << first_bits) - 1);
    std::uint32_t most = least;
    for (std::size_t i = 1; i < size; ++i) {
        if (i < begin.size() && (begin[i] & 0xc0U) != 0x80) {
            return false;
        }
        least = least << 6U | (i < begin.size() ? begin[i] & 0x3fU : 0x00U);
        most = most << 6U | (i < begin.size() ? begin[i] & 0x3fU : 0x3fU);
    }
    least = std::max(least, lowest[size]);
    most = std::min(most, std::uint32_t{0x10ffff});
    return least <= most && !(least >= 0xd800 && most <= 0xdfff);
}

[[nodiscard]] inline Utf8Judgement judge_utf8(Bytes text) {
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= text.size(); ++end) {
        const Bytes point = text.subspan(begin, end - begin);
        bool possible = false;
        bool finished = false;
        for (std::size_t size = point.size(); size <= 4; ++size) {
            possible = possible || can_begin(point, size);
            finished = finished || (size == point.size() && can_begin(point, size));
        }
        if (!possible) {
            return {end - 1, end - 1 - begin};
        }
        begin = finished ? end : begin;
    }
    return {text.size(), text.size() - begin};
}

// The same bytes with U+FFFD for each part that is none, of a text that ends here or goes on.
[[nodiscard]] inline std::string repair_utf8(std::string_view text, bool ends) {
    constexpr std::string_view replacement = "\xef\xbf\xbd";
    std::string repaired;
    while (!text.empty()) {
        const Utf8Judgement judgement = judge_utf8(bytes(text));
        repaired += text.substr(0, judgement.valid - judgement.pending);
        if (judgement.valid == text.size()) {
            repaired += ends && judgement.pending != 0 ? replacement : "";
            break;
        }
        repaired += replacement;
        text.remove_prefix(judgement.valid + (judgement.pending == 0 ? 1 : 0));
    }
    return repaired;
}

}  // namespace fuzz
