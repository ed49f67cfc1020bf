// The measured server as /proc shows it: one process, or one and its descendants.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace bench {

class ServerProcess {
public:
    explicit ServerProcess(pid_t root) : root_(root) {}

    // Processor time of all of them, and of those of the root's children that have ended.
    [[nodiscard]] std::uint64_t cpu_ns() const;

    // Resident bytes; a page that several of them share counts once.
    [[nodiscard]] std::uint64_t memory() const;

private:
    [[nodiscard]] std::vector<pid_t> family() const;

    pid_t root_;
};

}  // namespace bench
