#include "ngx_ws_filter/ws_relay/message_translator.hpp"

#include <algorithm>
#include <cassert>

namespace ws {
namespace {

constexpr std::string_view no_memory = "gateway has no memory for messages";

// Less of a message is sent only if that is all.
constexpr std::size_t least_piece = 256;

}  // namespace

MessageTranslator::MessageTranslator(Session &session, const ResumeTerms &terms, Sids &sids,
                                     ReplayLender &replay, const Options &options,
                                     Lender &lender) noexcept
    : ResumeTranslator(session, terms, sids, replay),
      options_(options),
      lender_(&lender),
      memory_(replay, kept_),
      messages_(memory_) {
    assert(terms.limits.keeps_messages);
}

// --- to the backend

Passage MessageTranslator::begin(std::span<std::uint8_t> received,
                                 const Scratch &scratch) const noexcept {
    return passage_with_room(received, scratch);
}

// What is held of a message is not in the stream yet.
Event MessageTranslator::next(Passage &passage) noexcept {
    Room room{passage.end, passage.limit};
    const Event event = read(passage.received, room);
    note(passage, room);
    return event;
}

bool MessageTranslator::drain(Passage &passage) noexcept {
    Room room{passage.end, passage.limit};
    const bool drained = options_.framer->drain(room);
    note(passage, room);
    return drained;
}

void MessageTranslator::note(Passage &passage, const Room &room) noexcept {
    held_back_ = held();
    if (room.filled != passage.end) {
        streamed_ += static_cast<std::uint64_t>(room.filled - passage.end);
        stream_map_.note(streamed_, positions_.taken() - held_back_);
        passage.end = room.filled;
    }
}

Event MessageTranslator::read(ReadBuffer &buffer, Room &room) noexcept {
    Event event = Event::piece;
    while (event == Event::piece) {
        if (!options_.framer->drain(room)) {
            return wait_for_room(buffer);
        }
        if (!in_piece_ && !rest_.take(buffer, piece_)) {
            event = session().receive(buffer, piece_);
            if (event != Event::piece) {
                return event;
            }
        }
        in_piece_ = true;
        event = free_in(room) < Framer::min_room ? wait_for_room(buffer) : hear(room);
    }
    if (event == Event::memory_full) {
        put_back(buffer);
    }
    return event;
}

Event MessageTranslator::wait_for_room(ReadBuffer &buffer) noexcept {
    put_back(buffer);
    return Event::room_full;
}

// What was received lasts only until the passage is over.
void MessageTranslator::put_back(ReadBuffer &buffer) noexcept {
    if (in_piece_) {
        rest_.put_back(buffer, piece_);
        in_piece_ = false;
    }
}

// All bytes that are heard are taken: what there may be no room for is not shown to the reader.
Event MessageTranslator::hear(Room &room) noexcept {
    const std::size_t whole = piece_.payload.size();
    const std::size_t size = options_.framer->settings().has_records()
                                 ? whole
                                 : std::min(whole, free_in(options_.framer->space(room)));
    Piece shown = piece_;
    shown.payload = shown.payload.first(size);
    shown.ends_message = piece_.ends_message && size == whole;
    Command command;
    const Heard heard = reader_.next(shown, command, session().length_of(piece_));
    piece_.starts_message = false;
    piece_.ends_message = size == whole ? shown.ends_message : piece_.ends_message;
    piece_.payload = piece_.payload.subspan(size - shown.payload.size());
    in_piece_ = heard != Heard::nothing || !piece_.payload.empty();
    switch (heard) {
        case Heard::data:
            return take_data(command, room);
        case Heard::empty:
            return take_empty(command.number, room);
        case Heard::eof:
            return reader_.inside_message() ? broken(Breach::eof_elsewhere) : obey(command, heard);
        default:
            return obey(command, heard);
    }
}

Event MessageTranslator::take_data(const Command &command, Room &room) noexcept {
    if (const Breach breach = positions_.take(command.bytes.size(), command.number);
        breach != Breach::none) {
        return broken(breach);
    }
    return put(command, room);
}

Event MessageTranslator::take_empty(std::uint64_t ordinal, Room &room) noexcept {
    bool is_new = false;
    if (const Breach breach = positions_.take_empty(ordinal, is_new); breach != Breach::none) {
        return broken(breach);
    }
    return is_new ? put({.bytes = {}, .number = 0, .starts = true, .ends = true}, room)
                  : Event::piece;
}

// A record whose bytes have all come is written at once, and any other when it is whole: on another
// leg a client may cut the rest of it otherwise. Behind bytes that were lost nothing is written.
Event MessageTranslator::put(const Command &command, Room &room) noexcept {
    Framer &framer = *options_.framer;
    const std::span<std::uint8_t> bytes = command.bytes;
    if (lost_ != 0) {
        lost_ += bytes.size();
        return Event::piece;
    }
    message_size_ = command.starts ? 0 : message_size_;
    if (options_.max_message != 0 && bytes.size() > options_.max_message - message_size_) {
        return refuse(Violation::message_too_big);
    }
    message_size_ += bytes.size();
    if (command.starts) {
        const bool fits = free_in(room) >= Framer::min_room + bytes.size();
        framer.begin(Opcode::binary, command.ends && fits ? bytes.size() : Framer::unknown, room);
    }
    while (free_in(framer.space(room)) < bytes.size()) {
        if (!lender_->lend_memory()) {
            lost_ = bytes.size();
            return Event::memory_full;
        }
    }
    std::uint8_t *const begin = framer.space(room).filled;
    std::copy(bytes.begin(), bytes.end(), begin);
    const Violation violation = framer.take({begin, bytes.size()}, command.ends, room);
    return violation == Violation::none ? Event::piece : refuse(violation);
}

Event MessageTranslator::refuse(Violation violation) noexcept {
    in_piece_ = false;
    session().refuse(violation);
    return Event::violation;
}

// --- to the client

Frames MessageTranslator::wrap(std::span<std::uint8_t> payload, const Scratch &) noexcept {
    std::span<const std::uint8_t> from = payload;
    Part part;
    PartStatus status;
    while ((status = options_.framer->next(from, part)) == PartStatus::part) {
        if (!keep(part)) {
            return {.bytes = {}, .payload = 0, .fault = no_memory};
        }
    }
    return kept_until(status);
}

Frames MessageTranslator::end(const Scratch &scratch) noexcept {
    Part part;
    const PartStatus status = options_.framer->finish(part);
    if (status == PartStatus::part && !keep(part)) {
        return {.bytes = {}, .payload = 0, .fault = no_memory};
    }
    if (options_.framer->fault() != BackendFault::none) {
        return kept_until(PartStatus::fault);
    }
    (void)ResumeTranslator::end(scratch);
    return kept_until(status);
}

Frames MessageTranslator::kept_until(PartStatus status) noexcept {
    look_what_waits();
    return {.bytes = {},
            .payload = 0,
            .fault =
                status == PartStatus::fault ? words(options_.framer->fault()) : std::string_view{}};
}

// The bytes first, and then that they are a message: either is added as a whole, or not at all.
bool MessageTranslator::keep(const Part &part) noexcept {
    return append(part.payload, false) && (!part.ends_message || append({}, true));
}

// Without memory for the replay the session goes on as one that ends with its leg.
bool MessageTranslator::append(std::span<const std::uint8_t> bytes, bool ends) noexcept {
    if (messages_.append(bytes, ends)) {
        return true;
    }
    if (!kept_) {
        return false;
    }
    keep_no_longer();
    return messages_.append(bytes, ends);
}

void MessageTranslator::look_what_waits() noexcept {
    KeptMessages::Piece piece;
    wrapped_ = messages_.sendable();
    empty_waits_ = messages_.next(positions_.next(), most_data(), piece) && piece.tag == Tag::empty;
}

// The frames are as many as there is room for.
Frames MessageTranslator::send_again(const Scratch &scratch) noexcept {
    const std::uint64_t before = positions_.next();
    std::size_t size = 0;
    KeptMessages::Piece piece;
    while (messages_.next(positions_.next(), most_data(), piece)) {
        const std::size_t added = write(piece, scratch.wrapped.subspan(size));
        if (added == 0) {
            break;
        }
        size += added;
    }
    forget_unkept();
    look_what_waits();
    return {
        .bytes = scratch.wrapped.first(size), .payload = positions_.next() - before, .fault = {}};
}

// Writes one to the front of the room, and returns the size of its frame; 0 if there is no room
// that is worth it.
std::size_t MessageTranslator::write(const KeptMessages::Piece &piece,
                                     std::span<std::uint8_t> room) noexcept {
    if (piece.tag == Tag::empty) {
        constexpr std::size_t header = 2;
        if (room.size() < header + number_command_size) {
            return 0;
        }
        const std::size_t size = write_empty(room.subspan(header), piece.number);
        messages_.sent(piece);
        return session().wrap(room.subspan(header, size)).frame.size();
    }
    const std::size_t headers = headers_of(most_data());
    if (room.size() < headers + std::min(piece.size, least_piece)) {
        return 0;
    }
    const std::size_t size = std::min(piece.size, room.size() - headers);
    const std::span<std::uint8_t> bytes = room.subspan(headers_of(size), size);
    (void)messages_.read(piece.number, bytes);
    positions_.sent(size);
    std::uint8_t *const begin =
        write_data_before(bytes.data(), size, size < piece.size || piece.tag == Tag::part);
    return session().wrap({begin, bytes.data() + size}).frame.size();
}

// --- legs

void MessageTranslator::begin_leg(std::uint64_t client_has) noexcept {
    ResumeTranslator::begin_leg(client_has);
    rest_ = {};
    messages_.begin_leg();
    look_what_waits();
}

void MessageTranslator::forget_before(std::uint64_t position) noexcept {
    messages_.acknowledge(std::clamp(position, messages_.begin(), messages_.end()));
    look_what_waits();
}

void MessageTranslator::forget_unkept() noexcept {
    if (!kept_) {
        forget_before(positions_.next());
    }
}

}  // namespace ws
