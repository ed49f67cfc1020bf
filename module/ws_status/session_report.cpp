#include "module/ws_status/session_report.hpp"

#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

constexpr ngx_msec_t longest_unasked = 1000;

uint64_t milliseconds_since_1970() noexcept {
    const ngx_time_t *now = ngx_timeofday();
    return static_cast<uint64_t>(now->sec) * 1000 + now->msec;
}

void list(ngx_http_request_t *r, std::string_view subprotocol, ws::Entry &entry) noexcept {
    const ngx_http_core_loc_conf_t &location = ngx::core_location(r);
    const ngx_str_t *upstream = r->upstream->peer.name;
    entry.open({.number = r->connection->number,
                .begun_at = milliseconds_since_1970(),
                .worker = static_cast<uint64_t>(ngx_pid),
                .zone = ngx::view(loc_conf(r).status.zone->name),
                .client = ngx::view(r->connection->addr_text),
                .location = ngx::view(location.name),
                .upstream = upstream == nullptr ? std::string_view{} : ngx::view(*upstream),
                .subprotocol = subprotocol});
}

}  // namespace

SessionReport *SessionReport::begin(ngx_http_request_t *r, ngx_pool_t *pool,
                                    std::string_view subprotocol) noexcept {
    ws::Counters *counters = counters_of(loc_conf(r).status.zone);
    if (counters == nullptr) {
        return nullptr;
    }
    ws::Shelf::Place *place = take_place();
    if (place != nullptr) {
        list(r, subprotocol, place->entry);
    }
    auto *report = ngx::make_apart<SessionReport>(pool, *counters, place);
    if (report == nullptr && place != nullptr) {
        give_back(*place);
    }
    return report;
}

// At most once a second, and only while somebody looks: each costs a call of the system.
void SessionReport::ask(ws::Relay &relay) noexcept {
    const bool was_looked_at = is_looked_at_;
    is_looked_at_ = is_list_looked_at();
    if (!is_looked_at_) {
        if (was_looked_at) {
            place_->entry.forget_unacknowledged();
        }
        return;
    }
    is_under_way_ = true;
    if (was_looked_at && ngx_current_msec - asked_at_ < longest_unasked) {
        return;
    }
    asked_at_ = ngx_current_msec;
    const uint64_t by_client = relay.unacknowledged(ws::Side::client);
    const uint64_t by_backend = relay.unacknowledged(ws::Side::backend);
    place_->entry.set_unacknowledged(by_client, by_backend, milliseconds_since_1970());
    is_under_way_ = by_client != 0 || by_backend != 0;
}

ngx_msec_t SessionReport::next_after() const noexcept {
    constexpr ngx_msec_t longest_stall_unseen = 5000;
    if (is_looked_at_ && is_under_way_) {
        return longest_unasked;
    }
    return tally_.stalls() ? longest_stall_unseen : 0;
}

void SessionReport::end(const ws::Facts &facts) noexcept {
    tally_.end(facts, ngx_current_msec);
    if (place_ != nullptr) {
        give_back(*std::exchange(place_, nullptr));
    }
}

}  // namespace ngx_ws
