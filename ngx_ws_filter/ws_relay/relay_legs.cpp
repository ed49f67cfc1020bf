// How a relay goes from one leg to the next, and what it tells a client that can come back.
// docs/resume-protocol.md.
#include "ngx_ws_filter/ws_relay/relay.hpp"

#include <algorithm>

namespace ws {
namespace {

// What stands for a client's connection while there is none.
class Nobody final : public Endpoint {};
constinit Nobody nobody;

// Commands and pieces that are sent again in one go.
constexpr unsigned most_commands = 16;

}  // namespace

Session &absent_session() noexcept {
    static Session absent{SessionOptions{}};
    return absent;
}

void Relay::outlive_legs(ResumeTranslator &translator, Host &keeper, const Legs &legs) noexcept {
    resume_ = &translator;
    keeper_ = &keeper;
    tunnel_.set_legs(legs);
}

bool Relay::is_attached() const noexcept {
    return tunnel_.phase() != Phase::connecting && tunnel_.phase() != Phase::detached &&
           !tunnel_.client_is_lost();
}

bool Relay::may_speak() const noexcept {
    return is_attached() && tunnel_.phase() < Phase::closing;
}

bool Relay::part(CloseCode code, std::string_view why, Millis now) noexcept {
    if (tunnel_.phase() == Phase::detached) {
        return true;
    }
    if (!tunnel_.may_detach()) {
        return false;
    }
    if (may_speak() && code != CloseCode::abnormal) {
        session_->close(code, why);
    }
    tunnel_.leave(now);
    (void)carry_out_orders(now);
    return true;
}

void Relay::keep_no_longer(Millis now) noexcept {
    resume_->keep_no_longer();
    tunnel_.keep_no_longer(now);
}

// What the client sent behind what was taken comes again. A message that was taken as a whole does
// not, and the backend gets all of it, whether or not there is another leg.
void Relay::leave_client(Millis now) noexcept {
    // Our Close stands behind what waits, and cannot wait with it.
    session_->close_due() ? to_client_.flush_at_last() : to_client_.flush();
    if (session_->anything_due() && !to_client_.blocked() && !to_client_.lost()) {
        client_->gather();
        send_due(now);
    }
    to_client_.finish();
    to_client_.note_stall(now);
    to_client_.lose();
    for (bool drained = false; !drained;) {
        Passage passage = translator_->begin({}, host_->scratch());
        drained = resume_->drain(passage);
        if (passage.size() != 0) {
            bytes_in_ += passage.size();
            to_backend_.write(passage.data(), passage.size());
        }
    }
    translator_->finish();
    rest_.clear(*host_);
    resume_->end_leg();
    client_ = &nobody;
    to_client_.leave_to(nobody);
    host_ = keeper_;
    to_client_.move_to(*keeper_);
    to_backend_.move_to(*keeper_);
}

void Relay::attach(const Leg &leg) noexcept {
    use(*leg.session);
    client_ = leg.client;
    host_ = leg.host;
    to_client_ = Lane(*client_, *host_, 0);
    to_backend_.move_to(*host_);
    resume_->greet_again(leg.greeting, leg.client_has);
    tunnel_.attached();
}

void Relay::leave_session() noexcept {
    use(absent_session());
}

void Relay::use(Session &session) noexcept {
    session_ = &session;
    translator_->use(session);
    tunnel_.use(session);
}

// What is known to be acknowledged is all that another process can be told of it.
KeptRelay Relay::kept(Millis now) noexcept {
    if (!to_backend_.lost()) {
        ask_for_client(now);
    }
    return {.waiting = tunnel_.waiting(now),
            .to_backend = to_backend_.flow(),
            .streams = resume_->kept(),
            .bytes_in = bytes_in_,
            .bytes_out = bytes_out_,
            .upload_rate = upload_.rate(),
            .download_rate = download_.rate()};
}

bool Relay::go_on(const KeptRelay &kept, std::span<const std::uint8_t> held,
                  std::span<const std::uint8_t> replay, Millis now) noexcept {
    client_ = &nobody;
    host_ = keeper_;
    to_client_ = Lane(nobody, *keeper_, 0);
    to_client_.lose();
    to_backend_.move_to(*keeper_);
    tunnel_.wait(kept.waiting, now);
    resume_->end_leg();
    bytes_in_ = kept.bytes_in;
    bytes_out_ = kept.bytes_out;
    set_rates(kept.upload_rate, kept.download_rate, now);
    return to_backend_.go_on(kept.to_backend, held) && resume_->go_on(kept.streams, replay);
}

void Relay::hand_over() noexcept {
    to_backend_.hand_over();
    resume_->release();
}

// What the backend does not take is held, as much as LIMITS allow the client to send: an ACK must
// not stand behind bytes that nobody reads.
bool Relay::takes_more() const noexcept {
    if (resume_ == nullptr || to_backend_.lost() || to_backend_.finished()) {
        return !to_backend_.blocked();
    }
    return to_backend_.ledger().unwritten() < resume_->most_held();
}

void Relay::on_command(Event event, Millis now) noexcept {
    if (event == Event::eof) {
        tunnel_.client_said_end(now);
    } else if (event == Event::fault) {
        tunnel_.close(Side::gateway, close_code(resume_->breach()), words(resume_->breach()), now);
    }
}

// The headers of commands are not counted among what was dropped.
void Relay::drop_commands(std::span<std::uint8_t> received, Millis now) noexcept {
    const std::uint64_t before = to_backend_.ledger().taken();
    Passage passage = translator_->begin(received, host_->scratch());
    Event event;
    do {
        const std::uint64_t counted = passage.size();
        event = translator_->next(passage);
        tunnel_.dropped(passage.size() - counted);
        tunnel_.client_said(event, before, now);
        if (event == Event::room_full) {
            passage = translator_->begin(passage.rest(), host_->scratch());
        }
    } while (event != Event::exhausted);
    rest_.clear(*host_);
}

// Asks the backend as seldom as the client can bear.
void Relay::ask_for_client(Millis now) noexcept {
    (void)to_backend_.ledger().acknowledge(to_backend_.acknowledged());
    resume_->delivered(to_backend_.ledger().acknowledged());
    resume_->note_asked(now);
}

void Relay::send_commands(bool last, Millis now) noexcept {
    if (last || resume_->should_ask(now, false)) {
        ask_for_client(now);
    }
    for (unsigned sent = 0; (last || !to_client_.blocked()) && !to_client_.lost(); ++sent) {
        if (sent == most_commands && !last) {
            host_->come_back();
            break;
        }
        const Frames frames = resume_->next_due(host_->scratch(), last, now);
        if (frames.bytes.empty()) {
            break;
        }
        to_client_.write(frames.bytes, frames.payload);
    }
    // A blocked lane tells when it takes more.
    const bool waits = last || to_client_.blocked() || to_client_.lost();
    tunnel_.remind(waits ? Deadlines::never : std::max(resume_->look_at(now), now + 1));
}

// There was no memory to keep what the client may not have: the session ends with this leg, or, if
// there is none, at once.
void Relay::note_memory(Millis now) noexcept {
    if (resume_ != nullptr && tunnel_.is_kept() && !resume_->is_kept()) {
        tunnel_.keep_no_longer(now);
    }
}

}  // namespace ws
