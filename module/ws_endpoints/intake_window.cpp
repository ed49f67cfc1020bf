#include "module/ws_endpoints/intake_window.hpp"

#include "module/ws_endpoints/kernel.hpp"

namespace ngx_ws {

namespace {

// The kernel counts the round trips of what it receives in milliseconds.
constexpr uint32_t countable = 5000;

uint32_t round_trip(const PathFacts &facts) noexcept {
    const bool exact = facts.round_trip_in >= countable || facts.round_trip == 0;
    return exact ? facts.round_trip_in : facts.round_trip;
}

}  // namespace

IntakeWindow::IntakeWindow(const ngx_connection_t *source, size_t most) noexcept
    : source_(source),
      fixed_(fixed_part(most)),
      path_({.least = fixed_, .most = most, .behind_holes = 3, .empties_queue = true}),
      window_(fixed_),
      room_(window_),
      clamp_(window_) {
}

void IntakeWindow::look() noexcept {
    const uint64_t now = microseconds();
    if (!path_.round_is_over(now)) {
        if (path_.hurry(total_)) {
            adjust();
        } else if (is_closing()) {
            settle();
        }
        return;
    }
    const PathFacts facts = path_facts(source_);
    const bool holes = facts.out_of_order != std::exchange(out_of_order_, facts.out_of_order);
    // What waits has come too, although a worker that was late has read little of it yet. Of TLS it
    // is records, which are no bytes of the stream.
    const size_t waiting = source_->recv == ngx_recv ? unread(source_) : 0;
    path_.note(total_ + waiting, now, round_trip(facts), holes);
    adjust();
}

// A little more or less is not worth the calls. While much waits to be read it is not the path that
// is slow.
void IntakeWindow::adjust() noexcept {
    // SO_RCVBUF sets the fixed part, which is a strict bound therefore.
    const size_t asked = path_.size();
    const size_t wanted = asked < fixed_ + fixed_ / 4 ? fixed_ : asked;
    if (wanted > window_ + window_ / 16) {
        too_wide_ = false;
        if (unread(source_) < window_ / 2) {
            widen(wanted);
        } else if (is_closing()) {
            settle();
        }
        return;
    }
    // A long round may have been a pause.
    const bool again = std::exchange(too_wide_, wanted < window_ - window_ / 8);
    if (too_wide_ && (again || !path_.paused())) {
        window_ = wanted;
        settle();
    } else if (is_closing()) {
        settle();
    }
}

void IntakeWindow::widen(size_t wanted) noexcept {
    window_ = clamp_ = wanted;
    room_ = ngx_max(room_, wanted);
    widen_receive_window(source_, room_);
    limit_window(source_, clamp_);
    keep_receive_window(source_);
}

// What was told to the peer before will still come and needs its room. Beyond it nothing is told
// until so much has been read that the window is enough. The next read may take all that waits, and
// none follows that would tell the peer of the room behind it.
void IntakeWindow::settle() noexcept {
    const size_t waiting = unread(source_);
    const uint64_t by_clamp = total_ + waiting + clamp_;
    const uint64_t by_room = total_ + room_;
    edge_ = ngx_max(edge_, ngx_min(by_clamp, by_room));
    const size_t needed = ngx_max(window_, edge_ - total_);
    if (needed == window_ || needed < room_ - room_ / 8) {
        room_ = needed;
        narrow_receive_window(source_, needed, fixed_);
        keep_receive_window(source_);
    }
    const size_t left = window_ - ngx_min(window_, waiting);
    const size_t least_told = waiting <= most_read_ ? window_ / 4 : 0;
    clamp_ = needed == window_ ? window_ : ngx_max(left, least_told);
    limit_window(source_, clamp_);
}

}  // namespace ngx_ws
