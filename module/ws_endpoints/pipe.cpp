#include "module/ws_endpoints/pipe.hpp"

#include <fcntl.h>

namespace ngx_ws {

namespace {

// A pipe counts pieces of memory, one for each 4 KiB of its size, and a packet may be a piece.
constexpr int wanted_size = 256 * 1024;

Pipe the_pipe;

}  // namespace

Pipe &pipe_of_worker() noexcept {
    return the_pipe;
}

bool Pipe::open() noexcept {
    if (ends_[0] == -1 && pipe2(ends_, O_NONBLOCK | O_CLOEXEC) == 0) {
        (void)fcntl(ends_[1], F_SETPIPE_SZ, wanted_size);
    }
    return ends_[0] != -1;
}

void Pipe::close() noexcept {
    (void)::close(std::exchange(ends_[0], -1));
    (void)::close(std::exchange(ends_[1], -1));
    size_ = 0;
}

size_t Pipe::fill(const ngx_connection_t *source, size_t size) noexcept {
    if (!open()) {
        return 0;
    }
    const ssize_t n =
        splice(source->fd, nullptr, ends_[1], nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    size_ = n > 0 ? static_cast<size_t>(n) : 0;
    return size_;
}

ssize_t Pipe::drain(const ngx_connection_t *destination, size_t size) noexcept {
    const ssize_t n = splice(ends_[0], nullptr, destination->fd, nullptr, ngx_min(size, size_),
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    size_ -= n > 0 ? static_cast<size_t>(n) : 0;
    return n;
}

size_t Pipe::read_rest(std::span<uint8_t> to) noexcept {
    size_t got = 0;
    while (size_ != 0) {
        const size_t wanted = ngx_min(size_, to.size() - got);
        const ssize_t n = wanted == 0 ? 0 : read(ends_[0], to.data() + got, wanted);
        if (n < 0 && ngx_errno == NGX_EINTR) {
            continue;
        }
        if (n <= 0) {
            // What cannot be read must not be sent to somebody else.
            close();
            break;
        }
        got += static_cast<size_t>(n);
        size_ -= static_cast<size_t>(n);
    }
    return got;
}

}  // namespace ngx_ws
