#include "ngx_ws_filter/ws_relay/relay.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace ws {
Relay::Relay(const RelayOptions &options, Session &session, Translator &translator,
             Endpoint &client, Endpoint &backend, Host &host) noexcept
    : session_(&session),
      translator_(&translator),
      client_(&client),
      backend_(&backend),
      host_(&host),
      to_client_(client, host, options.client_window),
      to_backend_(backend, host, 0),
      tunnel_(options.tunnel, session, to_client_.ledger(), to_backend_.ledger(), *this) {
}

// --- what the tunnel asks

Standing Relay::standing() const noexcept {
    const bool may_break = (tunnel_.client_has_ended() && client_->is_polled()) ||
                           (tunnel_.backend_has_ended() && backend_->is_polled());
    const bool sends_again = resume_ != nullptr && is_attached() && resume_->sends_again();
    return {.to_client_blocked =
                tunnel_.phase() == Phase::connecting || to_client_.blocked() || sends_again,
            .to_backend_blocked = to_backend_.blocked(),
            .to_client_full = to_client_.full(),
            .to_backend_full = to_backend_.full(),
            .client_lost = to_client_.lost(),
            .backend_lost = to_backend_.lost(),
            .client_finished = to_client_.finished(),
            .backend_finished = to_backend_.finished(),
            .rest_waits = rest_.waits(),
            .upload_waits = upload_.waits(),
            .must_be_polled = may_break,
            .to_client = to_client_.ledger().written(),
            .to_backend = to_backend_.ledger().written(),
            .held = translator_->held()};
}

WaitingPings *Relay::lend_pings() noexcept {
    HeldBuffer *buffer = host_->lend();
    assert(buffer == nullptr || sizeof(WaitingPings) <= buffer->capacity);
    return buffer == nullptr ? nullptr : new (buffer->bytes()) WaitingPings;
}

void Relay::give_back(WaitingPings &pings) noexcept {
    host_->give_back(&HeldBuffer::of(&pings));
}

// --- turns

Relay::Turn Relay::advance(Millis now) noexcept {
    pause_ = look_again_at_ <= now ? std::min<Millis>(2 * pause_, longest_pause) : pause_;
    look_again_at_ = Deadlines::never;
    if (tunnel_.wake_at() <= now) {
        tunnel_.on_time(now);
    }
    if (is_answered(now)) {
        pump_to_backend(now);
        give_pongs(now);
        pump_to_client(now);
        look_behind_ends(now);
    }
    return carry_out_orders(now);
}

bool Relay::is_answered(Millis now) noexcept {
    if (tunnel_.phase() != Phase::connecting) {
        return true;
    }
    const Answer answer = host_->send_answer();
    if (answer == Answer::failed) {
        tunnel_.client_lost(now);
    } else if (answer == Answer::sent) {
        tunnel_.answered(now);
    }
    return answer != Answer::pending;
}

void Relay::look_behind_ends(Millis now) noexcept {
    if (tunnel_.backend_has_ended() &&
        (to_backend_.lost() ||
         (backend_->may_have_broken() && tunnel_.needs_backend() && backend_->is_broken()))) {
        lose_backend(now);
    }
    if (tunnel_.client_has_ended() &&
        (to_client_.lost() ||
         (client_->may_have_broken() && tunnel_.needs_client() && client_->is_broken()))) {
        tunnel_.client_lost(now);
    }
}

bool Relay::has_no_order() const noexcept {
    return tunnel_.has_no_order() && !to_client_.waits() && !to_backend_.waits() &&
           (resume_ == nullptr || !resume_->sends_again());
}

Relay::Turn Relay::carry_out_orders(Millis now) noexcept {
    Order order;
    bool parted = false;
    if (has_no_order()) {
        return Turn::goes_on;
    }
    while ((order = tunnel_.next(now)) != Order::none) {
        host_->tell(order, tunnel_.phase());
        if (order == Order::end) {
            return Turn::over;
        }
        parted = parted || order == Order::part;
        carry_out(order, now);
    }
    to_client_.note_stall(now);
    to_backend_.note_stall(now);
    return parted ? Turn::parted : Turn::goes_on;
}

void Relay::carry_out(Order order, Millis now) noexcept {
    switch (order) {
        case Order::write_last:
            client_->gather();
            [[fallthrough]];
        case Order::write_due:
            send_due(now);
            break;
        case Order::finish_backend:
            to_backend_.finish();
            break;
        case Order::finish_client:
            to_client_.finish();
            break;
        case Order::drop_client:
            to_client_.lose();
            break;
        case Order::drop_backend:
            to_backend_.lose();
            lose_backend(now);
            break;
        case Order::reset_backend:
            to_backend_.abort();
            break;
        case Order::part:
            leave_client(now);
            break;
        default:  // none and end leave the loop before
            break;
    }
}

void Relay::stop(CloseCode code, std::string_view why, Millis now) noexcept {
    if (tunnel_.phase() == Phase::over) {
        return;
    }
    to_backend_.flush_at_last();
    to_client_.flush_at_last();
    tunnel_.stop(code, why, now);
    (void)carry_out_orders(now);
}

