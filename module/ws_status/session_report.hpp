// What one session brings to the counters and to the list of sessions.
#pragma once

#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_status/tally.hpp"

namespace ngx_ws {

class SessionReport {
public:
    // The session of this request begins. In memory of its own, that of `pool`; null if it is not
    // counted.
    [[nodiscard]] static SessionReport *begin(ngx_http_request_t *r, ngx_pool_t *pool,
                                              std::string_view subprotocol) noexcept;
    SessionReport(ws::Counters &counters, ws::Shelf::Place *place) noexcept
        : tally_(counters, ngx_current_msec), place_(place) {}

    // What has happened by now.
    void take(const ws::Facts &facts) noexcept {
        tally_.take(facts);
        if (place_ != nullptr) {
            place_->entry.update(facts);
        }
    }
    // The session is over. Nothing else may be called afterwards.
    void end(const ws::Facts &facts) noexcept;

    // A side did so when the last turn ended.
    [[nodiscard]] bool stalls() const noexcept { return tally_.stalls(); }
    // For what is told as it happens.
    [[nodiscard]] ws::Tally &tally() noexcept { return tally_; }

private:
    ws::Tally tally_;
    ws::Shelf::Place *place_;  // null: the list has no room
};

}  // namespace ngx_ws
