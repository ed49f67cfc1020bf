// A system without sock_diag(7), for LD_PRELOAD: no kernel tells what a peer has not read.

#include <cerrno>

#include <dlfcn.h>
#include <sys/socket.h>

extern "C" int socket(int domain, int type, int protocol) noexcept {
    using Socket = int (*)(int, int, int);
    if (domain == AF_NETLINK) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return reinterpret_cast<Socket>(dlsym(RTLD_NEXT, "socket"))(domain, type, protocol);
}
