#include "ngx_ws_filter/ws_relay/translator.hpp"

namespace ws {
namespace {

constexpr std::string_view not_text = "backend sent bytes that are not UTF-8";

}  // namespace

Passage Translator::begin(std::span<std::uint8_t> received, const Scratch &scratch) const noexcept {
    std::uint8_t *const begin = received.data();
    std::uint8_t *const end = begin + received.size();
    return {.received = {begin, begin, end},
            .begin = begin,
            .end = begin,
            .limit = end,
            .answers = scratch.wrapped};
}

Event Translator::next(Passage &passage) noexcept {
    const Event event = session_->receive(passage.received);
    passage.end = passage.received.packed;
    return event;
}

std::size_t Translator::most(const Scratch &scratch) const noexcept {
    return scratch.received.size();
}

Frames Translator::one_frame(const Session::Wrapped &wrapped) noexcept {
    const std::string_view fault = wrapped.valid ? std::string_view{} : not_text;
    if (wrapped.frame.empty()) {
        return {.bytes = {}, .payload = 0, .fault = fault};
    }
    return {.bytes = wrapped.frame,
            .payload = wrapped.frame.size() - header_size_of(wrapped.frame),
            .fault = fault};
}

Frames Translator::wrap(std::span<std::uint8_t> payload, const Scratch &) noexcept {
    return one_frame(session_->wrap(payload));
}

Frames Translator::end(const Scratch &) noexcept {
    const bool cut = session_->held_back() != 0;
    return {.bytes = {},
            .payload = 0,
            .fault = cut ? "backend closed inside a UTF-8 code point" : std::string_view{}};
}

Passage passage_with_room(std::span<std::uint8_t> received, const Scratch &scratch) noexcept {
    const std::size_t size = scratch.received.size();
    std::uint8_t *const begin = scratch.wrapped.data();
    return {.received = {received.data(), received.data(), received.data() + received.size()},
            .begin = begin,
            .end = begin,
            .limit = begin + size,
            .answers = scratch.wrapped.subspan(size)};
}

Passage CopyingTranslator::begin(std::span<std::uint8_t> received,
                                 const Scratch &scratch) const noexcept {
    return takes_in_place() ? Translator::begin(received, scratch)
                            : passage_with_room(received, scratch);
}

Event CopyingTranslator::next(Passage &passage) noexcept {
    if (takes_in_place()) {
        return Translator::next(passage);
    }
    if (options_.compression && !lender_->lend_inflater()) {
        return Event::memory_full;
    }
    Room room{passage.end, passage.limit};
    Event event;
    do {
        event = session().receive(passage.received, room);
    } while (event == Event::memory_full && lender_->lend_memory());
    passage.end = room.filled;
    return event;
}

// What is repaired takes one half of the room, and the message that it becomes the other.
std::size_t CopyingTranslator::most(const Scratch &scratch) const noexcept {
    const std::size_t size = scratch.received.size();
    if (options_.framer != nullptr) {
        return Session::max_framed(size, options_.repairs_text);
    }
    return session().repairs_text() ? Utf8Repair::max_taken(Session::max_payload(size / 2))
                                    : Session::max_payload(size);
}

Frames CopyingTranslator::wrap(std::span<std::uint8_t> payload, const Scratch &scratch) noexcept {
    if (options_.framer != nullptr) {
        lender_->lend_deflater();
        const Frames frames = framed(session().wrap_messages(payload, scratch.received));
        lender_->take_back();
        return frames;
    }
    if (!session().repairs_text()) {
        return wrap_message(payload, scratch.received);
    }
    const std::size_t half = scratch.received.size() / 2;
    payload = session().repair(payload, scratch.received.subspan(half));
    return wrap_message(payload, scratch.received.first(half));
}

Frames CopyingTranslator::wrap_message(std::span<std::uint8_t> payload,
                                       std::span<std::uint8_t> room) noexcept {
    if (payload.empty()) {
        return {};
    }
    if (!options_.compression) {
        return one_frame(session().wrap(payload));
    }
    lender_->lend_deflater();
    const Frames frames = one_frame(session().wrap(payload, room));
    lender_->take_back();
    return frames;
}

void CopyingTranslator::cut() noexcept {
    if (options_.framer != nullptr) {
        options_.framer->cut();
    }
}

Frames CopyingTranslator::end(const Scratch &scratch) noexcept {
    if (options_.framer != nullptr) {
        lender_->lend_deflater();
        const Frames frames = framed(session().wrap_end(scratch.received));
        lender_->take_back();
        return frames;
    }
    if (!session().repairs_text()) {
        return Translator::end(scratch);
    }
    const std::span<std::uint8_t> text = session().repair_end(scratch.received);
    return text.empty() ? Frames{} : one_frame(session().wrap(text));
}

Frames CopyingTranslator::framed(const Session::Framed &framed) noexcept {
    return {.bytes = framed.frames,
            .payload = framed.payload,
            .fault = framed.fault == BackendFault::none ? std::string_view{} : words(framed.fault)};
}

}  // namespace ws
