// What a simulated run is made of: a seed, and pipes that give and take as little as they like.
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

// One direction of a connection. Each call moves any part of what it could; now and then one side
// stands still for a while.
class Pipe {
public:
    Pipe(Random &random, std::size_t capacity) : random_(random), capacity_(capacity) {}

    // Takes from the front, and returns how much that was.
    std::size_t write(std::string_view from) {
        if (reset_ || stalls(stalled_writes_)) {
            return 0;
        }
        const std::size_t room = std::min(capacity_ - held_.size(), from.size());
        const std::size_t size = random_.one_in(3) ? room : random_.below(room + 1);
        held_ += from.substr(0, size);
        written_ += size;
        return size;
    }

    [[nodiscard]] std::string read(std::size_t most) {
        if (stalls(stalled_reads_)) {
            return {};
        }
        const std::size_t ready = std::min(most, held_.size());
        const std::size_t size = random_.one_in(3) ? ready : random_.below(ready + 1);
        std::string taken = held_.substr(0, size);
        held_.erase(0, size);
        return taken;
    }

    void shut() { shut_ = true; }
    // One side is gone, and with it what was not read. What was acknowledged stays so.
    void reset() {
        static_cast<void>(acknowledged());
        held_.clear();
        reset_ = true;
    }
    [[nodiscard]] bool is_reset() const { return reset_; }
    [[nodiscard]] bool is_shut() const { return shut_; }
    [[nodiscard]] bool ended() const { return shut_ && !reset_ && held_.empty(); }
    [[nodiscard]] std::uint64_t written() const { return written_; }
    // What the other side's kernel has: what it has read, and a part of what it has not.
    [[nodiscard]] std::uint64_t acknowledged() {
        if (reset_) {
            return acknowledged_;
        }
        const std::uint64_t read = written_ - held_.size();
        acknowledged_ = std::max(acknowledged_, read + random_.below(held_.size() + 1));
        return acknowledged_;
    }
    [[nodiscard]] std::uint64_t seen_acknowledged() const { return acknowledged_; }

private:
    bool stalls(std::size_t &left) {
        if (left == 0 && random_.one_in(100)) {
            left = random_.size(200);
        }
        left -= left == 0 ? 0 : 1;
        return left != 0;
    }

    Random &random_;
    std::size_t capacity_;
    std::string held_;
    std::uint64_t written_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::size_t stalled_writes_ = 0;
    std::size_t stalled_reads_ = 0;
    bool shut_ = false;
    bool reset_ = false;
};

}  // namespace sim
