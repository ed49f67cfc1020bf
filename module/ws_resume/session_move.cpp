#include "module/ws_resume/session_move.hpp"

#include "module/ws_endpoints/moved_connection.hpp"
#include "module/ws_resume/replay_blocks.hpp"
#include "module/ws_resume/resumable_leg.hpp"
#include "module/ws_resume/terms.hpp"
#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

#include <algorithm>
#include <cstring>

namespace ngx_ws {

namespace {

// In the last seconds of a worker's time clients are told to leave it.
constexpr ngx_msec_t near = 10000;

constexpr std::string_view leaves = "this worker leaves";

// worker_shutdown_timeout; 0: there is none.
ngx_msec_t shutdown_timeout() noexcept {
    return reinterpret_cast<ngx_core_conf_t *>(ngx_get_conf(ngx_cycle->conf_ctx, ngx_core_module))
        ->shutdown_timeout;
}

}  // namespace

// --- what may be moved

bool SessionMove::may_move(Resumable &session) noexcept {
    const ngx_connection_t *c = session.backend_.connection();
    return session.relay_.has_value() && session.messages_.translator->is_kept() &&
           !session.messages_.translator->limits().keeps_messages && c != nullptr &&
           MovedConnection::may_move(c, session.backend_.endpoint()) &&
           (is_detached(session) || session.relay_->tunnel().may_detach());
}

bool SessionMove::is_detached(const Resumable &session) noexcept {
    return session.leg_ == nullptr && session.relay_.has_value() &&
           session.relay_->tunnel().phase() == ws::Phase::detached;
}

// --- the client

ngx_msec_t SessionMove::notice() noexcept {
    constexpr ngx_msec_t longest = 1000;
    const ngx_msec_t limit = shutdown_timeout();
    return limit == 0 ? longest : ngx_min(longest, limit / 4);
}

bool SessionMove::may_stay(const Resumable &session) noexcept {
    const ngx_msec_t limit = shutdown_timeout();
    return session.conf_->times.drain_time == 0 && (limit == 0 || limit > near);
}

ngx_msec_t SessionMove::patience() noexcept {
    const ngx_msec_t limit = shutdown_timeout();
    return limit > near ? limit - near : 0;
}

ngx_msec_t SessionMove::moved_at(const Resumable &session) noexcept {
    return session.relay_->tunnel().moved_at();
}

ngx_msec_t SessionMove::spread(const Resumable &session) noexcept {
    const ngx_msec_t limit = shutdown_timeout();
    const ngx_msec_t time = session.conf_->times.drain_time;
    return limit == 0 ? time : ngx_min(time, limit / 2);
}

void SessionMove::tell(Resumable &session) noexcept {
    session.messages_.translator->send_away(static_cast<uint32_t>(notice()));
    session.come_back();
}

// One client of v4 comes back from a lost connection alone, and another from this code.
SessionLeg *SessionMove::leave_leg(Resumable &session) noexcept {
    const bool says_close = session.name_ != ws::ResumeName::ssh;
    const ws::CloseCode code = says_close ? ws::resume_close::come_back : ws::CloseCode::abnormal;
    if (session.leg_ == nullptr || !session.relay_->part(code, leaves, ngx_current_msec)) {
        return nullptr;
    }
    SessionLeg &left = session.part_from_leg({ws::Side::gateway, code, leaves});
    ngx_post_event(session.backend_.connection()->read, &ngx_posted_events);  // for its clock
    return &left;
}

bool SessionMove::part(Resumable &session) noexcept {
    SessionLeg *leg = leave_leg(session);
    if (leg != nullptr) {
        leg->close();
    }
    return leg != nullptr;
}

bool SessionMove::part_unclosed(Resumable &session) noexcept {
    return leave_leg(session) != nullptr;
}

// --- away from here

bool SessionMove::write(Resumable &session, Parcels &to) noexcept {
    ws::EntryCopy entry;
    const SessionReport *report = session.current_report();
    const bool is_listed = report != nullptr && report->read_entry(entry);
    const ws::KeptRelay relay = session.relay_->kept(ngx_current_msec);
    const ws::SessionKey &key = session.key();
    const ws::HandedSession handed = {
        .home = session.home,
        .number = session.number(),
        .current = session.sids_.current(),
        .next = session.sids_.pending() ? session.sids_.next() : session.sids_.current(),
        .name = session.name_,
        .limits = session.messages_.translator->limits(),
        .relay = relay,
        .counts = session.counts_.kept(session.legs_),
        .age = report == nullptr ? 0 : report->age(),
        .detached = ngx_current_msec - session.detached_at_,
        .key = {key.words[0], key.words[1]},
        .server = ngx::view(session.server_->server_name),
        .location = ngx::view(session.location_->name),
        .bound = ngx::view(session.bound_),
        .backend = ngx::view(*session.backend_.name()),
        .client = is_listed ? entry.client() : std::string_view{},
        .held = session.relay_->held_for_backend(),
        .replay = {static_cast<const uint8_t *>(nullptr),
                   session.messages_.translator->replayed()}};
    const size_t size = ws::handed_size(handed);
    uint8_t *bytes = to.prepare(Says::session, size, session.backend_.connection()->fd, false);
    if (bytes == nullptr) {
        return false;
    }
    session.messages_.translator->read_replay(ws::write_handed(handed, {bytes, size}));
    return true;
}

void SessionMove::freeze(Resumable &session) noexcept {
    ngx_connection_t *c = session.backend_.connection();
    for (ngx_event_t *ev : {c->read, c->write}) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }
    }
}

