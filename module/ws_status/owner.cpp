#include "module/ws_status/owner.hpp"

#include "module/ngx.hpp"

#include <charconv>

namespace ngx_ws {

namespace {

// What /proc says of a process.
struct Process {
    uint64_t started = 0;  // in ticks since the system was; 0: that is not known
    bool ended = false;    // it only waits to be seen by its parent
};

// The fields, from 1, are those of proc(5). The second is a name in brackets that may hold blanks
// and brackets of its own.
Process parse(std::string_view stat) noexcept {
    constexpr unsigned state_field = 3;
    constexpr unsigned start_field = 22;
    Process process;
    const size_t name_end = stat.rfind(')');
    stat.remove_prefix(ngx_min(name_end, stat.size()));
    for (unsigned field = 2; field < start_field; ++field) {
        const size_t blank = stat.find(' ');
        if (blank == std::string_view::npos) {
            return process;
        }
        stat.remove_prefix(blank + 1);
        if (field + 1 == state_field) {
            process.ended = stat.starts_with('Z') || stat.starts_with('X');
        }
    }
    (void)std::from_chars(stat.data(), stat.data() + stat.size(), process.started);
    return process;
}

Process look_at(uint64_t pid) noexcept {
    u_char path[sizeof("/proc//stat") + NGX_INT64_LEN];
    *ngx_sprintf(path, "/proc/%uL/stat", pid) = '\0';
    const int file = open(reinterpret_cast<const char *>(path), O_RDONLY | O_CLOEXEC);
    if (file == -1) {
        return {};
    }
    char stat[1024];
    const ssize_t size = read(file, stat, sizeof(stat));
    (void)close(file);
    return size <= 0 ? Process{} : parse({stat, static_cast<size_t>(size)});
}

}  // namespace

ws::Owner this_process() noexcept {
    const auto pid = static_cast<uint64_t>(ngx_pid);
    return {.pid = pid, .started = look_at(pid).started};
}

bool lives(const ws::Owner &owner) noexcept {
    const auto pid = static_cast<ngx_pid_t>(owner.pid);
    if (pid == ngx_pid) {
        return true;
    }
    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return false;
    }
    const Process process = look_at(owner.pid);
    const bool unknown = process.started == 0 || owner.started == 0;
    return !process.ended && (unknown || process.started == owner.started);
}

}  // namespace ngx_ws
