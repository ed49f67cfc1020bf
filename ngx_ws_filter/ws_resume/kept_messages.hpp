// The replay of a session whose messages mean something to its service: bytes, and where each
// message ends. docs/resume-protocol.md, section 8.
#pragma once

#include "ngx_ws_filter/ws_resume/command.hpp"
#include "ngx_ws_filter/ws_resume/replay.hpp"

namespace ws {

// Everything is sent from here, the first time too: only what is sent ends where a message does.
class KeptMessages {
public:
    // The lender outlives the object.
    explicit KeptMessages(ReplayLender &lender) noexcept : bytes_(lender), ends_(lender) {}

    // Adds a part of a message to the end; a message that is only an end is one without bytes.
    // False if there is no memory: the session cannot go on.
    [[nodiscard]] bool append(std::span<const std::uint8_t> part, bool ends_message) noexcept;

    // The client has all before `position`, which is not beyond the end. It may lack a message
    // without bytes that stands right there.
    void acknowledge(std::uint64_t position) noexcept;

    // A new leg begins, after acknowledge(): what was not acknowledged is sent again.
    void begin_leg() noexcept {
        cursor_ = ends_.begin();
        cursor_ordinal_ = ordinal_;
        empties_sent_ = 0;
    }

    // A command: EMPTY with an ordinal, or else DATA or PART with bytes from a position.
    struct Piece {
        Tag tag;
        std::uint64_t number;  // the ordinal or the position
        std::size_t size = 0;
    };

    // What this leg sends next when it has sent all bytes before `position`, which is never before
    // what is acknowledged; then sent() is told. False: nothing, until more is added. The last byte
    // of a message that has no end yet waits, because no message ends without a byte. `most`: bytes
    // of a piece.
    [[nodiscard]] bool next(std::uint64_t position, std::size_t most, Piece &piece) noexcept;
    void sent(const Piece &piece) noexcept { empties_sent_ += piece.tag == Tag::empty ? 1 : 0; }

    // See Replay.
    [[nodiscard]] std::size_t read(std::uint64_t position,
                                   std::span<std::uint8_t> to) const noexcept {
        return bytes_.read(position, to);
    }
    [[nodiscard]] std::uint64_t begin() const noexcept { return bytes_.begin(); }
    [[nodiscard]] std::uint64_t end() const noexcept { return bytes_.end(); }
    // The bytes before it may be sent, without what waits for its message to go on.
    [[nodiscard]] std::uint64_t sendable() const noexcept {
        return last_.position == bytes_.end() ? bytes_.end() : bytes_.end() - 1;
    }
    // Bytes of memory that what is kept takes, ends of messages included: what is bounded.
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() + ends_.size(); }

    // Gives all memory back. Nothing else may be called afterwards.
    void clear() noexcept {
        bytes_.clear();
        ends_.clear();
    }

private:
    // Where a message ends, and how many without bytes stand right behind it: however many there
    // are, they take no more memory than one.
    struct End {
        std::uint64_t position;
        std::uint64_t empties;
    };

    [[nodiscard]] bool end_message() noexcept;
    [[nodiscard]] End end_at(std::uint64_t place) const noexcept;
    [[nodiscard]] bool next_unfinished(std::uint64_t position, std::size_t most,
                                       Piece &piece) const noexcept;

    Replay bytes_;
    Replay ends_;                // all but the last
    End last_{};                 // the latest: at first the beginning of the stream
    std::uint64_t ordinal_ = 0;  // of the first empty message behind the first end
    // The end that this leg sends next, as a place in ends_; how many of the empty messages behind
    // it are sent, and the ordinal of the first of them.
    std::uint64_t cursor_ = 0;
    std::uint64_t cursor_ordinal_ = 0;
    std::uint64_t empties_sent_ = 0;
};

}  // namespace ws
