// A number in memory that one process changes and others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace ws {

// No lock and no atomic read-modify-write: there is one writer at a time, and a reader only wants a
// value that was true a moment ago.
class Counter {
public:
    void add(std::uint64_t more) noexcept { set(get() + more); }
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace ws
