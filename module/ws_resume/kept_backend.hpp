// A backend's connection that outlives the request that it was dialled for, with its place in the
// accounts of upstream{}: max_conns, least_conn and the like go on counting it.
#pragma once

#include "module/ws_endpoints/tls_connection.hpp"

namespace ngx_ws {

class KeptBackend {
public:
    // Where its endpoint is made, as long as nginx still has the connection.
    [[nodiscard]] EndpointPlace &place() noexcept { return place_; }
    [[nodiscard]] Connection &endpoint() noexcept { return place_.endpoint(); }

    // Takes the connection of this upstream, which has then none. `keeps_choice`: what it was
    // chosen with lies in `pool`, and not in the request's. `pool` and `log` last as long as the
    // connection is kept. False if there is no memory: then nothing was taken.
    [[nodiscard]] bool take(ngx_http_upstream_t &u, bool keeps_choice, ngx_pool_t *pool,
                            ngx_log_t *log) noexcept;
    // The connection is one that another process has had, and has no place in any upstream. The
    // descriptor is closed with it, or if there is no memory, which is told by false.
    [[nodiscard]] bool take_over(int descriptor, std::string_view name, ngx_pool_t *pool,
                                 ngx_log_t *log) noexcept;
    // Another process goes on with it.
    void hand_over() noexcept;
    // Closes it, and gives its place in the upstream back.
    void close() noexcept;

    // Null if it is not taken, or closed.
    [[nodiscard]] ngx_connection_t *connection() const noexcept { return peer_.connection; }
    [[nodiscard]] ngx_str_t *name() const noexcept { return peer_.name; }

    // Bytes are accounted for in this state of another upstream from now on; null: in none.
    void account_in(ngx_http_upstream_state_t *state) noexcept;

private:
    ngx_peer_connection_t peer_ = {};
    ngx_http_upstream_state_t *state_ = nullptr;
    off_t sent_before_ = 0;  // what other states account for
    EndpointPlace place_;
};

}  // namespace ngx_ws
