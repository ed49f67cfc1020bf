#include "t/bench/server_process.hpp"

#include "t/bench/sockets.hpp"

#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include <unistd.h>

namespace bench {

namespace {

std::string proc(pid_t pid, const char *file) {
    return "/proc/" + std::to_string(pid) + "/" + file;
}

// A child that was waited for is in its parent's account, in clock ticks.
std::uint64_t ended_children_ns(pid_t pid) {
    std::ifstream file(proc(pid, "stat"));
    std::string text;
    std::getline(file, text, '\0');
    long user = 0;
    long kernel = 0;
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos ||
        std::sscanf(text.c_str() + name_end + 2,
                    "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld %ld", &user,
                    &kernel) != 2) {
        return 0;
    }
    const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    return static_cast<std::uint64_t>(user + kernel) * 1'000'000'000 / ticks_per_second;
}

std::uint64_t own_ns(pid_t pid) {
    clockid_t clock = 0;
    timespec used = {};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(used.tv_nsec);
}

std::uint64_t resident(pid_t pid) {
    std::ifstream file(proc(pid, "smaps_rollup"));
    for (std::string word; file >> word;) {
        std::uint64_t kilobytes = 0;
        if (word == "Pss:" && file >> kilobytes) {
            return kilobytes * 1024;
        }
    }
    return 0;
}

}  // namespace

std::vector<pid_t> ServerProcess::family() const {
    std::vector<pid_t> found = {root_};
    for (std::size_t i = 0; i < found.size(); ++i) {
        const std::string task = "task/" + std::to_string(found[i]) + "/children";
        std::ifstream children(proc(found[i], task.c_str()));
        for (pid_t child = 0; children >> child;) {
            found.push_back(child);
        }
    }
    return found;
}

std::uint64_t ServerProcess::cpu_ns() const {
    std::uint64_t sum = ended_children_ns(root_);
    for (const pid_t pid : family()) {
        sum += own_ns(pid);
    }
    if (sum == 0) {
        fail("the server is gone");
    }
    return sum;
}

std::uint64_t ServerProcess::memory() const {
    std::uint64_t sum = 0;
    for (const pid_t pid : family()) {
        sum += resident(pid);
    }
    return sum;
}

}  // namespace bench