// Whatever has happened to the connection meanwhile is looked for.
void SessionMove::thaw(Resumable &session) noexcept {
    if (session.end_ != nullptr) {
        session.relay_->end(session.end_->code, session.end_->why, ngx_current_msec);
    }
    ngx_connection_t *c = session.backend_.connection();
    c->read->ready = 1;
    c->read->available = -1;
    ngx_post_event(c->read, &ngx_posted_events);
}

void SessionMove::give_up(Resumable &session) noexcept {
    ngx_log_error(NGX_LOG_INFO, &session.log_, 0, "ws: another worker goes on with it");
    session.end_report_here(session.totals());
    sessions().remove(session);
    session.relay_->hand_over();
    session.backend_.hand_over();
    session.drop();
}

// Without memory for it the session goes on.
void SessionMove::pass_end(const Resumable &session, Parcels &to) noexcept {
    if (session.end_ == nullptr) {
        return;
    }
    const std::string_view why = session.end_->why;
    const OrderedEnd end = {.home = session.home,
                            .number = session.number(),
                            .code = static_cast<uint16_t>(session.end_->code)};
    uint8_t *bytes = to.prepare(Says::end, sizeof(end) + why.size(), -1, false);
    if (bytes != nullptr) {
        std::memcpy(bytes, &end, sizeof(end));
        std::copy(why.begin(), why.end(), bytes + sizeof(end));
    }
}

void SessionMove::count(const Resumable &session, bool taken) noexcept {
    ws::Counters *counters = counters_of(session.conf_->status.zone);
    if (counters != nullptr) {
        counters->count(ws::Metric::handovers, taken ? 0 : 1);
    }
}

void SessionMove::end(Resumable &session) noexcept {
    if (session.leg_ == nullptr) {
        session.shut_down();
    } else {
        session.leg_->on_backend(true);
    }
}

// --- to here

Resumable *SessionMove::make(const ws::HandedSession &from, const ResumedPlace &place,
                             ngx_pool_t *pool) noexcept {
    ws::Limits limits = from.limits;
    const ngx_str_t service = ngx::copy(pool, limits.service);
    const ngx_str_t bound = ngx::copy(pool, from.bound);
    void *memory = ngx_palloc(pool, sizeof(Resumable));
    if (service.data == nullptr || bound.data == nullptr || memory == nullptr) {
        return nullptr;
    }
    limits.service = ngx::view(service);
    const Resumable::Beginning beginning = {
        .pool = pool,
        .conf = place.conf,
        .server = place.server,
        .location = place.location,
        .home = from.home,
        .number = from.number,
        .name = from.name,
        .sids = {from.current, from.next},
        .bound = bound,
        .terms = {.limits = limits, .own_name = from.name == ws::ResumeName::own}};
    auto *session = new (memory) Resumable(beginning);
    return session->messages_.translator == nullptr ? nullptr : session;
}