void Relay::release(Millis now) noexcept {
    if (tunnel_.ending() && rest_.waits()) {
        drop(rest_.bytes(), now);
    }
    lost_to_client_ = resume_ != nullptr ? resume_->unacknowledged()
                                         : to_client_.ledger().taken() - to_client_.acknowledged();
    lost_to_backend_ = tunnel_.count_undelivered();
    if (tunnel_.is_cut()) {
        backend_->abort();
    }
    to_client_.lose();
    to_backend_.lose();
    to_client_.note_stall(now);
    to_backend_.note_stall(now);
    rest_.clear(*host_);
    tunnel_.release();
    translator_->finish();
    if (resume_ != nullptr) {
        resume_->release();
    }
}

// Before the backend's answer, which may follow at once.
void Relay::give_pongs(Millis now) noexcept {
    while (!to_client_.blocked() && tunnel_.give_pong(now)) {
        send_due(now);
    }
}

// --- from the client to the backend

void Relay::pump_to_backend(Millis now) noexcept {
    upload_.wait_no_more();
    for (unsigned reads = 0;; ++reads) {
        to_backend_.flush();
        const Use use = tunnel_.use_of_client();
        const bool takes = takes_more();
        const bool may_read =
            takes && use != Use::leave && client_->readable() && paced(upload_, use, 1, now) != 0;
        if (!takes || (!rest_.waits() && !may_read)) {
            return;
        }
        if (reads == max_reads) {
            host_->come_back();
            return;
        }
        if (is_full(to_backend_, now)) {
            return;
        }
        if (rest_.waits()) {
            take_from_client(rest_.bytes(), now);
        } else if (!read_client(now)) {
            return;
        }
    }
}

bool Relay::is_full(Lane &lane, Millis now) noexcept {
    if (!lane.is_full()) {
        pause_ = shortest_pause;
        return false;
    }
    look_again_at_ = now + pause_;
    return true;
}

bool Relay::read_client(Millis now) noexcept {
    const std::span<std::uint8_t> buffer = host_->scratch().received;
    const bool is_bounded = !to_backend_.lost() && !to_backend_.blocked();
    const std::size_t most = is_bounded ? to_backend_.room(buffer.size()) : buffer.size();
    const auto room = buffer.first(paced(upload_, tunnel_.use_of_client(), most, now));
    // Behind our FIN only the end is waited for.
    const Read read = to_client_.finished() ? client_->discard(room) : client_->read(room);
    if (read.came == Came::later) {
        return false;
    }
    if (read.came != Came::bytes) {
        on_client_end(read.came, now);
        return false;
    }
    upload_.took(read.size);
    if (to_client_.finished()) {
        tunnel_.ignored(read.size);
    } else {
        take_from_client(room.first(read.size), now);
    }
    return true;
}

void Relay::on_client_end(Came came, Millis now) noexcept {
    if (came == Came::loss || to_client_.lost() ||
        (tunnel_.needs_client() && client_->is_broken())) {
        tunnel_.client_lost(now);
    } else {
        tunnel_.client_ended(now);
    }
}

void Relay::take_from_client(std::span<std::uint8_t> received, Millis now) noexcept {
    tunnel_.heard(now);
    if (tunnel_.use_of_client() == Use::relay) {
        translate(received, now);
    } else {
        tunnel_.ignored(received.size());
        drop(received, now);
    }
}

void Relay::translate(std::span<std::uint8_t> received, Millis now) noexcept {
    Passage passage = translator_->begin(received, host_->scratch());
    const std::size_t held = translator_->held();
    const Event event = walk(passage, now);
    if (passage.size() != 0) {
        bytes_in_ += passage.size();
        to_backend_.write(passage.data(), passage.size());
    }
    if (passage.size() != 0 || translator_->held() > held) {
        tunnel_.took_for_backend(now);
    }
    translator_->finish();
    if (event == Event::exhausted) {
        rest_.clear(*host_);
    } else if (event == Event::memory_full || !rest_.keep(passage.rest(), *host_)) {
        tunnel_.close(Side::gateway, CloseCode::try_again_later, "gateway has no memory", now);
        drop(passage.rest(), now);
    }
}

// To the end of what was received, or of the room for what comes out. Pongs gather, to be written
// in one go.
Event Relay::walk(Passage &passage, Millis now) noexcept {
    const std::uint64_t before = to_backend_.ledger().taken();
    std::size_t answered = 0;
    Event event;
    do {
        event = translator_->next(passage);
        on_command(event, now);
        if (event != Event::exhausted && event != Event::room_full) {
            const std::uint64_t offset = before + passage.size() + translator_->held_in_stream();
            tunnel_.client_said(event, offset, now);
        }
        if (event == Event::ping && !to_client_.blocked()) {
            answered += session_->write_due(passage.answers.subspan(answered));
            if (passage.answers.size() - answered < max_control_frame) {
                to_client_.write(passage.answers.first(std::exchange(answered, 0)), 0);
            }
        }
    } while (event != Event::exhausted && event != Event::room_full && event != Event::memory_full);
    if (answered != 0) {
        to_client_.write(passage.answers.first(answered), 0);
    }
    return event;
}

// A session that is ending waits only for the client's Close.
void Relay::drop(std::span<std::uint8_t> received, Millis now) noexcept {
    if (resume_ != nullptr) {
        drop_commands(received, now);
        return;
    }
    const std::uint64_t before = to_backend_.ledger().taken();
    ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    std::uint8_t *counted = buffer.packed;
    Event event;
    do {
        event = session_->drop_data(buffer);
        tunnel_.dropped(static_cast<std::uint64_t>(buffer.packed - counted));
        counted = buffer.packed;
        tunnel_.client_said(event, before, now);
    } while (event != Event::exhausted);
    rest_.clear(*host_);
}

}  // namespace ws
