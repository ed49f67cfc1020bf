// What a worker that leaves does with its sessions, and with clients that come back to them.
#include "module/ws_resume/heir.hpp"
#include "module/ws_resume/leaver.hpp"
#include "module/ws_resume/session_move.hpp"

#include <cstring>

namespace ngx_ws {

namespace {

// A session that has outlived so many heirs stays.
constexpr uint8_t most_tries = 3;

// An heir that does not answer for so long stands still, and may do so for ever.
constexpr ngx_msec_t heir_timeout = 15000;

}  // namespace

// --- sessions

bool Leaver::may_move(Resumable &session) const noexcept {
    const auto &leaving = static_cast<const Leaving &>(session);
    return (phase_ == Phase::seeks || phase_ == Phase::linked) && leaving.tries_ < most_tries &&
           SessionMove::may_move(session);
}

void Leaver::offer(Resumable &session) noexcept {
    auto &leaving = static_cast<Leaving &>(session);
    if (leaving.state_ != Leaving::State::stays || !SessionMove::is_detached(session) ||
        !may_move(session)) {
        return;
    }
    leaving.state_ = Leaving::State::waits;
    leaving.place_.session = &session;
    ngx_queue_insert_tail(&ngx::ready(waiting_), &leaving.place_.queue);
    if (phase_ == Phase::linked) {
        wait(0);
    }
}

void Leaver::forget(Resumable &session) noexcept {
    auto &leaving = static_cast<Leaving &>(session);
    if (leaving.state_ == Leaving::State::waits) {
        ngx_queue_remove(&leaving.place_.queue);
    }
    leaving.state_ = Leaving::State::stays;
    if (moving_ == &session) {
        moving_ = nullptr;
    }
    look_for_last();
}

void Leaver::look_for_last() noexcept {
    if (phase_ == Phase::linked && sessions().count() == 0 && has_leavers()) {
        wait(0);
    }
}

// The next of those that wait, which waits no longer.
Resumable *Leaver::next() noexcept {
    ngx_queue_t &waiting = ngx::ready(waiting_);
    if (ngx_queue_empty(&waiting)) {
        return nullptr;
    }
    Resumable *session = reinterpret_cast<Leaving::Place *>(ngx_queue_head(&waiting))->session;
    forget(*session);
    return session;
}

// Also where its client has come back meanwhile.
void Leaver::keep(Resumable &session) noexcept {
    if (is_up_) {
        SessionMove::end(session);
    }
}

void Leaver::pump() noexcept {
    while (phase_ == Phase::linked && moving_ == nullptr) {
        Resumable *session = next();
        if (session == nullptr) {
            break;
        }
        auto &leaving = static_cast<Leaving &>(*session);
        ++leaving.tries_;
        if (!SessionMove::is_detached(*session) || !SessionMove::may_move(*session) ||
            !SessionMove::write(*session, *parcels_)) {
            keep(*session);
            continue;
        }
        leaving.state_ = Leaving::State::moves;
        moving_ = session;
        offered_at_ = ngx_current_msec;
        SessionMove::freeze(*session);
    }
    if (phase_ != Phase::linked) {
        return;
    }
    if (moving_ != nullptr && ngx_current_msec - offered_at_ >= heir_timeout) {
        leave_heir();
        return;
    }
    if (moving_ == nullptr && sessions().count() == 0) {
        pass_leavers(*parcels_);
    }
    if (!parcels_->send()) {
        hear_out();
    } else if (moving_ != nullptr || !parcels_->is_sent()) {
        wait(stay_alive);
    } else if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

// It has not answered in time, unless its answer has only not been read. What it has got as a whole
// it goes on with when it wakes up: it finds nobody to answer, and what is still to be said to it.
void Leaver::leave_heir() noexcept {
    const bool is_there = listen();
    if (is_there && moving_ == nullptr) {
        wait(0);
        return;
    }
    if (is_there && parcels_->is_sent()) {
        settle(true);
        (void)parcels_->send();
    }
    lose_link();
}

void Leaver::settle(bool taken) noexcept {
    Resumable &session = *std::exchange(moving_, nullptr);
    auto &leaving = static_cast<Leaving &>(session);
    leaving.state_ = Leaving::State::stays;
    SessionMove::count(session, taken);
    if (taken) {
        rounds_ = 0;
        SessionMove::pass_end(session, *parcels_);
        SessionMove::give_up(session);
        return;
    }
    leaving.tries_ = most_tries;
    SessionMove::thaw(session);
    keep(session);
}

// At first it is only told, and a little later made to go.
void Leaver::send_away(Resumable &session) noexcept {
    auto &leaving = static_cast<Leaving &>(session);
    leaving.is_due_ = true;
    if (phase_ != Phase::linked || !may_move(session) || SessionMove::is_detached(session)) {
        return;
    }
    if (!std::exchange(leaving.is_told_, true)) {
        leaving.join_worker();
        SessionMove::tell(session);
    } else if (SessionMove::part(session)) {
        offer(session);
    }
}

bool Leaver::move_now(Resumable &session, bool closes) noexcept {
    is_up_ = true;
    if (!may_move(session)) {
        return false;
    }
    const bool parts = SessionMove::is_detached(session) ||
                       (closes ? SessionMove::part(session) : SessionMove::part_unclosed(session));
    if (!parts) {
        return false;
    }
    offer(session);
    return true;
}

// In which a client that was told has to come back by itself; before that, what its location says.
ngx_msec_t Leaving::drain_time() const noexcept {
    if (is_told_) {
        return SessionMove::notice();
    }
    return is_patient_ ? SessionMove::patience()
                       : SessionMove::spread(static_cast<const Resumable &>(*this));
}

ngx_msec_t Leaving::moved_at() const noexcept {
    return SessionMove::moved_at(static_cast<const Resumable &>(*this));
}

// Without ws_drain_time a client stays as long as the worker may.
void Leaving::drain(std::string_view) noexcept {
    auto &session = static_cast<Resumable &>(*this);
    if (SessionMove::may_stay(session) && !std::exchange(is_patient_, true)) {
        if (SessionMove::patience() == 0) {
            return;
        }
        join_worker();
        return;
    }
    leaver().send_away(session);
}

// --- clients that come back

Leaver::Where Leaver::where(Resumable *found) noexcept {
    if (phase_ == Phase::stays || phase_ == Phase::alone) {
        return Where::here;
    }
    if (found == nullptr) {
        return phase_ == Phase::linked ? Where::heir : Where::soon;
    }
    if (found->moves()) {
        return Where::soon;
    }
    if (!may_move(*found) || (!SessionMove::is_detached(*found) && !SessionMove::part(*found))) {
        return Where::here;
    }
    offer(*found);
    return Where::soon;
}

bool Leaver::forward(int socket, std::span<const uint8_t> heard) noexcept {
    uint8_t *bytes = parcels_->prepare(Says::claim, heard.size(), socket, true);
    if (bytes == nullptr) {
        return false;
    }
    std::memcpy(bytes, heard.data(), heard.size());
    wait(0);
    return true;
}

}  // namespace ngx_ws
