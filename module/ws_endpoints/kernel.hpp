// What our kernel holds of a connection's bytes, and the bounds that it is given. Sizes are bytes.
#pragma once

#include "module/ngx.hpp"

#include <optional>

namespace ngx_ws {

// A size as the kernel can have it: it reckons with numbers of 31 bits.
[[nodiscard]] constexpr uint32_t size_in_kernel(size_t size) noexcept {
    constexpr size_t largest = INT32_MAX;
    return static_cast<uint32_t>(ngx_min(size, largest));
}

// Written bytes that the peer has not acknowledged; of a unix socket those that it has not read.
// For TLS these are bytes of records. Nothing if it cannot be told.
[[nodiscard]] std::optional<size_t> unacknowledged(const ngx_connection_t *c) noexcept;

// How many of the written bytes were not even sent; 0 if it cannot be told.
[[nodiscard]] size_t unsent(const ngx_connection_t *c) noexcept;

// Bounds what is taken from a peer before we read it; 0: as the kernel likes. The first is what
// SO_RCVBUF has to be set to for that, the second sets it.
[[nodiscard]] int receive_buffer(size_t size) noexcept;
void limit_receive_buffer(const ngx_connection_t *c, size_t size) noexcept;

// This does the same for more than SO_RCVBUF allows, as far as the kernel's own tuning goes. A
// kernel that does not know how leaves the bound as it is.
void widen_receive_window(const ngx_connection_t *c, size_t size) noexcept;
// And for less: what was told to the peer before and does not fit is lost. `small` is a size that
// SO_RCVBUF allows.
void narrow_receive_window(const ngx_connection_t *c, size_t size, size_t small) noexcept;
// From now on what does not fit is not taken, and the kernel does not tune it.
void keep_receive_window(const ngx_connection_t *c) noexcept;
// Bytes that the peer may be told to send beyond those that have come.
void limit_window(const ngx_connection_t *c, size_t size) noexcept;
// Bytes that are there to be read.
[[nodiscard]] size_t unread(const ngx_connection_t *c) noexcept;

// Microseconds since some time. nginx's own clock may stand still for longer than a round trip
// takes.
[[nodiscard]] uint64_t microseconds() noexcept;

// What TCP has found out of the way to a peer.
struct PathFacts {
    bool local;              // it goes nowhere, or the kernel tells nothing of it
    uint32_t round_trip;     // microseconds, of bytes of ours; 0: not known
    uint32_t round_trip_in;  // of bytes of the peer's
    uint32_t out_of_order;   // packets of the peer's, because others were lost
    uint32_t sent_again;     // packets of ours
    uint64_t window;         // bytes of ours that its congestion control lets be under way
    uint64_t delivered;      // bytes a second of ours that came through lately
    uint64_t paced;          // and at which they are sent
};
// All 0 where it cannot be told.
[[nodiscard]] PathFacts path_facts(const ngx_connection_t *c) noexcept;

// Its congestion control measures the rate of the path and sends at it, as BBR does.
[[nodiscard]] bool measures_its_rate(const ngx_connection_t *c) noexcept;

// Bytes that may lie unsent in the kernel before it takes no more.
void limit_unsent(const ngx_connection_t *c, size_t bytes) noexcept;

// Bounds the bytes that are not acknowledged, and those of them that are not even sent; 0: as the
// kernel likes. On loopback it has the kernel send them without pacing besides. The window that
// there is then may be larger than was asked for.
struct WindowSizes {
    size_t far;
    size_t close_by;  // on loopback
};
struct SendBounds {
    size_t window;
    bool loopback;
};
[[nodiscard]] SendBounds limit_send_buffer(const ngx_connection_t *c, const WindowSizes &window,
                                           size_t notsent_lowat) noexcept;

// For last words: what limit_send_buffer() has bounded may be as large as the kernel allows.
void lift_send_bounds(const ngx_connection_t *c, bool windowed) noexcept;

// Whether a connection whose end was read is broken as well: recv() goes on telling of the end
// alone. `we_have_ended`: our FIN was sent, after which a connection may be over in peace.
[[nodiscard]] bool broken_behind_its_end(const ngx_connection_t *c, bool we_have_ended) noexcept;

// By the peer's address, as nginx has it: behind a proxy on this machine whose clients' addresses
// nginx takes over, it is the client's.
[[nodiscard]] bool comes_from_loopback(const ngx_connection_t *c) noexcept;

// Ends a connection by a reset, at once. Its descriptor stays until it is closed.
void reset_connection(const ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
