// Between a client that speaks the resume protocol and a backend's bytes, over all legs of a
// session. docs/resume-protocol.md.
#pragma once

#include "ngx_ws_filter/ws_relay/endpoint.hpp"
#include "ngx_ws_filter/ws_relay/translator.hpp"
#include "ngx_ws_filter/ws_resume/command_reader.hpp"
#include "ngx_ws_filter/ws_resume/positions.hpp"
#include "ngx_ws_filter/ws_resume/replay.hpp"
#include "ngx_ws_filter/ws_resume/sid.hpp"

namespace ws {

struct ResumeTerms {
    Limits limits;
    bool own_name;  // ours, not one of v4
};

// What the client is told of who it is. The texts outlive the leg.
struct Greeting {
    std::string_view sid;       // of a new session
    std::string_view next_sid;  // of a resumed one: the text of Sids::next(), which was offered
};

// A client's messages are commands, and what they carry is the stream. What the backend says is
// kept until the client acknowledges it, and sent again on the next leg from where the client is.
// Where messages mean something to the backend, MessageTranslator does it.
class ResumeTranslator : public Translator {
public:
    // All of these outlive the object, and so does what the terms name.
    ResumeTranslator(Session &session, const ResumeTerms &terms, Sids &sids,
                     ReplayLender &lender) noexcept;

    // --- a translator

    [[nodiscard]] Event next(Passage &passage) noexcept override;
    [[nodiscard]] std::size_t most(const Scratch &scratch) const noexcept override;
    [[nodiscard]] bool passes_bytes() const noexcept override { return false; }
    // What is more than one place holds was read apart: each place is for one DATA, and each gap
    // for its headers.
    [[nodiscard]] Spacing places() const noexcept {
        return {.size = most_data(), .gap = headers_of(most_data())};
    }
    [[nodiscard]] Frames wrap(std::span<std::uint8_t> payload,
                              const Scratch &scratch) noexcept override;
    [[nodiscard]] Frames end(const Scratch &scratch) noexcept override;

    // --- legs

    // The first leg, or the next one: `client_has` is what check_ack() has found right.
    void greet(const Greeting &greeting) noexcept;
    void greet_again(const Greeting &greeting, std::uint64_t client_has) noexcept;
    [[nodiscard]] Breach check_ack(std::uint64_t client_has) const noexcept {
        return positions_.check_ack(client_has);
    }
    // Before end_leg(), until it returns true: puts into the passage what is left of a message that
    // the client has said to its end.
    [[nodiscard]] virtual bool drain(Passage &) noexcept { return true; }
    void end_leg() noexcept;
    // The session ends with its leg, and tells the client so.
    void keep_no_longer() noexcept;
    // Asks the client to come back within so many milliseconds. Not under a v4 name.
    void send_away(std::uint32_t millis) noexcept {
        away_ = millis;
        due_.away = terms_.own_name;
    }
    // Between two legs: how far both streams have come, and the bytes that may have to be sent
    // again; and the same in another process, before the first leg here. False if there is no
    // memory for them.
    struct Kept {
        StreamPositions positions;
        std::uint64_t wrapped;
    };
    [[nodiscard]] Kept kept() const noexcept {
        return {.positions = positions_.kept(), .wrapped = wrapped_};
    }
    void read_replay(std::span<std::uint8_t> to) const noexcept {
        (void)replay_.read(replay_.begin(), to);
    }
    [[nodiscard]] bool go_on(const Kept &kept, std::span<const std::uint8_t> replay) noexcept;
    // The session is over.
    virtual void release() noexcept { replay_.clear(); }

    // --- what the client is told

    // Bytes that the backend has acknowledged.
    virtual void delivered(std::uint64_t total) noexcept {
        positions_.delivered(std::min(total, positions_.taken()));
    }
    // Whether the backend has to be asked for them now; and when to look again.
    // `joins`: an ACK would go out with data, and so cost nothing.
    [[nodiscard]] bool should_ask(Millis now, bool joins) const noexcept;
    void note_asked(Millis now) noexcept;
    [[nodiscard]] Millis look_at(Millis now) noexcept;

    // Whether an ACK is due, and nothing before it: it goes out before what is wrapped next, which
    // has `ack_size` bytes more room before it, or as the next command.
    [[nodiscard]] bool join_ack(Millis now) noexcept;
    static constexpr std::size_t ack_size = 2 + number_command_size;
    // The next command that is due; nothing, if there is none. `last`: a Close follows, so that
    // what could wait does not.
    [[nodiscard]] Frames next_due(const Scratch &scratch, bool last, Millis now) noexcept;

