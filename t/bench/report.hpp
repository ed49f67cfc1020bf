// What the backend tells on its control port: one Report for each byte that it gets there.
#pragma once

#include <cstdint>

namespace bench {

struct Report {
    std::uint64_t accepted = 0;        // connections, ever
    std::uint64_t taken = 0;           // payload bytes read, ever
    std::uint64_t wrong = 0;           // reads whose payload was not the pattern, or was no frame
    std::uint64_t unread = 0;          // bytes in the kernel's receive buffers now
    std::uint64_t given = 0;           // bytes that a source has sent, ever, frame headers included
    std::uint64_t unacknowledged = 0;  // those that the receiving kernel has not acknowledged
};

}  // namespace bench
