#include "module/ws_resume/rendezvous.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace ngx_ws {

namespace {

int make_socket() noexcept {
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

}  // namespace

bool is_one_of_us(int socket) noexcept {
    struct ucred peer = {};
    socklen_t size = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

Rendezvous::Rendezvous(const ngx_cycle_t &cycle) noexcept : worker_(ngx_worker) {
    const std::span listening{static_cast<ngx_listening_t *>(cycle.listening.elts),
                              cycle.listening.nelts};
    for (const ngx_listening_t &each : listening) {
        struct stat about = {};
        if (count_ == inodes_.size()) {
            break;
        }
        if (each.fd != -1 && fstat(each.fd, &about) == 0 && S_ISSOCK(about.st_mode)) {
            inodes_[count_++] = about.st_ino;
        }
    }
}

AbstractAddress Rendezvous::address(uint64_t inode, ngx_uint_t worker,
                                    unsigned slot) const noexcept {
    return {'+', inode << 24U | (worker & 0xffffU) << 8U | slot};
}

int Rendezvous::listen() const noexcept {
    const int socket = count_ == 0 ? -1 : make_socket();
    for (unsigned slot = 0; socket != -1 && slot < slots; ++slot) {
        const AbstractAddress own = address(inodes_[0], worker_, slot);
        if (bind(socket, own.get(), own.size) == 0) {
            if (::listen(socket, SOMAXCONN) == 0) {
                return socket;
            }
            break;
        }
    }
    if (socket != -1) {
        (void)::close(socket);
    }
    return -1;
}

int Rendezvous::connect_next(unsigned &place) const noexcept {
    const auto workers = static_cast<unsigned>(worker_) + 1;
    while (place < workers * slots * count_) {
        const unsigned at = place++;
        const AbstractAddress other =
            address(inodes_[at / slots % count_], worker_ - at / slots / count_, at % slots);
        const int socket = make_socket();
        if (socket == -1) {
            return -1;
        }
        if (connect(socket, other.get(), other.size) == 0 && is_one_of_us(socket)) {
            return socket;
        }
        (void)::close(socket);
    }
    return -1;
}

}  // namespace ngx_ws
