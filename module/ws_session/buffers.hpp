// The worker's memory for relayed bytes: two scratch buffers that every session uses in turn, and
// the buffers that a session holds only while one of its sides is slow.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/host.hpp"

namespace ngx_ws {

// Makes the two, of ws_buffer_size, at a worker's first session; false if there is no memory. No
// session begins without.
[[nodiscard]] bool prepare_scratch() noexcept;
[[nodiscard]] const ws::Scratch &scratch() noexcept;

// Kept in whole pages, taken from the worker's free list and given back to it; what the list has no
// place for goes back to the system.
using ws::HeldBuffer;

// Empty, with room for what either scratch buffer can hold; null if there is no memory.
[[nodiscard]] HeldBuffer *take_buffer() noexcept;
// Moves a buffer to another place, with the same content and about twice the room. Null if there is
// no memory; then the buffer is as it was.
[[nodiscard]] HeldBuffer *enlarge(HeldBuffer *buffer) noexcept;
void give_back(HeldBuffer *buffer) noexcept;

}  // namespace ngx_ws
