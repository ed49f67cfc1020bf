#include "ngx_ws_filter/ws_relay/resume_translator.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ws {
namespace {

// How long the backend is given to acknowledge before it is asked: at first short enough for a near
// one, then longer each time.
constexpr std::uint8_t first_wait = 2;
constexpr std::uint8_t longest_wait = 32;

// Clients of v4 know no window, and stand still if nobody reads what they send.
constexpr std::uint64_t v4_windows = 4;

[[nodiscard]] PositionTerms position_terms(const ResumeTerms &terms) noexcept {
    // A client that goes beyond its window is slowed down, and not ended.
    return {.window = 0,
            .interval = terms.limits.interval,
            .bytes = terms.limits.bytes,
            .own_name = terms.own_name};
}

// Where a command is written, so that its frame's header fits before it.
[[nodiscard]] std::span<std::uint8_t> command_room(const Scratch &scratch) noexcept {
    return scratch.wrapped.subspan(Session::headroom);
}

}  // namespace

ResumeTranslator::ResumeTranslator(Session &session, const ResumeTerms &terms, Sids &sids,
                                   ReplayLender &lender) noexcept
    : Translator(session),
      reader_({.own_name = terms.own_name, .keeps_messages = terms.limits.keeps_messages}),
      positions_(position_terms(terms)),
      terms_(terms),
      sids_(&sids),
      replay_(lender),
      kept_(terms.limits.grace != 0) {
}

// --- to the backend

Event ResumeTranslator::next(Passage &passage) noexcept {
    for (;;) {
        if (!in_piece_) {
            const Event event = session().receive(passage.received, piece_);
            if (event != Event::piece) {
                return event;
            }
            in_piece_ = true;
        }
        Command command;
        const Heard heard = reader_.next(piece_, command, session().length_of(piece_));
        in_piece_ = heard != Heard::nothing;
        const Event event = take(command, heard, passage);
        if (event != Event::piece) {
            return event;
        }
    }
}

// Data is moved down to what was taken before: between them stood only headers.
Event ResumeTranslator::take(const Command &command, Heard heard, Passage &passage) noexcept {
    if (heard != Heard::data) {
        return obey(command, heard);
    }
    if (const Breach breach = positions_.take(command.bytes.size(), command.number);
        breach != Breach::none) {
        return broken(breach);
    }
    passage.end = std::copy(command.bytes.begin(), command.bytes.end(), passage.end);
    return Event::piece;
}

Event ResumeTranslator::obey(const Command &command, Heard heard) noexcept {
    switch (heard) {
        case Heard::ack:
            if (const Breach breach = positions_.take_ack(command.number); breach != Breach::none) {
                return broken(breach);
            }
            sids_->acknowledged(command.number);
            forget_before(command.number);
            break;
        case Heard::eof:
            if (const Breach breach = positions_.take_eof(command.number); breach != Breach::none) {
                return broken(breach);
            }
            return Event::eof;
        case Heard::sid:
            sids_->echo(command.bytes, command.starts, command.ends, greeting_.next_sid);
            break;
        case Heard::longest:
            most_data_ = static_cast<std::uint32_t>(
                std::clamp<std::uint64_t>(command.number, max_data, max_long_data));
            due_.limits = true;
            break;
        case Heard::breach:
            return broken(reader_.breach());
        case Heard::nothing:
        case Heard::data:
        case Heard::empty:
        case Heard::ignored:
            break;
    }
    return Event::piece;
}

Event ResumeTranslator::broken(Breach breach) noexcept {
    breach_ = breach;
    session().refuse();
    return Event::fault;
}

std::uint64_t ResumeTranslator::most_held() const noexcept {
    return terms_.limits.window * (terms_.own_name ? 1 : v4_windows);
}

// --- to the client

std::size_t ResumeTranslator::most(const Scratch &scratch) const noexcept {
    const std::size_t first = room_beside(unacknowledged(), scratch);
    if (first < places().size) {
        return first;
    }
    return static_cast<std::size_t>(std::min<std::uint64_t>(
        terms_.limits.replay - unacknowledged(), places().most_in(scratch.received.size())));
}

// A little room is left alone: a few bytes are not worth a message.
std::size_t ResumeTranslator::room_beside(std::uint64_t used,
                                          const Scratch &scratch) const noexcept {
    const std::uint64_t room =
        terms_.limits.replay - std::min<std::uint64_t>(used, terms_.limits.replay);
    const std::size_t size = std::min(most_data(), scratch.received.size());
    return room < std::min<std::uint64_t>(size, terms_.limits.replay / 8)
               ? 0
               : static_cast<std::size_t>(std::min<std::uint64_t>(room, size));
}

