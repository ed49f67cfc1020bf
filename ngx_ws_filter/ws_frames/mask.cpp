#include "ngx_ws_filter/ws_frames/mask.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ws {
namespace {

using namespace masking;

void unmask_blocks(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                   std::uint32_t key) noexcept {
    // What a round stores ends at or before the first byte that the next one loads.
    const Block mask = repeated<Block>(key);
    for (; size >= 4 * sizeof(Block); size -= 4 * sizeof(Block)) {
        const Block first = load<Block>(from) ^ mask;
        const Block second = load<Block>(from + sizeof(Block)) ^ mask;
        const Block third = load<Block>(from + 2 * sizeof(Block)) ^ mask;
        const Block fourth = load<Block>(from + 3 * sizeof(Block)) ^ mask;
        store(to, first);
        store(to + sizeof(Block), second);
        store(to + 2 * sizeof(Block), third);
        store(to + 3 * sizeof(Block), fourth);
        to += 4 * sizeof(Block);
        from += 4 * sizeof(Block);
    }
    for (; size > 2 * sizeof(Block); size -= sizeof(Block)) {
        store(to, load<Block>(from) ^ mask);
        to += sizeof(Block);
        from += sizeof(Block);
    }
    unmask_short(to, from, size, key);
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] __m256i load_wide(const std::uint8_t *from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
}

[[gnu::target("avx2")]] void store_wide(std::uint8_t *to, __m256i vector) noexcept {
    _mm256_store_si256(reinterpret_cast<__m256i *>(to), vector);
}

// Unmasks a multiple of four vectors, and returns how much that was. `to` is aligned: it is the
// storing that takes the time, and more of it across two cache lines.
[[gnu::target("avx2")]] std::size_t unmask_wide(std::uint8_t *to, const std::uint8_t *from,
                                                std::size_t size, std::uint32_t key) noexcept {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(key));
    std::size_t at = 0;
    for (; size - at >= 4 * sizeof(mask); at += 4 * sizeof(mask)) {
        const __m256i first = _mm256_xor_si256(load_wide(from + at), mask);
        const __m256i second = _mm256_xor_si256(load_wide(from + at + 32), mask);
        const __m256i third = _mm256_xor_si256(load_wide(from + at + 64), mask);
        const __m256i fourth = _mm256_xor_si256(load_wide(from + at + 96), mask);
        store_wide(to + at, first);
        store_wide(to + at + 32, second);
        store_wide(to + at + 64, third);
        store_wide(to + at + 96, fourth);
    }
    return at;
}

void unmask_large(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                  std::uint32_t key) noexcept {
    std::size_t done = -reinterpret_cast<std::uintptr_t>(to) % sizeof(__m256i);
    unmask_short(to, from, done, key);
    done += unmask_wide(to + done, from + done, size - done, turned(key, done));
    unmask_blocks(to + done, from + done, size - done, turned(key, done));
}

#endif

}  // namespace

void unmask_long(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                 std::uint32_t key) noexcept {
#if defined(__x86_64__)
    // For less it does not pay to ask the processor.
    constexpr std::size_t large_size = 512;
    if (size >= large_size && __builtin_cpu_supports("avx2")) {
        unmask_large(to, from, size, key);
        return;
    }
#endif
    unmask_blocks(to, from, size, key);
}

}  // namespace ws
