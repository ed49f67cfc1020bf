#include "t/bench/pattern.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace bench {

namespace {

// Twice the period, so that a run of one period has no seam wherever it begins.
using Bytes = std::array<std::uint8_t, 2 * pattern_period>;

Bytes make_bytes() {
    Bytes bytes;
    std::uint32_t state = 2463534242;
    for (std::size_t i = 0; i < pattern_period; ++i) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = bytes[i + pattern_period] = static_cast<std::uint8_t>(state >> 24);
    }
    return bytes;
}

const Bytes pattern = make_bytes();

}  // namespace

const std::uint8_t *pattern_at(std::uint64_t offset) {
    return pattern.data() + offset % pattern_period;
}

bool matches_pattern(std::span<const std::uint8_t> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), pattern_period);
        if (std::memcmp(bytes.data(), pattern_at(offset), size) != 0) {
            return false;
        }
        bytes = bytes.subspan(size);
        offset += size;
    }
    return true;
}

}  // namespace bench
