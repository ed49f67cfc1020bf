// A session that outlives its requests: each of them is a leg of it, one at a time, and between two
// legs it waits for the next. docs/resume-protocol.md.
#pragma once

#include "module/ws_resume/end_of_leg.hpp"
#include "module/ws_resume/kept_backend.hpp"
#include "module/ws_resume/leaver.hpp"
#include "module/ws_resume/leg_counts.hpp"
#include "module/ws_resume/resumed_messages.hpp"
#include "module/ws_resume/sessions.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_session/worker_host.hpp"
#include "module/ws_steering/steered.hpp"

#include "ngx_ws_filter/ws_resume/resume_names.hpp"

#include <optional>

namespace ngx_ws {

class ResumableLeg;
class SessionLeg;
struct Claim;
struct Claimant;

// Lives in a pool of its own.
class Resumable final : public Listed, private WorkerHost, public Steered, public Leaving {
public:
    // Null if there is no memory, or no randomness.
    [[nodiscard]] static Resumable *make(ngx_http_request_t *r, const Context &ctx) noexcept;
    struct Beginning {
        ngx_pool_t *pool;
        const LocConf *conf;
        const ngx_http_core_srv_conf_t *server;
        const ngx_http_core_loc_conf_t *location;
        uint64_t home;
        uint64_t number;
        ws::ResumeName name;
        ws::Sids sids;
        ngx_str_t bound;
        ws::ResumeTerms terms;
    };
    explicit Resumable(const Beginning &beginning) noexcept;

    [[nodiscard]] ngx_pool_t *pool() const noexcept { return pool_; }

    // --- its first leg

    // The backend stands.
    void open(ResumableLeg &leg) noexcept;
    // The 101 is out: from now on the session is what has the backend's connection. False if there
    // is no memory.
    [[nodiscard]] bool keep(ResumableLeg &leg) noexcept;
    // The request ends before that.
    void release() noexcept;
    void drop() noexcept;

    // --- later ones

    [[nodiscard]] ws::SidMatch match(const ws::SidSecret &secret) const noexcept {
        return sids_.match(secret);
    }
    // Whether it comes to where the session was begun, and is who began it.
    [[nodiscard]] bool belongs_to(const Claimant &claimant) const noexcept;
    [[nodiscard]] ws::Breach check_ack(uint64_t client_has) const noexcept {
        return messages_.translator->check_ack(client_has);
    }
    // False if there is nothing left to resume.
    [[nodiscard]] bool attach(SessionLeg &leg, const Claim &claim) noexcept;

    // --- all of them

    // Something has happened to one of the connections, or time has passed. May end the leg's
    // request, and this object.
    void turn() noexcept;
    // An event of the backend's connection.
    void on_backend(const ngx_connection_t *c) noexcept;
    // Whether an event of the backend's connection is worth a turn.
    [[nodiscard]] friend bool is_news(Resumable &session, const ngx_event_t *ev) noexcept {
        return ngx_ws::is_news(session.backend_.endpoint(), ev);
    }
    // nginx ends the request of the leg. The session goes on, if the worker does.
    void lose_leg() noexcept;

    // The facts of the present leg.
    [[nodiscard]] ws::Facts facts() const noexcept;
    [[nodiscard]] LegFacts leg_facts() const noexcept;

private:
    friend struct SessionMove;

    bool end_now(ws::CloseCode code, std::string_view why) noexcept override;
    [[nodiscard]] ws::Answer send_answer() noexcept override;
    void come_back() noexcept override;
    void report() noexcept override { WorkerHost::report(totals(), *relay_); }
    [[nodiscard]] ngx_log_t *log() const noexcept override;

    [[nodiscard]] bool displace() noexcept;
    SessionLeg &leave_leg() noexcept;
    SessionLeg &part_from_leg(const EndOfLeg &end) noexcept;
    void on_exit() noexcept;
    void shut_down() noexcept;
    void end() noexcept;
    void log_end() noexcept;
    // The facts of all legs together.
    [[nodiscard]] ws::Facts totals() const noexcept;
    void destroy() noexcept;

    ngx_pool_t *pool_;
    const LocConf *conf_;
    ngx_log_t log_;
    SessionLeg *leg_ = nullptr;
    KeptBackend backend_;
    ws::ResumeName name_;
    const ngx_http_core_srv_conf_t *server_;  // where it was begun
    const ngx_http_core_loc_conf_t *location_;
    ngx_str_t bound_;  // ws_resume_bind
    ws::Sids sids_;
    ResumedMessages messages_;
    std::optional<ws::Relay> relay_;
    LegCounts counts_;
    unsigned legs_ = 0;
    ngx_msec_t detached_at_ = 0;
    ngx_msec_t detached_ = 0;  // before this leg
    EndOfLeg *end_ = nullptr;  // that it was told of while it was on its way
};

// The size of the pool in which it is to be made.
[[nodiscard]] size_t resumable_pool_size() noexcept;
// Events of the backend's connection go to the session.
void listen_to_backend(Resumable &session, ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
