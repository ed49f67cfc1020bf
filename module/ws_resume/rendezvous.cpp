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
        // Of several sockets for one address the first worker's stands for all.
        if (each.worker == 0 && each.fd != -1 && fstat(each.fd, &about) == 0 &&
            S_ISSOCK(about.st_mode)) {
            note(about.st_ino);
        }
    }
}

// The least of them, in order: those that have been there for long, as a rule, whatever stands in
// front of them in a new configuration.
void Rendezvous::note(uint64_t inode) noexcept {
    uint64_t *end = inodes_.data() + count_;
    uint64_t *place = std::upper_bound(inodes_.data(), end, inode);
    if (count_ < inodes_.size()) {
        ++count_;
    } else if (place == end) {
        return;
    } else {
        --end;
    }
    std::move_backward(place, end, end + 1);
    *place = inode;
}

AbstractAddress Rendezvous::address(uint64_t inode, ngx_uint_t worker,
                                    unsigned slot) const noexcept {
    return {'+', inode << 24U | (worker & 0xffffU) << 8U | slot};
}

int Rendezvous::listen(unsigned at) const noexcept {
    const int socket = at < count_ ? make_socket() : -1;
    for (unsigned slot = 0; socket != -1 && slot < slots; ++slot) {
        const AbstractAddress own = address(inodes_[at], worker_, slot);
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
