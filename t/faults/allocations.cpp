// Makes chosen allocations of one process fail, or what it does with unix sockets. For LD_PRELOAD;
// the file that WS_FAULTS names is shared with the test, which has the same struct.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

enum Kind : std::uint32_t { heap = 1, mapping = 2, unix_socket = 4 };

struct Control {
    std::uint32_t pid;    // of the process whose allocations count; 0: none
    std::uint32_t kinds;  // of allocations that count
    std::uint32_t first;  // number of the first that fails, from 1; 0: none does
    std::uint32_t last;   // number of the last that fails
    std::uint32_t seen;   // so many were asked for
    std::uint32_t failed;
};

Control *control;

__attribute__((constructor)) void share_control() {
    const char *path = std::getenv("WS_FAULTS");
    const int file = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file == -1) {
        return;
    }
    void *memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) {
        control = static_cast<Control *>(memory);
    }
}

bool fails(Kind kind, int error = ENOMEM) noexcept {
    if (control == nullptr || control->pid == 0 || (control->kinds & kind) == 0 ||
        control->pid != static_cast<std::uint32_t>(getpid())) {
        return false;
    }
    const std::uint32_t number = ++control->seen;
    if (control->first == 0 || number < control->first || number > control->last) {
        return false;
    }
    ++control->failed;
    errno = error;
    return true;
}

bool is_unix(int socket) noexcept {
    sockaddr address = {};
    socklen_t size = sizeof(address);
    return getsockname(socket, &address, &size) == 0 && address.sa_family == AF_UNIX;
}

bool loses(int socket) noexcept {
    return control != nullptr && control->pid != 0 && is_unix(socket) &&
           fails(unix_socket, ECONNRESET);
}

// Between two workers, which each have a name, and not between a worker and its master.
bool is_named(int socket) noexcept {
    sockaddr_un address{};
    socklen_t size = sizeof(address);
    if (getpeername(socket, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        return false;
    }
    if (size <= sizeof(sa_family_t)) {
        size = sizeof(address);
        (void)getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size);
    }
    return address.sun_family == AF_UNIX && size > sizeof(sa_family_t);
}

bool lacks_memory(int socket) noexcept {
    return control != nullptr && control->pid != 0 && is_unix(socket) && is_named(socket) &&
           fails(unix_socket, ENOBUFS);
}

using Map = void *(void *, std::size_t, int, int, int, off_t);

bool refuses(int flags) noexcept {
    return (flags & MAP_ANONYMOUS) != 0 && fails(mapping);
}

// The next one in order: a sanitizer's, or the C library's.
template <typename Function>
Function *next(const char *name) noexcept {
    return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void *malloc(std::size_t size) noexcept {
    static auto *const real = next<void *(std::size_t)>("malloc");
    return fails(heap) ? nullptr : real(size);
}

void *calloc(std::size_t count, std::size_t size) noexcept {
    static auto *const real = next<void *(std::size_t, std::size_t)>("calloc");
    return fails(heap) ? nullptr : real(count, size);
}

void *realloc(void *memory, std::size_t size) noexcept {
    static auto *const real = next<void *(void *, std::size_t)>("realloc");
    return fails(heap) ? nullptr : real(memory, size);
}

int posix_memalign(void **memory, std::size_t alignment, std::size_t size) noexcept {
    static auto *const real = next<int(void **, std::size_t, std::size_t)>("posix_memalign");
    return fails(heap) ? ENOMEM : real(memory, alignment, size);
}

void *mmap(void *at, std::size_t size, int access, int flags, int file, off_t offset) noexcept {
    static auto *const real = next<Map>("mmap");
    return refuses(flags) ? MAP_FAILED : real(at, size, access, flags, file, offset);
}

void *mmap64(void *at, std::size_t size, int access, int flags, int file, off_t offset) noexcept {
    static auto *const real = next<Map>("mmap64");
    return refuses(flags) ? MAP_FAILED : real(at, size, access, flags, file, offset);
}

// Only ever asked to enlarge, and to move for it.
void *mremap(void *at, std::size_t old_size, std::size_t size, int flags, ...) noexcept {
    static auto *const real = next<void *(void *, std::size_t, std::size_t, int, ...)>("mremap");
    return fails(mapping) ? MAP_FAILED : real(at, old_size, size, flags);
}

int socket(int domain, int type, int protocol) noexcept {
    static auto *const real = next<int(int, int, int)>("socket");
    return domain == AF_UNIX && fails(unix_socket, EMFILE) ? -1 : real(domain, type, protocol);
}

// As where too many wait for the other end to accept.
int connect(int socket, const sockaddr *address, socklen_t size) {
    static auto *const real = next<int(int, const sockaddr *, socklen_t)>("connect");
    return address->sa_family == AF_UNIX && fails(unix_socket, EAGAIN)
               ? -1
               : real(socket, address, size);
}

int accept4(int socket, sockaddr *address, socklen_t *size, int flags) {
    static auto *const real = next<int(int, sockaddr *, socklen_t *, int)>("accept4");
    const bool is_asked = control != nullptr && control->pid != 0 && is_unix(socket);
    return is_asked && fails(unix_socket, EMFILE) ? -1 : real(socket, address, size, flags);
}

ssize_t recv(int socket, void *buffer, std::size_t size, int flags) {
    static auto *const real = next<ssize_t(int, void *, std::size_t, int)>("recv");
    return loses(socket) ? -1 : real(socket, buffer, size, flags);
}

ssize_t send(int socket, const void *buffer, std::size_t size, int flags) {
    static auto *const real = next<ssize_t(int, const void *, std::size_t, int)>("send");
    return loses(socket) ? -1 : real(socket, buffer, size, flags);
}

// What two workers say to each other, and not what their master says to them.
ssize_t recvmsg(int socket, msghdr *message, int flags) {
    static auto *const real = next<ssize_t(int, msghdr *, int)>("recvmsg");
    return lacks_memory(socket) ? -1 : real(socket, message, flags);
}

ssize_t sendmsg(int socket, const msghdr *message, int flags) {
    static auto *const real = next<ssize_t(int, const msghdr *, int)>("sendmsg");
    return lacks_memory(socket) ? -1 : real(socket, message, flags);
}

ssize_t readv(int socket, const iovec *parts, int count) {
    static auto *const real = next<ssize_t(int, const iovec *, int)>("readv");
    return loses(socket) ? -1 : real(socket, parts, count);
}

ssize_t writev(int socket, const iovec *parts, int count) {
    static auto *const real = next<ssize_t(int, const iovec *, int)>("writev");
    return loses(socket) ? -1 : real(socket, parts, count);
}

}  // extern "C"
