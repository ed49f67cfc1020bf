// A worker that is told to go hands its sessions to one that stays, its heir, so that it can exit
// and none is lost. Clients are told to come back, and come to the heir.
//
// A session is moved while it is detached, as one message with the backend's socket. From then on
// until the heir has answered nobody touches that socket; the heir does so only once its answer is
// out. So whichever of the two dies, one alone goes on. Who leaves closes its end only once the
// heir has closed the other: an heir that has nobody to answer knows that it is the one. From an
// heir that stands still all others are taken elsewhere after a while, and that one is left to it.
#pragma once

#include "module/ws_resume/parcels.hpp"
#include "module/ws_resume/rendezvous.hpp"
#include "module/ws_session/drain.hpp"

#include <optional>

namespace ngx_ws {

class Resumable;

// How both introduce themselves. A worker of the same configuration is about to leave, too.
struct Hello {
    uint32_t version;
    uint32_t nothing;
    uint64_t generation;
    uint64_t worker;  // its number, see identity.hpp
};

// What a session has to do with that.
class Leaving : public Drainable {
public:
    [[nodiscard]] ngx_msec_t drain_time() const noexcept final;
    [[nodiscard]] ngx_msec_t moved_at() const noexcept final;
    void drain(std::string_view why) noexcept final;
    // It is on its way to another worker, and nothing may be done with it.
    [[nodiscard]] bool moves() const noexcept { return state_ == State::moves; }

protected:
    Leaving() = default;
    ~Leaving() = default;

private:
    friend class Leaver;

    enum class State : uint8_t { stays, waits, moves };
    struct Place {
        ngx_queue_t queue;  // first, because it leads to the place
        Resumable *session;
    };

    Place place_ = {};  // while it waits
    State state_ = State::stays;
    uint8_t tries_ = 0;
    bool is_due_ = false;      // its client is to be told to come back
    bool is_told_ = false;     // and was
    bool is_patient_ = false;  // only shortly before the worker's time is up
};

class Leaver {
public:
    // The worker is told to go. `rendezvous`: null if there is none.
    void begin(const Rendezvous *rendezvous) noexcept;

    // Whether this session may come to move, if not now; and if so, that it is to be detached for
    // it, or is.
    [[nodiscard]] bool may_move(Resumable &session) const noexcept;
    void offer(Resumable &session) noexcept;
    // The session is over.
    void forget(Resumable &session) noexcept;
    // It is the session's turn to be sent away.
    void send_away(Resumable &session) noexcept;
    // nginx gives the worker no more time: the session leaves its leg, and moves as soon as it can,
    // or ends. False if it cannot move, and is to end now. `closes`: the leg, too.
    [[nodiscard]] bool move_now(Resumable &session, bool closes) noexcept;

    // Where a client that comes back is to be sent: the session is here, or is on its way, or its
    // heir may know. `found`: null if it is not here.
    enum class Where : uint8_t { here, soon, heir };
    [[nodiscard]] Where where(Resumable *found) noexcept;
    // Another worker's socket and what was heard on it go to the heir. False without memory: then
    // the socket is the caller's.
    [[nodiscard]] bool forward(int socket, std::span<const uint8_t> heard) noexcept;
    // The worker listens for one more, since that has ended.
    void inherit(uint64_t worker) noexcept;
    // What it has taken over is gone, or may be.
    void look_for_last() noexcept;

private:
    enum class Phase : uint8_t { stays, seeks, linked, alone };

    // An exiting worker lives as long as a timer is armed.
    static constexpr ngx_msec_t stay_alive = 1000;

    static void on_event(ngx_event_t *ev) noexcept;
    static void on_timer(ngx_event_t *ev) noexcept;
    void seek() noexcept;
    void seek_later() noexcept;
    [[nodiscard]] bool introduce() noexcept;
    void stay_alone() noexcept;
    void look() noexcept;
    [[nodiscard]] bool listen() noexcept;
    [[nodiscard]] bool obey(const Parcel &parcel) noexcept;
    void hear_out() noexcept;
    void leave_heir() noexcept;
    void link() noexcept;
    [[nodiscard]] bool has_anything() const noexcept;
    void give_addresses() noexcept;
    void lose_link() noexcept;
    void pump() noexcept;
    [[nodiscard]] Resumable *next() noexcept;
    void settle(bool taken) noexcept;
    void keep(Resumable &session) noexcept;
    void wait(ngx_msec_t time) noexcept;

    const Rendezvous *rendezvous_ = nullptr;
    ngx_connection_t *c_ = nullptr;  // to the heir, or who may become it
    std::optional<Parcels> parcels_;
    ngx_queue_t waiting_ = {};
    Resumable *moving_ = nullptr;
    ngx_event_t timer_ = {};
    unsigned place_ = 0;   // see Rendezvous
    unsigned rounds_ = 0;  // in which no session was taken
    ngx_msec_t linked_at_ = 0;
    ngx_msec_t offered_at_ = 0;  // moving_
    Phase phase_ = Phase::stays;
    bool is_up_ = false;
};

[[nodiscard]] Leaver &leaver() noexcept;

// The master begins a configuration, which its workers have.
void begin_resume_generation() noexcept;
[[nodiscard]] uint64_t resume_generation() noexcept;

}  // namespace ngx_ws
