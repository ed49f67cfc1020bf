#include "ngx_ws_filter/ws_life/stalls.hpp"

#include <utility>

namespace ws {
namespace {

[[nodiscard]] constexpr Deadline deadline_of(Side side) noexcept {
    return side == Side::client ? Deadline::client : Deadline::backend;
}

}  // namespace

void Stalls::watch(const Standing &standing, Witness &witness, Millis now) noexcept {
    const bool client_waits = standing.to_client_blocked || standing.to_client_full;
    const bool backend_waits = standing.to_backend_blocked || standing.to_backend_full;
    // Most turns find both sides free, and leave them so.
    if (client_waits || deadlines_->is_set(Deadline::client)) {
        watch(Side::client, client_waits, standing.to_client, witness, now);
    }
    if (backend_waits || deadlines_->is_set(Deadline::backend)) {
        watch(Side::backend, backend_waits, standing.to_backend, witness, now);
    }
}

void Stalls::watch(Side side, bool waits, std::uint64_t written, Witness &witness,
                   Millis now) noexcept {
    const Deadline deadline = deadline_of(side);
    Mark &mark = mark_of(side);
    if (!waits) {
        deadlines_->clear(deadline);
    } else if (!deadlines_->is_set(deadline) || written != mark.written) {
        mark = {.written = written, .moved = witness.moved(side)};
        deadlines_->set(deadline, now + send_timeout_);
    }
}

bool Stalls::is_over(Side side, Witness &witness, Millis now) noexcept {
    const Deadline deadline = deadline_of(side);
    if (!deadlines_->is_over(deadline, now)) {
        return false;
    }
    Mark &mark = mark_of(side);
    const std::uint64_t before = std::exchange(mark.moved, witness.moved(side));
    deadlines_->set(deadline, now + send_timeout_);
    if (mark.moved != before) {
        return false;
    }
    witness.tell_late(deadline, send_timeout_, 0);
    return true;
}

}  // namespace ws
