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

// The sessions of this worker that have something to report, or will have.
class Rounds {
public:
    void add(SessionReport &report) noexcept {
        if (report.place_in_round_.next == nullptr) {
            ngx_queue_insert_tail(&ngx::ready(all_), &report.place_in_round_);
        }
        arm(between_rounds);
    }
    static void remove(SessionReport &report) noexcept {
        if (report.place_in_round_.next != nullptr) {
            ngx_queue_remove(&report.place_in_round_);
            report.place_in_round_ = {};
        }
    }
    void go() noexcept;

private:
    static constexpr ngx_msec_t between_rounds = 100;

    // One that is armed already goes off no later than nginx finds worth the change.
    void arm(ngx_msec_t after) noexcept;
    static void on_timer(ngx_event_t *ev) noexcept { static_cast<Rounds *>(ev->data)->go(); }

    ngx_queue_t all_ = {};
    ngx_event_t timer_ = {};
};

namespace {

constinit Rounds the_rounds;

}  // namespace

void Rounds::arm(ngx_msec_t after) noexcept {
    if (timer_.timer_set &&
        static_cast<ngx_msec_int_t>(timer_.timer.key - ngx_current_msec - after) <= 0) {
        return;
    }
    // nginx's line about a timer, at debug, takes its data for a connection: this is no smaller.
    static_assert(sizeof(Rounds) > offsetof(ngx_connection_t, fd));
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = ngx_cycle->log;
    timer_.cancelable = 1;  // it keeps no worker that is to go
    ngx_add_timer(&timer_, after);
}

// What changes by itself stays for the next round, which has time.
void Rounds::go() noexcept {
    ngx_queue_t now;
    ngx_queue_init(&now);
    if (!ngx_queue_empty(&ngx::ready(all_))) {
        ngx_queue_add(&now, &all_);
        ngx_queue_init(&all_);
    }
    while (!ngx_queue_empty(&now)) {
        auto &report = *reinterpret_cast<SessionReport *>(ngx_queue_head(&now));
        remove(report);
        report.is_fresh_ = false;
        report.reporter_.report(report.reporter_.who);
        if (report.changes_by_itself()) {
            ngx_queue_insert_tail(&all_, &report.place_in_round_);
        }
    }
    if (!ngx_queue_empty(&all_)) {
        arm(longest_unasked);
    }
}

void report_all() noexcept {
    the_rounds.go();
}

void SessionReport::wait_for_round() noexcept {
    is_fresh_ = true;
    the_rounds.add(*this);
}

SessionReport *SessionReport::begin(ngx_http_request_t *r, ngx_pool_t *pool,
                                    std::string_view subprotocol, Reporter reporter) noexcept {
    ws::Counters *counters = counters_of(loc_conf(r).status.zone);
    if (counters == nullptr) {
        return nullptr;
    }
    ws::Shelf::Place *place = take_place();
    if (place != nullptr) {
        list(r, subprotocol, place->entry);
    }
    auto *report = ngx::make_apart<SessionReport>(pool, *counters, place, reporter);
    if (report == nullptr && place != nullptr) {
        give_back(*place);
    }
    return report;
}

SessionReport *SessionReport::go_on(const LocConf &conf, ngx_pool_t *pool, const Past &past,
                                    Reporter reporter) noexcept {
    ws::Counters *counters = counters_of(conf.status.zone);
    if (counters == nullptr) {
        return nullptr;
    }
    ws::Shelf::Place *place = take_place();
    auto *report = ngx::make_apart<SessionReport>(pool, *counters, place, reporter);
    if (report == nullptr) {
        if (place != nullptr) {
            give_back(*place);
        }
        return nullptr;
    }
    report->tally_.go_on(past.facts, past.age);
    if (place != nullptr) {
        place->entry.open({.number = past.number,
                           .begun_at = milliseconds_since_1970() - past.age,
                           .worker = static_cast<uint64_t>(ngx_pid),
                           .zone = ngx::view(conf.status.zone->name),
                           .client = past.client,
                           .location = past.location,
                           .upstream = past.upstream,
                           .subprotocol = past.subprotocol});
    }
    return report;
}

bool SessionReport::read_entry(ws::EntryCopy &copy) const noexcept {
    return place_ != nullptr && place_->entry.read(place_->entry.number(), copy);
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

void SessionReport::end(const ws::Facts &facts) noexcept {
    Rounds::remove(*this);
    tally_.end(facts, ngx_current_msec);
    leave_list();
}

void SessionReport::hand_over(const ws::Facts &facts) noexcept {
    Rounds::remove(*this);
    tally_.hand_over(facts);
    leave_list();
}

void SessionReport::leave_list() noexcept {
    if (place_ != nullptr) {
        give_back(*std::exchange(place_, nullptr));
    }
}

}  // namespace ngx_ws