Frames ResumeTranslator::wrap(std::span<std::uint8_t> payload, const Scratch &) noexcept {
    keep(payload);
    wrapped_ += payload.size();
    if (!attached_) {
        return {};
    }
    positions_.sent(payload.size());
    std::span<std::uint8_t> frames = wrap_apart(payload);
    if (std::exchange(due_.ack, false)) {
        frames = put_ack_before(frames);
    }
    return {.bytes = frames, .payload = payload.size(), .fault = {}};
}

std::span<std::uint8_t> ResumeTranslator::put_ack_before(std::span<std::uint8_t> frames) noexcept {
    std::uint8_t *const begin = frames.data() - number_command_size;
    const std::size_t size = write_ack({begin, number_command_size}, positions_.told());
    const std::span<std::uint8_t> ack = session().wrap({begin, size}).frame;
    return {ack.data(), ack.size() + frames.size()};
}

// Without memory for the replay the session goes on as one that ends with its leg.
void ResumeTranslator::keep(std::span<const std::uint8_t> payload) noexcept {
    const std::uint8_t *place = payload.data();
    for (std::size_t left = payload.size(); kept_ && left != 0;) {
        const std::size_t size = std::min(left, places().size);
        if (!replay_.append({place, size})) {
            keep_no_longer();
        }
        place += places().size + places().gap;
        left -= size;
    }
}

// Frames that stand one behind the other. Only a few bytes have headers that are shorter than their
// gap, and are moved.
std::span<std::uint8_t> ResumeTranslator::wrap_apart(std::span<std::uint8_t> payload) noexcept {
    std::span<std::uint8_t> frames;
    std::uint8_t *place = payload.data();
    for (std::size_t left = payload.size(); left != 0;) {
        const std::size_t size = std::min(left, places().size);
        std::uint8_t *const bytes =
            frames.empty() ? place : frames.data() + frames.size() + headers_of(size);
        if (bytes != place) {
            std::copy_n(place, size, bytes);
        }
        std::uint8_t *const begin = write_data_before(bytes, size);
        const std::span<std::uint8_t> frame = session().wrap({begin, bytes + size}).frame;
        frames = frames.empty() ? frame : std::span{frames.data(), frames.size() + frame.size()};
        place += places().size + places().gap;
        left -= size;
    }
    return frames;
}

Frames ResumeTranslator::end(const Scratch &) noexcept {
    positions_.service_ended();
    return {};
}

void ResumeTranslator::forget_before(std::uint64_t position) noexcept {
    replay_.acknowledge(std::clamp(position, replay_.begin(), replay_.end()));
}

void ResumeTranslator::forget_unkept() noexcept {
    if (!kept_ && !sends_again()) {
        replay_.clear();
    }
}

Frames ResumeTranslator::send_again(const Scratch &scratch) noexcept {
    const std::span<std::uint8_t> room = command_room(scratch).subspan(data_header_size);
    const std::size_t size =
        replay_.read(positions_.next(), room.first(std::min(most_data(), scratch.received.size())));
    positions_.sent(size);
    forget_unkept();
    std::uint8_t *const begin = write_data_before(room.data(), size);
    return {
        .bytes = session().wrap({begin, room.data() + size}).frame, .payload = size, .fault = {}};
}

// --- legs

void ResumeTranslator::greet(const Greeting &greeting) noexcept {
    greeting_ = greeting;
    greet_ = Greet::success;
    attached_ = true;
}

void ResumeTranslator::greet_again(const Greeting &greeting, std::uint64_t client_has) noexcept {
    [[maybe_unused]] const Breach breach = positions_.resume(client_has);
    assert(breach == Breach::none);
    begin_leg(client_has);
    greeting_ = greeting;
    greet_ = Greet::again;
    attached_ = true;
}

void ResumeTranslator::begin_leg(std::uint64_t client_has) noexcept {
    forget_before(client_has);
    reader_.begin_leg();
    most_data_ = max_data;
    in_piece_ = false;
}

void ResumeTranslator::end_leg() noexcept {
    attached_ = false;
    due_ = {};
    greet_ = Greet::nothing;
    wait_ = 0;
    look_at_ = Deadlines::never;
}

bool ResumeTranslator::go_on(const Kept &kept, std::span<const std::uint8_t> replay) noexcept {
    positions_.go_on(kept.positions);
    wrapped_ = kept.wrapped;
    replay_.begin_at(kept.wrapped - replay.size());
    return replay_.append(replay);
}

