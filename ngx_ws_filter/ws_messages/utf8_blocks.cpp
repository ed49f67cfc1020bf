#include "ngx_ws_filter/ws_messages/utf8_blocks.hpp"

#if defined(__x86_64__)

#include <algorithm>
#include <array>

#include <immintrin.h>

namespace ws {
namespace {

// Two bytes that stand side by side are judged by three lookups of four bits each: both halves of
// the first byte and the upper half of the second. J. Keiser and D. Lemire, "Validating UTF-8 In
// Less Than One Instruction Per Byte", 2021.
struct Pair {
    unsigned upper;   // bit n: the upper half of the first byte may be n
    unsigned lower;   // the same of its lower half
    unsigned second;  // and of the upper half of the second byte
};

// No valid text has one of these pairs, except the last one.
constexpr std::array<Pair, 8> wrong_pairs{{
    {0x00ff, 0xffff, 0x0f00},  // a continuation behind ASCII
    {0xf000, 0xffff, 0xf0ff},  // none behind a first byte
    {0x1000, 0x0003, 0x0f00},  // c0, c1: overlong
    {0x4000, 0x0001, 0x0300},  // e0 80 to e0 9f: overlong
    {0x4000, 0x2000, 0x0c00},  // ed a0 to ed bf: surrogates
    {0x8000, 0xffe1, 0x0100},  // f0 80 to f0 8f: overlong, and what begins with f5 to ff
    {0x8000, 0xfff0, 0x0e00},  // f4 90 and above: beyond U+10FFFF
    {0x0f00, 0xffff, 0x0f00},  // two continuations, right only in the last half of a code point
}};
constexpr char two_continuations = static_cast<char>(0x80);  // the bit of that pair

using Table = std::array<std::uint8_t, 16>;

[[nodiscard]] consteval Table table_of(unsigned Pair::*half) noexcept {
    Table table{};
    for (std::size_t pair = 0; pair < wrong_pairs.size(); ++pair) {
        for (std::size_t value = 0; value < table.size(); ++value) {
            const unsigned bit = (wrong_pairs[pair].*half >> value & 1U) << pair;
            table[value] = static_cast<std::uint8_t>(table[value] | bit);
        }
    }
    return table;
}

constexpr Table upper_table = table_of(&Pair::upper);
constexpr Table lower_table = table_of(&Pair::lower);
constexpr Table second_table = table_of(&Pair::second);

constexpr std::size_t vector_size = 32;
constexpr std::size_t least_size = 64;

[[gnu::target("avx2")]] __m256i load(const std::uint8_t *from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
}

[[gnu::target("avx2")]] __m256i look_up(const Table &table, __m256i indices) noexcept {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i *>(table.data()));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), indices);
}

[[gnu::target("avx2")]] __m256i upper_half(__m256i bytes) noexcept {
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
}

[[gnu::target("avx2")]] __m256i lower_half(__m256i bytes) noexcept {
    return _mm256_and_si256(bytes, _mm256_set1_epi8(0x0f));
}

// The result is not zero where a byte cannot follow the three before it, each given in a vector of
// its own.
[[gnu::target("avx2")]] __m256i errors(__m256i bytes, __m256i before, __m256i second_before,
                                       __m256i third_before) noexcept {
    const __m256i wrong =
        _mm256_and_si256(_mm256_and_si256(look_up(upper_table, upper_half(before)),
                                          look_up(lower_table, lower_half(before))),
                         look_up(second_table, upper_half(bytes)));
    // At least 0x80 where a second or third continuation has to stand, by what the first byte says.
    const __m256i third = _mm256_subs_epu8(second_before, _mm256_set1_epi8(0xe0 - 0x80));
    const __m256i fourth = _mm256_subs_epu8(third_before, _mm256_set1_epi8(0xf0 - 0x80));
    const __m256i wanted =
        _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(two_continuations));
    return _mm256_xor_si256(wrong, wanted);
}

[[gnu::target("avx2")]] __m256i errors_at(const std::uint8_t *at) noexcept {
    return errors(load(at), load(at - 1), load(at - 2), load(at - 3));
}

// Finds errors where nothing stands before the text, which is as good as ASCII.
[[gnu::target("avx2")]] __m256i errors_at_the_beginning(const std::uint8_t *text) noexcept {
    const __m256i bytes = load(text);
    const __m256i carried = _mm256_permute2x128_si256(bytes, bytes, 0x08);  // 0, lower half
    return errors(bytes, _mm256_alignr_epi8(bytes, carried, 15),
                  _mm256_alignr_epi8(bytes, carried, 14), _mm256_alignr_epi8(bytes, carried, 13));
}

[[gnu::target("avx2")]] bool is_zero(__m256i vector) noexcept {
    return _mm256_testz_si256(vector, vector) != 0;
}

[[gnu::target("avx2")]] bool is_ascii(__m256i bytes) noexcept {
    return _mm256_movemask_epi8(bytes) == 0;
}

// How many bytes before `end` a code point has that goes on behind it, by what its first says.
[[nodiscard]] std::size_t unfinished(const std::uint8_t *end) noexcept {
    if (end[-1] >= 0xc0) {
        return 1;
    }
    if (end[-2] >= 0xe0) {
        return 2;
    }
    return end[-3] >= 0xf0 ? 3 : 0;
}

[[gnu::target("avx2")]] std::size_t judge(const std::uint8_t *text, std::size_t size) noexcept {
    if (!is_zero(errors_at_the_beginning(text))) {
        return 0;
    }
    const std::size_t end = size - unfinished(text + size);
    std::size_t at = vector_size;
    bool after_ascii = false;
    for (; end - at >= 2 * vector_size; at += 2 * vector_size) {
        const std::uint8_t *first = text + at;
        const std::uint8_t *second = first + vector_size;
        const bool ascii = is_ascii(_mm256_or_si256(load(first), load(second)));
        if (ascii && after_ascii) {
            continue;
        }
        if (!is_zero(_mm256_or_si256(errors_at(first), errors_at(second)))) {
            return at - unfinished(first);
        }
        after_ascii = ascii;
    }
    // The last vector may begin in what was judged before: a text is not read beyond its end.
    while (at != end) {
        const std::size_t next = std::min(at + vector_size, end);
        if (!is_zero(errors_at(text + next - vector_size))) {
            return at - unfinished(text + at);
        }
        at = next;
    }
    return end - unfinished(text + end);  // one that is cut may stand before the cut one
}

}  // namespace

std::size_t whole_code_points(const std::uint8_t *text, std::size_t size) noexcept {
    if (size < least_size || !__builtin_cpu_supports("avx2")) {
        return 0;
    }
    return judge(text, size);
}

}  // namespace ws

#else

namespace ws {

std::size_t whole_code_points(const std::uint8_t *, std::size_t) noexcept {
    return 0;
}

}  // namespace ws

#endif
