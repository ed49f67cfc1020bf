// What our kernel holds of a connection's bytes, and the bounds that it is given. Sizes are bytes.
#pragma once

#include "module/ngx.hpp"

#include <optional>

namespace ngx_ws {

// Written bytes that the peer has not acknowledged; of a unix socket those that it has not read.
// For TLS these are bytes of records. Nothing if it cannot be told.
[[nodiscard]] std::optional<size_t> unacknowledged(const ngx_connection_t *c) noexcept;

// How many of the written bytes were not even sent; 0 if it cannot be told.
[[nodiscard]] size_t unsent(const ngx_connection_t *c) noexcept;

// Bounds what is taken from a peer before we read it; 0: as the kernel likes. The first is what
// SO_RCVBUF has to be set to for that, the second sets it.
[[nodiscard]] int receive_buffer(size_t size) noexcept;
void limit_receive_buffer(const ngx_connection_t *c, size_t size) noexcept;

// Bounds the bytes that are not acknowledged, and those of them that are not even sent; 0: as the
// kernel likes. On loopback it has the kernel send them without pacing besides. Returns the window
// that there is now, which the kernel may have made larger.
[[nodiscard]] size_t limit_send_buffer(const ngx_connection_t *c, size_t window,
                                       size_t notsent_lowat) noexcept;

// For last words: what limit_send_buffer() has bounded may be as large as the kernel allows.
void lift_send_bounds(const ngx_connection_t *c, bool windowed) noexcept;

// Whether a connection whose end was read is broken as well: recv() goes on telling of the end
// alone. `we_have_ended`: our FIN was sent, after which a connection may be over in peace.
[[nodiscard]] bool broken_behind_its_end(const ngx_connection_t *c, bool we_have_ended) noexcept;

// Ends a connection by a reset, at once. Its descriptor stays until it is closed.
void reset_connection(const ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
