#include "module/ws_resume/resumable.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_resume/admission.hpp"
#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/claim.hpp"
#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/owner_socket.hpp"
#include "module/ws_resume/replay_blocks.hpp"
#include "module/ws_resume/resumable_leg.hpp"
#include "module/ws_resume/terms.hpp"
#include "module/ws_session/clock.hpp"
#include "module/ws_session/rates.hpp"
#include "module/ws_upgrade/expiry.hpp"

namespace ngx_ws {

namespace {

constexpr std::string_view displaced = "displaced by another leg";

void handle_backend(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    auto &session = *static_cast<Resumable *>(c->data);
    const bool tells_news = is_news(session, ev);
    ev->timedout = 0;
    if (tells_news) {
        session.on_backend(c);
    }
}

u_char *append_session(ngx_log_t *log, u_char *buffer, size_t size) {
    const auto &session = *static_cast<Resumable *>(log->data);
    return ngx_snprintf(buffer, size, ", session: %uL", session.number());
}

ws::SidText sid_of(const Listed &session, const ws::SidSecret &secret) noexcept {
    return ws::SidText({.node = node_name(),
                        .worker = session.home,
                        .session = session.number(),
                        .secret = secret});
}

}  // namespace

// The object has memory of its own. What a server of an upstream{} is chosen with lies here, too.
size_t resumable_pool_size() noexcept {
    return sizeof(ngx_pool_t) + sizeof(ngx_pool_large_t) + sizeof(ws::ResumeTranslator) + 160;
}

void listen_to_backend(Resumable &session, ngx_connection_t *c) noexcept {
    c->data = &session;
    c->idle = ngx_exiting == 0;
    c->read->handler = handle_backend;
    c->write->handler = handle_backend;
}

Resumable *Resumable::make(ngx_http_request_t *r, const Context &ctx) noexcept {
    ngx_pool_t *pool = ngx_create_pool(resumable_pool_size(), ngx_cycle->log);
    if (pool == nullptr) {
        return nullptr;
    }
    const LocConf &conf = loc_conf(r);
    const ngx_str_t service = ngx::copy(pool, ctx.subprotocol);
    ws::SidSecret secret;
    ngx_str_t bound;
    Resumable *made = nullptr;
    if (service.data != nullptr && make_secret(secret) && read_bound(r, pool, bound)) {
        const Beginning beginning = {
            .pool = pool,
            .conf = &conf,
            .server = &ngx::core_server(r),
            .location = &ngx::core_location(r),
            .home = worker_number(),
            .number = r->connection->number,
            .name = ctx.asked->name,
            .sids = ws::Sids(secret),
            .bound = bound,
            .terms = resume_terms(conf, ctx.asked->name, ngx::view(service),
                                  ctx.frame_type == ws::Opcode::text, may_keep_another(r))};
        void *memory = ngx_palloc(pool, sizeof(Resumable));
        made = memory == nullptr ? nullptr : new (memory) Resumable(beginning);
    }
    if (made == nullptr || made->messages_.translator == nullptr) {
        ngx_destroy_pool(pool);
        return nullptr;
    }
    return made;
}

Resumable::Resumable(const Beginning &beginning) noexcept
    : pool_(beginning.pool),
      conf_(beginning.conf),
      log_(*beginning.location->error_log),
      name_(beginning.name),
      server_(beginning.server),
      location_(beginning.location),
      bound_(beginning.bound),
      sids_(beginning.sids),
      messages_(make_translator(pool_, *conf_, ws::absent_session(), beginning.terms, sids_)) {
    name(beginning.home, beginning.number);
    log_.connection = beginning.number;
    log_.handler = append_session;
    log_.data = this;
    log_.action = nullptr;
    pool_->log = &log_;
}

// --- the first leg

void Resumable::open(ResumableLeg &leg) noexcept {
    ngx_connection_t *c = leg.request()->upstream->peer.connection;
    leg.make_backend(backend_.place());
    listen_to_backend(*this, c);
    c->idle = 0;
    leg_ = &leg;
    legs_ = 1;
    ws::ResumeTranslator &translator = *messages_.translator;
    translator.use(*leg.session());
    relay_.emplace(relay_options(*conf_, name_), *leg.session(), translator, *leg.endpoint(),
                   backend_.endpoint(), static_cast<ws::Host &>(*this));
    relay_->outlive_legs(translator, *this, legs(*conf_, name_, translator.is_kept()));
    translator.greet({.sid = leg.keep_sid(sid_of(*this, sids_.current())), .next_sid = {}});
}

// An exiting worker tells connections of it that wait idly, and so this one.
bool Resumable::keep(ResumableLeg &leg) noexcept {
    ngx_http_upstream_t &u = *leg.request()->upstream;
    Steered::begin();
    bound(*relay_, leg.request(), leg.context());
    limit_rates(*relay_, leg.request());
    if (!backend_.take(u, leg.context().choose_server != nullptr, pool_, &log_)) {
        return false;
    }
    begin_report(leg.request(), pool_, leg.context().subprotocol);
    backend_.account_in(u.state);
    backend_.connection()->idle = ngx_exiting == 0;
    sessions().add(*this);
    join_worker();
    (void)listen_as_owner();
    leaver().inherit(worker_number());
    return true;
}

void Resumable::release() noexcept {
    if (relay_.has_value()) {
        relay_->release(ngx_current_msec);
        relay_->leave_session();
    }
    leg_ = nullptr;
}

void Resumable::drop() noexcept {
    Steered::leave();
    leave_worker();
    leaver().forget(*this);
    messages_.release();
    ngx_pool_t *pool = pool_;
    this->~Resumable();
    ngx_destroy_pool(pool);
}

// --- later ones

bool Resumable::belongs_to(const Claimant &claimant) const noexcept {
    return claimant.name == name_ && claimant.server == ngx::view(server_->server_name) &&
           claimant.location == ngx::view(location_->name) && claimant.bound == ngx::view(bound_);
}

bool Resumable::attach(SessionLeg &leg, const Claim &claim) noexcept {
    if (moves()) {
        return false;
    }
    if (leg_ != nullptr && !displace()) {
        return false;
    }
    // Its time is over, and it has only to deliver what it took.
    if (relay_->tunnel().phase() != ws::Phase::detached) {
        return false;
    }
    sids_.accept(claim.match);
    ws::Greeting greeting;
    if (name_ == ws::ResumeName::own) {
        sids_.offer(claim.fresh, claim.client_has);
        greeting.next_sid = leg.keep_sid(sid_of(*this, sids_.next()));
    }
    relay_->attach({.session = leg.session(),
                    .client = leg.endpoint(),
                    .host = this,
                    .greeting = greeting,
                    .client_has = claim.client_has});
    if (claim.time_left != 0) {
        relay_->expire_at(ngx_current_msec + claim.time_left);
    }
    leg_ = &leg;
    ++legs_;
    detached_ = ngx_current_msec - detached_at_;
    ngx_http_upstream_state_t *state = leg.state();
    if (state != nullptr) {
        state->peer = backend_.name();
    }
    backend_.account_in(state);
    return true;
}

// The last leg may be a link that looks alive. One with which the session ends is left alone.
bool Resumable::displace() noexcept {
    if (!relay_->part(ws::resume_close::displaced, displaced, ngx_current_msec)) {
        return false;
    }
    part_from_leg({ws::Side::gateway, ws::resume_close::displaced, displaced}).close();
    return true;
}

SessionLeg &Resumable::part_from_leg(const EndOfLeg &end) noexcept {
    ws::Facts facts = this->facts();
    facts.ended_by = end.by;
    facts.close_code = end.code;
    facts.why = end.why;
    leg_->is_over(facts, leg_facts(), true);
    leg_->linger(false, !leg_->connection()->error);
    detached_at_ = ngx_current_msec;
    counts_.end_leg(relay_->facts(ngx_current_msec));
    return leave_leg();
}

// Its request is still to end.
SessionLeg &Resumable::leave_leg() noexcept {
    backend_.account_in(nullptr);
    relay_->leave_session();
    return *std::exchange(leg_, nullptr);
}

// --- turns

void Resumable::turn() noexcept {
    switch (relay_->advance(ngx_current_msec)) {
        case ws::Relay::Turn::goes_on:
            break;
        case ws::Relay::Turn::parted:
            part_from_leg(end_of_leg(*leg_->session(), *relay_)).close();
            leaver().offer(*this);
            break;
        case ws::Relay::Turn::over:
            end();
            return;
    }
    const auto may_go_on = [this](Connection &endpoint, ws::Side side) {
        return watch(endpoint, relay_->waits_for_room(side));
    };
    if (!may_go_on(backend_.endpoint(), ws::Side::backend) ||
        (leg_ != nullptr && !may_go_on(*leg_->endpoint(), ws::Side::client))) {
        shut_down();
        return;
    }
    note_turn();
    wake_at(clock_of(backend_.connection()), relay_->wake_at());
}

// While the session has a leg, a turn is the leg's.
void Resumable::on_backend(const ngx_connection_t *c) noexcept {
    if (moves()) {
        return;
    }
    if (c->close && c->idle) {
        on_exit();
        return;
    }
    if (c->close && leaver().move_now(*this, true)) {
        backend_.connection()->close = 0;
        return;
    }
    if (leg_ == nullptr) {
        c->close ? shut_down() : turn();
        return;
    }
    leg_->on_backend(c->close != 0);
}

ws::Answer Resumable::send_answer() noexcept {
    return leg_->send_answer();
}

void Resumable::come_back() noexcept {
    if (leg_ != nullptr) {
        leg_->come_back();
    } else {
        ngx_post_event(backend_.connection()->read, &ngx_posted_next_events);
    }
}

ngx_log_t *Resumable::log() const noexcept {
    return leg_ == nullptr ? const_cast<ngx_log_t *>(&log_) : leg_->connection()->log;
}

// --- the end

// The whole session, whether it has a leg or not. One that is on its way ends if it is not taken.
bool Resumable::end_now(ws::CloseCode code, std::string_view why) noexcept {
    if (moves()) {
        if (end_ == nullptr) {
            end_ = ngx::make<EndOfLeg>(
                pool_, EndOfLeg{ws::Side::gateway, code, ngx::view(ngx::copy(pool_, why))});
        }
        return false;
    }
    const bool went_on = !relay_->tunnel().ending();
    relay_->end(code, ngx::view(ngx::copy(pool_, why)), ngx_current_msec);
    on_backend(backend_.connection());
    return went_on;
}

// Those who come back come by way of the new workers, as long as this one is to be reached.
void Resumable::on_exit() noexcept {
    ngx_connection_t *c = backend_.connection();
    c->close = 0;
    c->idle = 0;
    if (listen_as_owner()) {
        return;
    }
    relay_->keep_no_longer(ngx_current_msec);
    if (leg_ == nullptr) {
        turn();
    }
}

void Resumable::lose_leg() noexcept {
    ngx_connection_t *c = backend_.connection();
    const bool worker_stops = leg_->connection()->close || c->close;
    if (worker_stops && leaver().move_now(*this, false)) {
        c->close = 0;
        return;
    }
    if (!worker_stops && relay_->part(ws::CloseCode::abnormal, {}, ngx_current_msec)) {
        part_from_leg({ws::Side::gateway, ws::CloseCode::abnormal, "request was aborted"});
        leaver().offer(*this);
        ngx_post_event(c->read, &ngx_posted_events);
        return;
    }
    say_goodbye(*relay_, leg_->connection(), backend_.connection());
    relay_->release(ngx_current_msec);
    leg_->is_over(facts(), leg_facts(), false);
    end_report(totals());
    leave_leg();
    destroy();
}

void Resumable::shut_down() noexcept {
    relay_->stop(ws::CloseCode::going_away, "gateway is shutting down", ngx_current_msec);
    drop_unread(backend_.connection());
    end();
}

void Resumable::end() noexcept {
    relay_->release(ngx_current_msec);
    if (leg_ == nullptr) {
        log_end();
        destroy();
        return;
    }
    leg_->is_over(facts(), leg_facts(), false);
    leg_->linger(relay_->tunnel().client_has_stalled(), relay_->tunnel().client_speaks());
    end_report(totals());
    SessionLeg &leg = leave_leg();
    destroy();
    leg.close();
}

// What becomes of the last leg stands in the line of that.
void Resumable::log_end() noexcept {
    const ws::Facts facts = relay_->facts(ngx_current_msec);
    ngx_log_error(NGX_LOG_INFO, &log_, 0,
                  "ws: nobody came back, undelivered to backend %uL, to client %uL",
                  facts.undelivered_to_backend, facts.undelivered_to_client);
}

// What the last leg has counted, and heard of a Close, is reported before it is left.
void Resumable::destroy() noexcept {
    end_report(totals());
    sessions().remove(*this);
    backend_.close();
    drop();
}

// --- what can be told

ws::Facts Resumable::totals() const noexcept {
    return counts_.of_all(relay_->facts(ngx_current_msec), leg_ != nullptr);
}

ws::Facts Resumable::facts() const noexcept {
    return counts_.of_leg(relay_->facts(ngx_current_msec));
}

LegFacts Resumable::leg_facts() const noexcept {
    return {.session = number(), .leg = legs_, .detached = detached_};
}

}  // namespace ngx_ws
