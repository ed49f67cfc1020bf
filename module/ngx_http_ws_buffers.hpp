// The worker's memory for relayed bytes: two scratch buffers that every session uses in turn, and
// the buffers that a session holds only while one of its sides is slow.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Each worker has one, made at its first session. `size` is ws_buffer_size.
struct Scratch {
    std::span<uint8_t> from_client;   // `size` bytes
    std::span<uint8_t> from_backend;  // with room for headers before, and control frames behind
};

// Makes them; false if there is no memory. No session begins without.
[[nodiscard]] bool prepare_scratch() noexcept;
[[nodiscard]] const Scratch &scratch() noexcept;

// Bytes on their way, owned by one lane. Kept in whole pages, taken from the worker's free list
// and given back to it; what the list has no place for goes back to the system.
struct HeldBuffer {
    HeldBuffer *next;
    size_t begin;  // offsets into bytes()
    size_t end;
    size_t capacity;

    [[nodiscard]] uint8_t *bytes() noexcept { return reinterpret_cast<uint8_t *>(this + 1); }
    [[nodiscard]] std::span<uint8_t> content() noexcept { return {bytes() + begin, end - begin}; }
};

// Empty, with room for what either scratch buffer can hold; null if there is no memory.
[[nodiscard]] HeldBuffer *take_buffer() noexcept;
// Moves a buffer to another place, with the same content and about twice the room. Null if there is
// no memory; then the buffer is as it was.
[[nodiscard]] HeldBuffer *enlarge(HeldBuffer *buffer) noexcept;
void give_back(HeldBuffer *buffer) noexcept;

}  // namespace ngx_ws