    // Bytes that the client may not have are to be sent, before anything new.
    [[nodiscard]] bool sends_again() const noexcept {
        return attached_ && (positions_.next() < wrapped_ || empty_waits_);
    }

    // --- what is known

    [[nodiscard]] Breach breach() const noexcept { return breach_; }
    [[nodiscard]] bool is_kept() const noexcept { return kept_; }
    [[nodiscard]] const Limits &limits() const noexcept { return terms_.limits; }
    [[nodiscard]] std::uint64_t taken() const noexcept { return positions_.taken(); }
    [[nodiscard]] std::uint64_t client_has() const noexcept { return positions_.acknowledged(); }
    [[nodiscard]] std::uint64_t unacknowledged() const noexcept {
        return wrapped_ - positions_.acknowledged();
    }
    [[nodiscard]] std::size_t replayed() const noexcept { return replay_.size(); }
    // Bytes of the client that are held for the backend, at most.
    [[nodiscard]] std::uint64_t most_held() const noexcept;

protected:
    // What is heard but for data.
    [[nodiscard]] Event obey(const Command &command, Heard heard) noexcept;
    [[nodiscard]] Event broken(Breach breach) noexcept;
    // Bytes in a DATA that the client takes on this leg.
    [[nodiscard]] std::size_t most_data() const noexcept { return most_data_; }
    // Bytes that may be read from the backend while so many are kept.
    [[nodiscard]] std::size_t room_beside(std::uint64_t used,
                                          const Scratch &scratch) const noexcept;
    // The client comes back, and has all bytes before `client_has`.
    virtual void begin_leg(std::uint64_t client_has) noexcept;
    // The client has all bytes before `position`, which the session need not keep any more.
    virtual void forget_before(std::uint64_t position) noexcept;
    // Only a session that is kept needs its replay, and what is still to be sent on this leg.
    virtual void forget_unkept() noexcept;
    [[nodiscard]] virtual Frames send_again(const Scratch &scratch) noexcept;

private:
    friend class MessageTranslator;

    enum class Greet : std::uint8_t { nothing, success, again, limits, sid };

    // What stands in a frame before so many bytes of a DATA.
    [[nodiscard]] static std::size_t headers_of(std::size_t size) noexcept {
        return header_size(data_header_size + size) + data_header_size;
    }
    [[nodiscard]] Event take(const Command &command, Heard heard, Passage &passage) noexcept;
    [[nodiscard]] std::size_t write_limits(std::span<std::uint8_t> to) noexcept;
    void keep(std::span<const std::uint8_t> payload) noexcept;
    [[nodiscard]] std::span<std::uint8_t> wrap_apart(std::span<std::uint8_t> payload) noexcept;
    [[nodiscard]] std::span<std::uint8_t> put_ack_before(std::span<std::uint8_t> frames) noexcept;
    [[nodiscard]] std::uint64_t open() const noexcept;
    // So many bytes are worth an ACK at once.
    [[nodiscard]] bool is_much(std::uint64_t bytes) const noexcept {
        return bytes >= terms_.limits.bytes / 2;
    }
    [[nodiscard]] std::size_t write_greeting(std::span<std::uint8_t> to) noexcept;
    [[nodiscard]] std::size_t write_command(std::span<std::uint8_t> to, bool last,
                                            Millis now) noexcept;

    CommandReader reader_;
    Positions positions_;
    Piece piece_;
    std::uint64_t wrapped_ = 0;    // bytes of the backend so far that may be sent
    std::uint64_t held_back_ = 0;  // bytes of the client, until their message is whole
    ResumeTerms terms_;
    Sids *sids_;
    Replay replay_;
    Greeting greeting_;
    Millis look_at_ = Deadlines::never;
    std::uint32_t away_ = 0;
    std::uint32_t most_data_ = max_data;
    std::uint8_t wait_ = 0;  // ms between the last two questions
    Breach breach_ = Breach::none;
    Greet greet_ = Greet::nothing;
    bool empty_waits_ = false;  // a message without bytes may be sent, too
    bool in_piece_ = false;
    bool attached_ = false;
    bool kept_ = true;
    // Told when its turn comes.
    struct {
        bool limits = false;
        bool away = false;
        bool ack = false;  // with what is wrapped next, or before anything else
    } due_;
};

}  // namespace ws
