// A worker that is told to go ends its sessions one by one, or sends their clients away, spread
// over ws_drain_time, so that those who come back do not come all at once.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// A session that can be ended so.
class Drainable {
public:
    // Milliseconds over which the worker spreads the ends of all.
    [[nodiscard]] virtual ngx_msec_t drain_time() const noexcept { return 0; }
    // When data moved last.
    [[nodiscard]] virtual ngx_msec_t moved_at() const noexcept { return 0; }
    // `why`, a literal, says when to come back. May end the session, and with it this object.
    virtual void drain(std::string_view /*why*/) noexcept {}

protected:
    Drainable() = default;
    ~Drainable() = default;

    // The session has begun, and is over. The second does nothing without the first.
    void join_worker() noexcept;
    void leave_worker() noexcept;

private:
    friend class Drain;

    struct Place {
        ngx_queue_t queue;  // first, because it leads to the place
        Drainable *session;
    };

    Place place_ = {};  // among all of the worker; its session is null where it is not there
    ngx_msec_t due_ = 0;
};

// To be called when a worker begins, if any session may be drained. Without a connection or
// descriptor for that, which the log then tells, sessions stay.
void watch_for_exit(ngx_cycle_t *cycle) noexcept;

}  // namespace ngx_ws
