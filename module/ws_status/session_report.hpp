// What one session brings to the counters and to the list of sessions.
#pragma once

#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"
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

    // Whether a turn of the relay has brought anything to report: many of them bring nothing.
    [[nodiscard]] bool has_news(const ws::Relay &relay) noexcept {
        const uint64_t before = std::exchange(stamp_, relay.stamp());
        return stamp_ != before || is_looked_at_ || tally_.stalls();
    }
    // What has happened by now.
    void take(const ws::Facts &facts, ws::Relay &relay) noexcept {
        tally_.take(facts);
        if (place_ != nullptr) {
            place_->entry.update(facts);
            ask(relay);
        }
    }
    // The session is over. Nothing else may be called afterwards.
    void end(const ws::Facts &facts) noexcept;

    // When there will be something new to report, should nothing happen; 0: not before it does.
    [[nodiscard]] ngx_msec_t next_after() const noexcept;
    // For what is told as it happens.
    [[nodiscard]] ws::Tally &tally() noexcept { return tally_; }

private:
    void ask(ws::Relay &relay) noexcept;

    ws::Tally tally_;
    ws::Shelf::Place *place_;  // null: the list has no room
    uint64_t stamp_ = 0;
    ngx_msec_t asked_at_ = 0;    // what is not acknowledged
    bool is_looked_at_ = false;  // somebody wants to know that
    bool is_under_way_ = false;  // it was not nothing, or may be more by now
};

}  // namespace ngx_ws
