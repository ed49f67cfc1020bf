// Makes servers that greet and fail out of those whose ports WS_GREETERS names: a connection to one
// is told of only once its greeting is there, and breaks when it is asked about again. For
// LD_PRELOAD; both happen to every gateway, and rarely.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace {

constexpr int max_files = 65536;
constexpr int longest_wait = 5000;  // milliseconds

std::array<bool, 65536> greeters;      // by their ports
std::array<int, max_files> questions;  // left until a connection breaks; 0: it does not

// Before nginx clears the environment.
__attribute__((constructor)) void read_ports() {
    const char *text = std::getenv("WS_GREETERS");
    while (text != nullptr && *text != '\0') {
        char *end = nullptr;
        greeters[static_cast<std::uint16_t>(std::strtoul(text, &end, 10))] = true;
        text = end + std::strspn(end, ",");
    }
}

bool is_greeter(const sockaddr *address) noexcept {
    return address->sa_family == AF_INET &&
           greeters[ntohs(reinterpret_cast<const sockaddr_in *>(address)->sin_port)];
}

template <typename Function>
Function *next(const char *name) noexcept {
    return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int connect(int file, const sockaddr *address, socklen_t size) {
    static auto *const real = next<int(int, const sockaddr *, socklen_t)>("connect");
    const int result = real(file, address, size);
    const int error = errno;
    if (file >= 0 && file < max_files) {
        questions[static_cast<std::size_t>(file)] = is_greeter(address) ? 2 : 0;
        if (questions[static_cast<std::size_t>(file)] != 0) {
            pollfd waiting = {.fd = file, .events = POLLIN, .revents = 0};
            (void)poll(&waiting, 1, longest_wait);
        }
    }
    errno = error;
    return result;
}

int getsockopt(int file, int level, int option, void *value, socklen_t *size) noexcept {
    static auto *const real = next<int(int, int, int, void *, socklen_t *)>("getsockopt");
    const int result = real(file, level, option, value, size);
    if (level == SOL_SOCKET && option == SO_ERROR && file >= 0 && file < max_files) {
        int &left = questions[static_cast<std::size_t>(file)];
        if (left != 0 && --left == 0) {
            const int broken = ECONNRESET;
            std::memcpy(value, &broken, sizeof(broken));
        }
    }
    return result;
}

}  // extern "C"
