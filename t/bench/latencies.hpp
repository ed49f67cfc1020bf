// Durations by size, so finely that a percentile is right within two percent.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Latencies {
public:
    void add(std::uint64_t ns) {
        ++counts_[slot_of(ns)];
        ++total_;
    }

    [[nodiscard]] double percentile_us(double percent) const {
        auto left = static_cast<std::uint64_t>(static_cast<double>(total_) * percent / 100);
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            if (counts_[slot] > left) {
                return static_cast<double>(value_of(slot)) / 1000;
            }
            left -= counts_[slot];
        }
        return 0;
    }

private:
    // Each power of two is cut into so many parts.
    static constexpr unsigned bits = 6;
    static constexpr std::size_t parts = std::size_t{1} << bits;

    static std::size_t slot_of(std::uint64_t ns) {
        if (ns < parts) {
            return ns;
        }
        const auto shift = static_cast<unsigned>(std::bit_width(ns)) - bits - 1;
        return (shift + 1) * parts + ((ns >> shift) - parts);
    }

    static std::uint64_t value_of(std::size_t slot) {
        if (slot < parts) {
            return slot;
        }
        const std::size_t shift = slot / parts - 1;
        return (parts + slot % parts) << shift;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>((64 - bits + 1) * parts);
    std::uint64_t total_ = 0;
};

}  // namespace bench
