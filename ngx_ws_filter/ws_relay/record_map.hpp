// Which bytes of a stream have arrived when the records of TLS that carry them have: what is cut
// inside a record, nobody can read. RFC 8446, section 5.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ws {

// Remembers where the last records end. Where there are more of them than it has room for,
// neighbours are taken together: then less may be known to have arrived than has, by a 16th of what
// is under way, and never more.
class RecordMap {
public:
    static constexpr std::size_t capacity = 64;

    // A record ends behind the first `data` bytes of the stream and the first `wire` bytes that
    // carry it. Neither goes back, and from one call to the next neither grows by 4 GiB.
    void note(std::uint64_t wire, std::uint64_t data) noexcept;

    // Bytes of the stream whose records are all among the first `wire` bytes. Never goes back.
    [[nodiscard]] std::uint64_t arrived(std::uint64_t wire) noexcept;

    // No more can have arrived than the last arrived() said.
    [[nodiscard]] bool exact() const noexcept { return arrived_data_ >= coarse_until_; }
    // The next note() takes records together, unless arrived() forgets some before.
    [[nodiscard]] bool full() const noexcept { return size_ == capacity; }

private:
    struct Record {
        std::uint32_t wire;  // bytes behind the record before
        std::uint32_t data;
    };

    void take_together() noexcept;

    std::array<Record, capacity> records_;
    std::size_t size_ = 0;
    std::uint64_t wire_ = 0;  // where the last record ends
    std::uint64_t data_ = 0;
    std::uint64_t arrived_wire_ = 0;  // where the last that has arrived ends
    std::uint64_t arrived_data_ = 0;
    std::uint64_t coarse_until_ = 0;  // records up to here were taken together
};

}  // namespace ws
