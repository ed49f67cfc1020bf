// A connection that another process goes on with. The stream and its account stay what they are.
#pragma once

#include "module/ws_endpoints/connection.hpp"

#include "ngx_ws_filter/ws_relay/lane.hpp"

namespace ngx_ws {

struct MovedConnection {
    // Whether all that is known of it is in the kernel and in its flow.
    [[nodiscard]] static bool may_move(const ngx_connection_t *c,
                                       const Connection &endpoint) noexcept;
    // In the other process, before anything else is done with the endpoint.
    static void go_on(Connection &endpoint, const ws::Flow &flow) noexcept;

    // Counts received bytes elsewhere from now on, or nowhere.
    static void count_in(Connection &endpoint, off_t *counter) noexcept {
        endpoint.counter_ = counter;
    }

    // The descriptor of another process's connection becomes one of nginx, which lasts until
    // close(). Null without memory, or without a connection free: then the descriptor is the
    // caller's.
    [[nodiscard]] static ngx_connection_t *open(int descriptor, ngx_log_t *log) noexcept;
    // Gives the descriptor back, and all else that open() or nginx has made for it up.
    [[nodiscard]] static int release(ngx_connection_t *c) noexcept;
    // Closes this process's descriptor, and the peer is told nothing: another process has its own.
    static void close(ngx_connection_t *c) noexcept;
};

}  // namespace ngx_ws
