// The one timer of a session.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_life/deadlines.hpp"

namespace ngx_ws {

// That of the backend's writing, since a subrequest has the client's too.
[[nodiscard]] inline ngx_event_t *clock_of(const ngx_connection_t *backend) noexcept {
    return backend->write;
}

// A timer that goes off early does no harm, and most deadlines only move away.
inline void wake_at(ngx_event_t *clock, ws::Millis deadline) noexcept {
    // nginx lets an exiting worker go as soon as no timer is armed.
    constexpr ngx_msec_t longest_wait = 3600000;
    const ngx_msec_t now = ngx_current_msec;
    const ngx_msec_t at = ngx_min(deadline, now + longest_wait);
    if (clock->timer_set && static_cast<ngx_msec_int_t>(at - clock->timer.key) >= 0) {
        return;
    }
    if (clock->timer_set) {
        ngx_del_timer(clock);
    }
    ngx_add_timer(clock, at > now ? at - now : 0);
}

}  // namespace ngx_ws
