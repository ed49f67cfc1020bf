// What a simulated run is made of: a seed, a clock, and a judge.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace sim {

using Bytes = std::span<const std::uint8_t>;

[[nodiscard]] inline std::string_view text(Bytes bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline Bytes bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

[[nodiscard]] inline std::span<std::uint8_t> writable(std::string &text) {
    return {reinterpret_cast<std::uint8_t *>(text.data()), text.size()};
}

// All chance of one run.
class Random {
public:
    explicit Random(std::uint64_t seed) : seed_(seed), engine_(seed) {}

    [[nodiscard]] std::uint64_t seed() const { return seed_; }

    // 0 to n - 1.
    [[nodiscard]] std::size_t below(std::size_t n) { return n == 0 ? 0 : engine_() % n; }
    [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }

    // 0 to most, mostly small.
    [[nodiscard]] std::size_t size(std::size_t most) {
        return below(std::min(most, std::size_t{1} << below(20)) + 1);
    }

    template <typename Value, std::size_t count>
    [[nodiscard]] const Value &one_of(const Value (&values)[count]) {
        return values[below(count)];
    }

private:
    std::uint64_t seed_;
    std::mt19937_64 engine_;
};

// Ends the program where something does not hold; the line is that of the caller.
class Judge {
public:
    explicit Judge(std::uint64_t seed) : seed_(seed) {}

    void require(bool held, const char *what, const char *file = __builtin_FILE(),
                 int line = __builtin_LINE()) const {
        if (!held) {
            std::fprintf(stderr, "seed %llu: %s:%d: not so: %s\n",
                         static_cast<unsigned long long>(seed_), file, line, what);
            std::exit(1);
        }
    }

private:
    std::uint64_t seed_;
};

// The time of one run, in milliseconds. It goes on only when the run lets it.
struct Clock {
    std::uint64_t now = 1;
};

}  // namespace sim
