// What the process at the other end of a unix socket has not read. Linux: sock_diag(7).
#pragma once

#include "module/ngx.hpp"

#include <optional>

namespace ngx_ws {

[[nodiscard]] bool is_unix(const ngx_connection_t *c) noexcept;

// Bytes that were written to a unix socket and that its peer has not read: exactly, and not by the
// kernel's buffers as SIOCOUTQ counts them. Nothing if the kernel does not tell. Several system
// calls, and so for who needs the number.
[[nodiscard]] std::optional<size_t> unread_by_peer(const ngx_connection_t *c) noexcept;

// Whether nothing is told of any peer, so that only whole buffers are seen to be read. A worker
// finds out once.
[[nodiscard]] bool peers_are_opaque(const ngx_connection_t *c) noexcept;

// The peer of a unix socket has closed it with bytes that it had not read, and they are gone. To be
// asked after SIOCOUTQ has told that nothing is left, and before anybody has fetched the error.
[[nodiscard]] bool dropped_by_peer(const ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
