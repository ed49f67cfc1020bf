// A session that goes from one worker to another: what each does with it. See leaver.hpp.
#pragma once

#include "module/ws_resume/parcels.hpp"
#include "module/ws_resume/resumable.hpp"

namespace ngx_ws {

struct SessionMove {
    // --- in the worker that leaves

    // All of it can be, once it is detached.
    [[nodiscard]] static bool may_move(Resumable &session) noexcept;
    [[nodiscard]] static bool is_detached(const Resumable &session) noexcept;

    // The client is told to come back; and its leg is left. False if the session ends with it.
    static void tell(Resumable &session) noexcept;
    [[nodiscard]] static bool part(Resumable &session) noexcept;
    // The same where the leg itself is about to end.
    [[nodiscard]] static bool part_unclosed(Resumable &session) noexcept;
    // How long a client has to come back by itself, once it is told.
    [[nodiscard]] static ngx_msec_t notice() noexcept;
    // Over how long the sessions of its location are sent away.
    [[nodiscard]] static ngx_msec_t spread(const Resumable &session) noexcept;
    // Without ws_drain_time it stays for so long: until the worker's time is near, which it is not
    // yet. 0: for ever.
    [[nodiscard]] static bool may_stay(const Resumable &session) noexcept;
    [[nodiscard]] static ngx_msec_t patience() noexcept;
    [[nodiscard]] static ngx_msec_t moved_at(const Resumable &session) noexcept;

    // False if there is no memory for the message.
    [[nodiscard]] static bool write(Resumable &session, Parcels &to) noexcept;
    // Until its heir has answered, nothing is done with it; then it goes on here, or is gone.
    static void freeze(Resumable &session) noexcept;
    static void thaw(Resumable &session) noexcept;
    static void give_up(Resumable &session) noexcept;
    // Who has it is told of the end that was ordered meanwhile, if there is one.
    static void pass_end(const Resumable &session, Parcels &to) noexcept;
    static void count(const Resumable &session, bool taken) noexcept;
    // The worker's time is up.
    static void end(Resumable &session) noexcept;

    // --- in its heir

    // Null if it cannot be taken: then the descriptor is closed.
    [[nodiscard]] static Resumable *adopt(std::span<const uint8_t> message,
                                          int descriptor) noexcept;
    // It goes on here; or with the other after all, to which nothing is done.
    static void begin(Resumable &session) noexcept;
    static void drop(Resumable &session) noexcept;
    // It may have ended by itself.
    static void obey_end(std::span<const uint8_t> message) noexcept;

private:
    [[nodiscard]] static SessionLeg *leave_leg(Resumable &session) noexcept;
    [[nodiscard]] static Resumable *make(const ws::HandedSession &from, const ResumedPlace &place,
                                         ngx_pool_t *pool) noexcept;
    [[nodiscard]] static bool go_on(Resumable &session, const ws::HandedSession &from,
                                    const ResumedPlace &place, int descriptor) noexcept;
};

}  // namespace ngx_ws
