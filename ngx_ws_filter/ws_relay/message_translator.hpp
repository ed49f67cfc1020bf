// Between a client that speaks the resume protocol and a backend of lines or records, over all legs
// of a session: what the client sends under one or more commands is a message, and a message of the
// backend goes out under as many. docs/resume-protocol.md, section 8.
#pragma once

#include "ngx_ws_filter/ws_relay/record_map.hpp"
#include "ngx_ws_filter/ws_relay/resume_translator.hpp"
#include "ngx_ws_filter/ws_resume/kept_messages.hpp"

namespace ws {

// Positions count bytes of messages. What the framing makes of them is the stream of the backend,
// which acknowledges bytes of that.
class MessageTranslator final : public ResumeTranslator {
public:
    struct Options {
        Framer *framer;             // for every framing but the stream
        std::uint64_t max_message;  // bytes of a client's; 0: any number
    };

    // All of these outlive the object. The terms say that messages are kept.
    MessageTranslator(Session &session, const ResumeTerms &terms, Sids &sids, ReplayLender &replay,
                      const Options &options, Lender &lender) noexcept;

    // --- a translator

    [[nodiscard]] Passage begin(std::span<std::uint8_t> received,
                                const Scratch &scratch) const noexcept override;
    [[nodiscard]] Event next(Passage &passage) noexcept override;
    void finish() noexcept override { lender_->take_back(); }
    // What there was no memory for counts too: it reaches nobody, and the session ends with it.
    [[nodiscard]] std::size_t held() const noexcept override {
        return options_.framer->held() + lost_;
    }
    [[nodiscard]] std::size_t held_in_stream() const noexcept override {
        return options_.framer->held_in_stream();
    }
    [[nodiscard]] std::size_t most(const Scratch &scratch) const noexcept override {
        return room_beside(messages_.size(), scratch);
    }
    [[nodiscard]] Frames wrap(std::span<std::uint8_t> payload,
                              const Scratch &scratch) noexcept override;
    void cut() noexcept override { options_.framer->cut(); }
    [[nodiscard]] Frames end(const Scratch &scratch) noexcept override;

    // --- a resumed one

    [[nodiscard]] bool drain(Passage &passage) noexcept override;
    void release() noexcept override { messages_.clear(); }
    void delivered(std::uint64_t total) noexcept override {
        ResumeTranslator::delivered(stream_map_.arrived(total));
    }

private:
    // What the messages lie in. A session that is not kept has only those that are to be sent.
    class Memory final : public ReplayLender {
    public:
        Memory(ReplayLender &lender, const bool &kept) noexcept : lender_(&lender), kept_(&kept) {}

        [[nodiscard]] ReplayBlock *lend_block(std::size_t wanted) noexcept override {
            return *kept_ ? lender_->lend_block(wanted) : lender_->lend_briefly(wanted);
        }
        void give_back(ReplayBlock *block) noexcept override { lender_->give_back(block); }

    private:
        ReplayLender *lender_;
        const bool *kept_;
    };

    void begin_leg(std::uint64_t client_has) noexcept override;
    void forget_before(std::uint64_t position) noexcept override;
    void forget_unkept() noexcept override;
    [[nodiscard]] Frames send_again(const Scratch &scratch) noexcept override;

    void note(Passage &passage, const Room &room) noexcept;
    [[nodiscard]] Event read(ReadBuffer &buffer, Room &room) noexcept;
    [[nodiscard]] Event wait_for_room(ReadBuffer &buffer) noexcept;
    void put_back(ReadBuffer &buffer) noexcept;
    [[nodiscard]] Event hear(Room &room) noexcept;
    [[nodiscard]] Event take_data(const Command &command, Room &room) noexcept;
    [[nodiscard]] Event take_empty(std::uint64_t ordinal, Room &room) noexcept;
    [[nodiscard]] Event put(const Command &command, Room &room) noexcept;
    [[nodiscard]] Event refuse(Violation violation) noexcept;

    [[nodiscard]] bool keep(const Part &part) noexcept;
    [[nodiscard]] bool append(std::span<const std::uint8_t> bytes, bool ends) noexcept;
    [[nodiscard]] Frames kept_until(PartStatus status) noexcept;
    void look_what_waits() noexcept;
    [[nodiscard]] std::size_t write(const KeptMessages::Piece &piece,
                                    std::span<std::uint8_t> room) noexcept;

    Options options_;
    Lender *lender_;
    PieceRest rest_;
    std::size_t lost_ = 0;            // bytes of the client that there was no memory for
    std::uint64_t message_size_ = 0;  // of the client's message so far
    std::uint64_t streamed_ = 0;      // bytes for the backend so far
    RecordMap stream_map_;            // of them to bytes of messages
    Memory memory_;
    KeptMessages messages_;  // of the backend
};

}  // namespace ws
