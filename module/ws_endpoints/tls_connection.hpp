// A connection that speaks TLS, as an endpoint of a relay.
#pragma once

#include "module/ws_endpoints/connection.hpp"

namespace ngx_ws {

// Where either kind is made.
struct EndpointPlace {
    alignas(Connection) std::byte bytes[sizeof(Connection) + sizeof(void *)];
};

// Plain or TLS, as the connection is. See Connection.
[[nodiscard]] Connection *make_endpoint(EndpointPlace &place, ngx_connection_t *c,
                                        const Bounds &bounds, bool nodelay,
                                        std::span<uint8_t> early, off_t *counter) noexcept;

// Gives back what nginx gathers its own output in, over TLS: ssl_buffer_size. Only when all of it
// is sent; nginx makes another if it needs one.
void free_tls_buffer(ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
