// Unmasking of what fits two registers, without a loop. It stands in a header to be inlined, since
// for a short payload the calls take longer than the work.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ws::masking {

// 16 bytes are what every x86-64 and aarch64 has in one register, without asking the processor.
using Block = std::uint32_t __attribute__((vector_size(16)));

template <typename Word>
[[nodiscard]] inline Word load(const std::uint8_t *from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof(Word));
    return word;
}

template <typename Word>
inline void store(std::uint8_t *to, Word word) noexcept {
    std::memcpy(to, &word, sizeof(Word));
}

// The key as bytes later in the payload meet it.
[[nodiscard]] inline std::uint32_t turned(std::uint32_t key, std::size_t bytes) noexcept {
    const int bits = static_cast<int>(bytes % 4 * 8);
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

// A word of the key over and over, or as much of the key as a shorter word has.
template <typename Word>
[[nodiscard]] Word repeated(std::uint32_t key) noexcept;

template <>
inline std::uint8_t repeated<std::uint8_t>(std::uint32_t key) noexcept {
    return std::bit_cast<std::array<std::uint8_t, 4>>(key)[0];
}

template <>
inline std::uint16_t repeated<std::uint16_t>(std::uint32_t key) noexcept {
    return std::bit_cast<std::array<std::uint16_t, 2>>(key)[0];
}

template <>
inline std::uint32_t repeated<std::uint32_t>(std::uint32_t key) noexcept {
    return key;
}

template <>
inline std::uint64_t repeated<std::uint64_t>(std::uint32_t key) noexcept {
    return std::uint64_t{key} << 32U | key;
}

template <>
inline Block repeated<Block>(std::uint32_t key) noexcept {
    return Block{key, key, key, key};
}

// One to two words. They may share bytes, which works in place because both are loaded before one
// is stored.
template <typename Word>
inline void unmask_ends(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                        std::uint32_t key) noexcept {
    const std::size_t last = size - sizeof(Word);
    const Word head = load<Word>(from) ^ repeated<Word>(key);
    const Word tail = load<Word>(from + last) ^ repeated<Word>(turned(key, last));
    store(to, head);
    store(to + last, tail);
}

// At most two blocks.
inline void unmask_short(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                         std::uint32_t key) noexcept {
    if (size >= sizeof(Block)) {
        unmask_ends<Block>(to, from, size, key);
        return;
    }
    if (size >= sizeof(std::uint64_t)) {
        unmask_ends<std::uint64_t>(to, from, size, key);
        return;
    }
    if (size >= sizeof(std::uint32_t)) {
        unmask_ends<std::uint32_t>(to, from, size, key);
        return;
    }
    if (size >= sizeof(std::uint16_t)) {
        unmask_ends<std::uint16_t>(to, from, size, key);
        return;
    }
    if (size != 0) {
        *to = *from ^ repeated<std::uint8_t>(key);
    }
}

}  // namespace ws::masking
