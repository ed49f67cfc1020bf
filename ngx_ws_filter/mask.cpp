#include "ngx_ws_filter/mask.hpp"

#include <bit>
#include <cstring>

namespace ws {
namespace {

// 16 bytes are what every x86-64 and aarch64 has in one register, without asking the processor.
using Block = std::uint32_t __attribute__((vector_size(16)));

template <typename Word>
[[nodiscard]] Word load(const std::uint8_t *from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof(Word));
    return word;
}

template <typename Word>
void store(std::uint8_t *to, Word word) noexcept {
    std::memcpy(to, &word, sizeof(Word));
}

template <typename Word>
[[nodiscard]] Word repeated(std::uint32_t key) noexcept;

template <>
std::uint32_t repeated<std::uint32_t>(std::uint32_t key) noexcept {
    return key;
}

template <>
std::uint64_t repeated<std::uint64_t>(std::uint32_t key) noexcept {
    return std::uint64_t{key} << 32U | key;
}

template <>
Block repeated<Block>(std::uint32_t key) noexcept {
    return Block{key, key, key, key};
}

// The key as bytes later in the payload meet it.
[[nodiscard]] std::uint32_t turned(std::uint32_t key, std::size_t bytes) noexcept {
    const int bits = static_cast<int>(bytes % 4 * 8);
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

// One to two words, without a loop: the words may share bytes, which works in place because both
// are loaded before one is stored.
template <typename Word>
void unmask_ends(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
                 std::uint32_t key) noexcept {
    const std::size_t last = size - sizeof(Word);
    const Word head = load<Word>(from) ^ repeated<Word>(key);
    const Word tail = load<Word>(from + last) ^ repeated<Word>(turned(key, last));
    store(to, head);
    store(to + last, tail);
}

// At most two blocks.
void unmask_short(std::uint8_t *to, const std::uint8_t *from, std::size_t size,
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
    const auto bytes = std::bit_cast<MaskingKey>(key);
    for (std::size_t i = 0; i < size; ++i) {
        to[i] = from[i] ^ bytes[i];
    }
}

}  // namespace

unsigned unmask(std::uint8_t *to, const std::uint8_t *from, std::size_t size, MaskingKey key,
                unsigned phase) noexcept {
    const std::uint32_t turned_key = turned(std::bit_cast<std::uint32_t>(key), phase);
    const auto next_phase = static_cast<unsigned>((phase + size) % 4);
    const Block mask = repeated<Block>(turned_key);

    // What a round stores ends at or before the first byte that the next one loads.
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
    unmask_short(to, from, size, turned_key);
    return next_phase;
}

}  // namespace ws
