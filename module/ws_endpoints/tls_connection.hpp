// A connection that speaks TLS, as an endpoint of a relay.
#pragma once

#include "module/ws_endpoints/connection.hpp"

namespace ngx_ws {

// Where either kind is made.
class EndpointPlace {
public:
    // Plain or TLS, as the connection is. See Connection.
    void make(ngx_connection_t *c, const Bounds &bounds, bool nodelay, std::span<uint8_t> early,
              off_t *counter) noexcept;
    // Once made.
    [[nodiscard]] Connection &endpoint() noexcept {
        return *std::launder(reinterpret_cast<Connection *>(bytes_));
    }

private:
    // What TLS adds lies in the padding of a Connection.
    alignas(Connection) std::byte bytes_[sizeof(Connection)];
};

// Gives back what nginx gathers its own output in, over TLS: ssl_buffer_size. Only when all of it
// is sent; nginx makes another if it needs one.
void free_tls_buffer(ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
