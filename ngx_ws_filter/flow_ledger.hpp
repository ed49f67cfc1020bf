// The byte account of one direction: what was taken from its source, written to its destination,
// and confirmed by it.
#pragma once

#include <cstdint>

namespace ws {

// Three counters of bytes that only grow, with confirmed <= wrote <= took. No socket, no clock.
class FlowLedger {
public:
    void took(std::uint64_t bytes) noexcept { took_ += bytes; }
    void wrote(std::uint64_t bytes) noexcept { wrote_ += bytes; }

    [[nodiscard]] std::uint64_t taken() const noexcept { return took_; }
    [[nodiscard]] std::uint64_t written() const noexcept { return wrote_; }
    [[nodiscard]] std::uint64_t unwritten() const noexcept { return took_ - wrote_; }

private:
    std::uint64_t took_ = 0;
    std::uint64_t wrote_ = 0;
};

}  // namespace ws
