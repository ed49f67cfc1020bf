// Between a client's messages and a backend's bytes: chosen once a session, and asked by nobody
// which one it is.
#pragma once

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "ngx_ws_filter/ws_relay/host.hpp"

namespace ws {

// Some bytes of the client on their way through a translator.
struct Passage {
    ReadBuffer received;
    std::uint8_t *begin;  // [begin, end): what has come out for the backend so far
    std::uint8_t *end;
    std::uint8_t *limit;              // of the place where it comes out
    std::span<std::uint8_t> answers;  // room for the pongs that become due meanwhile

    [[nodiscard]] std::span<std::uint8_t> data() const noexcept { return {begin, end}; }
    [[nodiscard]] std::uint64_t size() const noexcept {
        return static_cast<std::uint64_t>(end - begin);
    }
    // What cannot be taken yet, because there is no place left for what comes out.
    [[nodiscard]] std::span<std::uint8_t> rest() const noexcept {
        return {received.unread, received.end};
    }
};

// What bytes of the backend have become.
struct Frames {
    std::span<std::uint8_t> bytes;  // to be sent; empty if nothing is ready yet
    std::size_t payload = 0;        // of them, those that are no header
    std::string_view fault;         // what the backend did wrong behind them, a literal; empty:
                                    // nothing
};

// This one passes bytes on as they are, in place: the data of any message for the backend, and
// messages of the session's own type for the client.
class Translator {
public:
    // The session outlives the object.
    explicit Translator(Session &session) noexcept : session_(&session) {}

    // From now on this one is meant, of which nothing was said or heard yet.
    void use(Session &session) noexcept { session_ = &session; }

    // --- to the backend

    [[nodiscard]] virtual Passage begin(std::span<std::uint8_t> received,
                                        const Scratch &scratch) const noexcept;
    // What is met next. `room_full`: rest() waits, even if it is empty. `memory_full`: the message
    // cannot be taken for want of memory.
    [[nodiscard]] virtual Event next(Passage &passage) noexcept;
    // The passage is over: memory that is not needed in between goes back.
    virtual void finish() noexcept {}
    // Payload of the client that is held until its message is whole.
    [[nodiscard]] virtual std::size_t held() const noexcept { return 0; }
    // What is held, in bytes of the stream to the backend, as far as they will stand before what
    // the client says next.
    [[nodiscard]] virtual std::size_t held_in_stream() const noexcept { return 0; }

    // --- to the client

    // Bytes that may be given to wrap() at a time.
    [[nodiscard]] virtual std::size_t most(const Scratch &scratch) const noexcept;
    // Whether payload may bypass wrap(), with a header from Session::wrap_elsewhere().
    [[nodiscard]] virtual bool passes_bytes() const noexcept { return session_->passes_bytes(); }
    // `payload`: not empty, with Session::headroom before it, in scratch.wrapped.
    [[nodiscard]] virtual Frames wrap(std::span<std::uint8_t> payload,
                                      const Scratch &scratch) noexcept;
    // The stream of the backend has ended where nobody says that it was meant to: a message that is
    // not finished is cut.
    virtual void cut() noexcept {}
    // Does what wrap() does when the backend has sent its last byte.
    [[nodiscard]] virtual Frames end(const Scratch &scratch) noexcept;

protected:
    [[nodiscard]] Session &session() const noexcept { return *session_; }
    [[nodiscard]] static Frames one_frame(const Session::Wrapped &wrapped) noexcept;

private:
    Session *session_;
};

// Lends what only some messages need. Each returns false if there is no memory.
class Lender {
public:
    [[nodiscard]] virtual bool lend_inflater() noexcept { return true; }
    virtual void lend_deflater() noexcept {}
    // Memory for a message that has to be whole, or more of it.
    [[nodiscard]] virtual bool lend_memory() noexcept { return false; }
    virtual void take_back() noexcept {}

protected:
    Lender() = default;
    ~Lender() = default;
};

struct CopyingOptions {
    Framer *framer = nullptr;   // for every framing but the stream; outlives the translator
    bool compression = false;   // it was negotiated
    bool repairs_text = false;  // ws_text_errors replace
};

// A passage whose data comes out in a place of its own, as large as one scratch buffer; the pongs
// gather behind it.
[[nodiscard]] Passage passage_with_room(std::span<std::uint8_t> received,
                                        const Scratch &scratch) noexcept;

// For compression, framings and repaired text: what comes out can be much more than what went in,
// so that it is written to a place of its own, as much as there is room for.
class CopyingTranslator final : public Translator {
public:
    // Both outlive the object.
    CopyingTranslator(Session &session, const CopyingOptions &options, Lender &lender) noexcept
        : Translator(session), options_(options), lender_(&lender) {}

    [[nodiscard]] Passage begin(std::span<std::uint8_t> received,
                                const Scratch &scratch) const noexcept override;
    [[nodiscard]] Event next(Passage &passage) noexcept override;
    void finish() noexcept override { lender_->take_back(); }
    [[nodiscard]] std::size_t held() const noexcept override {
        return options_.framer == nullptr ? 0 : options_.framer->held();
    }
    [[nodiscard]] std::size_t held_in_stream() const noexcept override {
        return options_.framer == nullptr ? 0 : options_.framer->held_in_stream();
    }
    [[nodiscard]] std::size_t most(const Scratch &scratch) const noexcept override;
    [[nodiscard]] bool passes_bytes() const noexcept override { return false; }
    [[nodiscard]] Frames wrap(std::span<std::uint8_t> payload,
                              const Scratch &scratch) noexcept override;
    void cut() noexcept override;
    [[nodiscard]] Frames end(const Scratch &scratch) noexcept override;

private:
    // A client's data leaves as it came.
    [[nodiscard]] bool takes_in_place() const noexcept {
        return options_.framer == nullptr && !options_.compression;
    }
    [[nodiscard]] Frames wrap_message(std::span<std::uint8_t> payload,
                                      std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] Frames framed(const Session::Framed &framed) noexcept;

    CopyingOptions options_;
    Lender *lender_;
};

}  // namespace ws
