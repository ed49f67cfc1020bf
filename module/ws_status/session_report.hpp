// What one session brings to the counters and to the list of sessions.
#pragma once

#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"
#include "ngx_ws_filter/ws_status/tally.hpp"

namespace ngx_ws {

struct LocConf;

// Whoever calls take() when a report is due.
struct Reporter {
    void (*report)(void *who) noexcept;
    void *who;
};

// The session only says that it has had a turn. All sessions of a worker that had one report
// together, a tenth of a second later: a turn costs no more than a look at a flag.
class SessionReport {
public:
    // The session of this request begins. In memory of its own, that of `pool`; null if it is not
    // counted.
    [[nodiscard]] static SessionReport *begin(ngx_http_request_t *r, ngx_pool_t *pool,
                                              std::string_view subprotocol,
                                              Reporter reporter) noexcept;
    SessionReport(ws::Counters &counters, ws::Shelf::Place *place, Reporter reporter) noexcept
        : tally_(counters, ngx_current_msec), place_(place), reporter_(reporter) {}

    // A session goes on from another process, which has counted it up to these facts.
    struct Past {
        uint64_t number;
        ws::Millis age;
        std::string_view client;
        std::string_view location;
        std::string_view upstream;
        std::string_view subprotocol;
        ws::Facts facts;
    };
    [[nodiscard]] static SessionReport *go_on(const LocConf &conf, ngx_pool_t *pool,
                                              const Past &past, Reporter reporter) noexcept;
    // What the other process needs to be told.
    [[nodiscard]] ws::Millis age() const noexcept { return ngx_current_msec - tally_.begun_at(); }
    [[nodiscard]] bool read_entry(ws::EntryCopy &copy) const noexcept;

    // The session has had a turn, which may have brought something to report.
    void note_turn() noexcept {
        if (!is_fresh_) {
            wait_for_round();
        }
    }
    // What has happened by now.
    void take(const ws::Facts &facts, ws::Relay &relay) noexcept {
        tally_.take(facts);
        if (place_ != nullptr) {
            place_->entry.update(facts);
            ask(relay);
        }
    }
    // The session is over, or another process goes on with it. Nothing else may be called
    // afterwards.
    void end(const ws::Facts &facts) noexcept;
    void hand_over(const ws::Facts &facts) noexcept;

    // For what is told as it happens.
    [[nodiscard]] ws::Tally &tally() noexcept { return tally_; }

private:
    friend class Rounds;

    void leave_list() noexcept;
    void wait_for_round() noexcept;
    void ask(ws::Relay &relay) noexcept;
    // There will be something new to report, even if the session has no turn.
    [[nodiscard]] bool changes_by_itself() const noexcept {
        return (is_looked_at_ && is_under_way_) || tally_.stalls();
    }

    ngx_queue_t place_in_round_ = {};  // the first member; its `next` is null: it has none
    ws::Tally tally_;
    ws::Shelf::Place *place_;  // null: the list has no room
    Reporter reporter_;
    ngx_msec_t asked_at_ = 0;    // what is not acknowledged
    bool is_fresh_ = false;      // a turn has come since the last report
    bool is_looked_at_ = false;  // somebody wants to know that
    bool is_under_way_ = false;  // it was not nothing, or may be more by now
};

// All sessions of this worker report, if they have anything to report.
void report_all() noexcept;

}  // namespace ngx_ws
