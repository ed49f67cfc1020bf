// The payload of all loads: an endless stream whose every byte is known, checked with memcmp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bench {

// Small enough to stay in the cache, so that checking is cheaper than what is measured.
constexpr std::size_t pattern_period = 65536;

// The stream from `offset` on. So many bytes as the period has can be read there.
[[nodiscard]] const std::uint8_t *pattern_at(std::uint64_t offset);

[[nodiscard]] bool matches_pattern(std::span<const std::uint8_t> bytes, std::uint64_t offset);

}  // namespace bench
