#include "module/ws_status/owner.hpp"

#include "module/ngx.hpp"

#include <charconv>

namespace ngx_ws {

namespace {

// The number of the field "starttime", from 1; see proc(5).
constexpr unsigned start_field = 22;

// The second field is a name in brackets that may hold blanks and brackets of its own.
uint64_t start_of(std::string_view stat) noexcept {
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) {
        return 0;
    }
    stat.remove_prefix(name_end + 1);
    for (unsigned field = 2; field < start_field; ++field) {
        const size_t blank = stat.find(' ');
        if (blank == std::string_view::npos) {
            return 0;
        }
        stat.remove_prefix(blank + 1);
    }
    uint64_t start = 0;
    (void)std::from_chars(stat.data(), stat.data() + stat.size(), start);
    return start;
}

// When the process was started, in ticks since the system was; 0 if that cannot be told.
uint64_t read_start(uint64_t pid) noexcept {
    char path[sizeof("/proc//stat") + NGX_INT64_LEN];
    *ngx_sprintf(reinterpret_cast<u_char *>(path), "/proc/%uL/stat", pid) = '\0';
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1) {
        return 0;
    }
    char stat[1024];
    const ssize_t size = read(file, stat, sizeof(stat));
    (void)close(file);
    return size <= 0 ? 0 : start_of({stat, static_cast<size_t>(size)});
}

}  // namespace

ws::Owner this_process() noexcept {
    const auto pid = static_cast<uint64_t>(ngx_pid);
    return {.pid = pid, .started = read_start(pid)};
}

bool lives(const ws::Owner &owner) noexcept {
    const auto pid = static_cast<ngx_pid_t>(owner.pid);
    if (pid == ngx_pid) {
        return true;
    }
    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return false;
    }
    const uint64_t started = read_start(owner.pid);
    return started == 0 || owner.started == 0 || started == owner.started;
}

}  // namespace ngx_ws