void ResumeTranslator::keep_no_longer() noexcept {
    kept_ = false;
    terms_.limits.grace = 0;
    due_.limits = true;
    forget_unkept();
}

// --- what the client is told

// Bytes that the backend may acknowledge.
std::uint64_t ResumeTranslator::open() const noexcept {
    return positions_.taken() - held_back_ - positions_.delivered();
}

bool ResumeTranslator::should_ask(Millis now, bool joins) const noexcept {
    const std::uint64_t open = this->open();
    return open != 0 && (is_much(open) || look_at_ <= now || positions_.ack_at() == 0 ||
                         (joins && positions_.told_at() + terms_.limits.interval / 2 <= now));
}

void ResumeTranslator::note_asked(Millis now) noexcept {
    const std::uint64_t open = this->open();
    if (open == 0) {
        wait_ = 0;
        look_at_ = Deadlines::never;
        return;
    }
    // Until then an ACK of a little waits for data that it can go out with.
    const Millis next = is_much(open) ? 0 : positions_.told_at() + terms_.limits.interval / 4 * 3;
    if (look_at_ <= now || look_at_ == Deadlines::never) {
        wait_ = wait_ == 0 ? first_wait
                           : static_cast<std::uint8_t>(std::min(2 * wait_, int{longest_wait}));
        look_at_ = std::max(now + wait_, next);
    } else if (next == 0) {
        look_at_ = std::min(look_at_, now + wait_);
    }
}

Millis ResumeTranslator::look_at(Millis now) noexcept {
    if (look_at_ == Deadlines::never) {
        note_asked(now);
    }
    return std::min(look_at_, positions_.ack_at());
}

// What is heard of a client's LONGEST is answered by LIMITS that tell ours.
std::size_t ResumeTranslator::write_limits(std::span<std::uint8_t> to) noexcept {
    due_.limits = false;
    Limits limits = terms_.limits;
    limits.longest = reader_.most_data() == max_data ? 0 : max_long_data;
    return ws::write_limits(to, limits);
}

// RECONNECT_SUCCESS, LIMITS, NEW_SID, in this order; the ACK that follows is due by then.
std::size_t ResumeTranslator::write_greeting(std::span<std::uint8_t> to) noexcept {
    switch (std::exchange(greet_, Greet::nothing)) {
        case Greet::success:
            greet_ = terms_.own_name ? Greet::limits : Greet::nothing;
            greeting_.next_sid = {};
            return write_connect_success(to, greeting_.sid);
        case Greet::again:
            greet_ = terms_.own_name ? Greet::limits : Greet::nothing;
            return write_reconnect_success(to, positions_.taken());
        case Greet::limits:
            greet_ = greeting_.next_sid.empty() ? Greet::nothing : Greet::sid;
            return write_limits(to);
        case Greet::sid:
            return write_new_sid(to, greeting_.next_sid);
        case Greet::nothing:
            break;
    }
    return 0;
}

std::size_t ResumeTranslator::write_command(std::span<std::uint8_t> to, bool last,
                                            Millis now) noexcept {
    if (const std::size_t size = write_greeting(to); size != 0) {
        return size;
    }
    if (std::exchange(due_.ack, false)) {
        return write_ack(to, positions_.told());
    }
    // A leg's first one belongs to its greeting, so that new LIMITS stand behind it.
    if (positions_.ack_at() <= now || (last && positions_.owes_ack())) {
        return write_ack(to, positions_.tell(now));
    }
    if (due_.limits && terms_.own_name) {
        return write_limits(to);
    }
    if (due_.away) {
        due_.away = false;
        return write_goaway(to, away_);
    }
    if (positions_.eof_due(wrapped_) && !empty_waits_) {
        positions_.told_eof();
        return write_eof(to, wrapped_);
    }
    return 0;
}

bool ResumeTranslator::join_ack(Millis now) noexcept {
    if (!attached_ || greet_ != Greet::nothing || due_.limits || due_.away ||
        positions_.ack_at() > now) {
        return false;
    }
    (void)positions_.tell(now);
    due_.ack = true;
    return true;
}

Frames ResumeTranslator::next_due(const Scratch &scratch, bool last, Millis now) noexcept {
    const std::span<std::uint8_t> room = command_room(scratch);
    const std::size_t size = write_command(room, last, now);
    if (size != 0) {
        return {.bytes = session().wrap(room.first(size)).frame, .payload = 0, .fault = {}};
    }
    return sends_again() ? send_again(scratch) : Frames{};
}

}  // namespace ws
