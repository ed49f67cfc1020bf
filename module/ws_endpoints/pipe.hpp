// splice(2): payload that goes from one socket to another inside the kernel, without a copy.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Each worker has one. It is filled and emptied again within one call of an event handler.
class Pipe {
public:
    // Takes bytes that a socket has, at most `size`, and returns how many: 0 if there are none, at
    // its end, after an error, and where this cannot be done at all. recv() tells which it is.
    [[nodiscard]] size_t fill(const ngx_connection_t *source, size_t size) noexcept;

    // Puts at most `size` of them into a socket. As send(): what was taken, or -1 and errno.
    [[nodiscard]] ssize_t drain(const ngx_connection_t *destination, size_t size) noexcept;

    // Copies the rest to `to`, which has room for it, and returns what could be read. The pipe is
    // empty then.
    size_t read_rest(std::span<uint8_t> to) noexcept;

    [[nodiscard]] size_t size() const noexcept { return size_; }

private:
    [[nodiscard]] bool open() noexcept;
    void close() noexcept;

    int ends_[2] = {-1, -1};
    size_t size_ = 0;
};

[[nodiscard]] Pipe &pipe_of_worker() noexcept;

}  // namespace ngx_ws