Resumable *SessionMove::adopt(std::span<const uint8_t> message, int descriptor) noexcept {
    ws::HandedSession from;
    const ResumedPlace *place = ws::read_handed(message, from)
                                    ? find_resumed(main_conf(), from.server, from.location)
                                    : nullptr;
    const bool is_known = place != nullptr && !from.limits.keeps_messages &&
                          sessions().find(from.home, from.number) == nullptr;
    ngx_pool_t *pool = is_known && prepare_scratch()
                           ? ngx_create_pool(resumable_pool_size(), ngx_cycle->log)
                           : nullptr;
    Resumable *session = pool == nullptr ? nullptr : make(from, *place, pool);
    if (session == nullptr) {
        if (pool != nullptr) {
            ngx_destroy_pool(pool);
        }
        (void)::close(descriptor);
        return nullptr;
    }
    replay_blocks().limit(main_conf().resume_memory);
    return go_on(*session, from, *place, descriptor) ? session : nullptr;
}

bool SessionMove::go_on(Resumable &session, const ws::HandedSession &from,
                        const ResumedPlace &place, int descriptor) noexcept {
    if (!session.backend_.take_over(descriptor, from.backend, session.pool_, &session.log_)) {
        session.drop();
        return false;
    }
    session.backend_.place().make(session.backend_.connection(),
                                  backend_bounds(place.conf->flow, false),
                                  place.location->tcp_nodelay != 0, {}, nullptr);
    MovedConnection::go_on(session.backend_.endpoint(), from.relay.to_backend);
    session.counts_.go_on(from.counts);
    session.legs_ = static_cast<unsigned>(from.counts.legs);
    session.detached_at_ = ngx_current_msec - from.detached;
    session.relay_.emplace(relay_options(*place.conf, from.name), ws::absent_session(),
                           *session.messages_.translator, session.backend_.endpoint(),
                           session.backend_.endpoint(), static_cast<ws::Host &>(session));
    session.relay_->outlive_legs(*session.messages_.translator, session,
                                 legs(*place.conf, from.name, from.limits));
    if (!session.relay_->go_on(from.relay, from.held, from.replay, ngx_current_msec)) {
        drop(session);
        return false;
    }
    Steered &steered = session;
    steered.enter_again(*place.conf, from.number, ws::SessionKey{{from.key[0], from.key[1]}});
    session.go_on_report(*place.conf, session.pool_,
                         {.number = from.number,
                          .age = from.age,
                          .client = from.client,
                          .location = from.location,
                          .upstream = from.backend,
                          .subprotocol = from.limits.service,
                          .facts = session.totals()});
    return true;
}

void SessionMove::begin(Resumable &session) noexcept {
    ngx_connection_t *c = session.backend_.connection();
    listen_to_backend(session, c);
    sessions().add(session);
    session.join_worker();
    ngx_log_error(NGX_LOG_INFO, &session.log_, 0, "ws: goes on with a session of another worker");
    if (ngx_add_conn != nullptr && ngx_add_conn(c) != NGX_OK) {
        session.shut_down();
        return;
    }
    ngx_post_event(c->read, &ngx_posted_events);
    leaver().offer(session);
}

void SessionMove::obey_end(std::span<const uint8_t> message) noexcept {
    OrderedEnd end = {};
    if (message.size() < sizeof(end)) {
        return;
    }
    std::memcpy(&end, message.data(), sizeof(end));
    Listed *found = sessions().find(end.home, end.number);
    if (found != nullptr) {
        const std::span<const uint8_t> why = message.subspan(sizeof(end));
        (void)static_cast<Resumable *>(found)->end_now(
            ws::CloseCode{static_cast<uint16_t>(end.code)},
            {reinterpret_cast<const char *>(why.data()), why.size()});
    }
}

void SessionMove::drop(Resumable &session) noexcept {
    session.end_report_here(session.totals());
    session.relay_->hand_over();
    session.backend_.hand_over();
    session.drop();
}

}  // namespace ngx_ws
