// What a Session sends: the content is a list of steps, and a client reads the result.
#include "t/fuzz/fuzz.hpp"

#include <optional>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/fuzz/server_frames.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::Input;
using fuzz::require;
using ws::CloseCode;
using ws::Session;

namespace {

// The session, and beside it what must come out of it.
class Conversation {
public:
    explicit Conversation(ws::Opcode outgoing) : session_({.outgoing = outgoing}) {
        text_ = outgoing == ws::Opcode::text;
    }

    void step(Input &input) {
        const std::size_t size = input.take_byte();
        switch (input.take_byte() % 8) {
            case 0:
            case 1:
                wrap(input.take(size + 1));
                break;
            case 2:
                receive_ping(input.take(size % 126));
                break;
            case 3:
                session_.ping(input.take(size % (Session::max_ping_payload + 1)));
                break;
            case 4:
                session_.close(static_cast<CloseCode>(990 + size), fuzz::text(input.take(size)));
                break;
            case 5:
                receive_close(input.take(size % 126));
                break;
            default:
                write_due(size);
        }
    }

    // Everything that is due fits now.
    void end() {
        write_due(Session::max_due_size);
        require(!session_.anything_due());
        const fuzz::Utf8Judgement judgement = fuzz::judge_utf8(fuzz::bytes(given_));
        const std::size_t sent = text_ ? judgement.valid - judgement.pending : given_.size();
        require(received_ == given_.substr(0, sent));
        require(session_.held_back() == given_.size() - sent || judgement.valid != given_.size() ||
                !text_);
        require(frames_ == session_.frames_out());
        require(session_.close_sent() == closed_);
    }

private:
    // A session is given nothing more once a Close is on its way, or text that was none.
    void wrap(fuzz::Bytes payload) {
        if (payload.empty() || session_.close_sent() || broken_) {
            return;
        }
        const fuzz::Block block(Session::headroom + payload.size());
        const auto given = block.span().subspan(Session::headroom);
        std::ranges::copy(payload, given.begin());
        given_ += fuzz::text(payload);

        const Session::Wrapped wrapped = session_.wrap(given);
        require(wrapped.valid || text_);
        broken_ = !wrapped.valid;
        require(broken_ == (text_ && fuzz::judge_utf8(fuzz::bytes(given_)).valid != given_.size()));
        if (wrapped.frame.empty()) {
            return;
        }
        require(wrapped.frame.data() >= block.span().data());
        require(wrapped.frame.data() + wrapped.frame.size() <= given.data() + given.size());
        fuzz::Bytes stream = wrapped.frame;
        const fuzz::ServerFrame frame = fuzz::take_frame(stream);
        require(stream.empty() && frame.opcode == (text_ ? 1 : 2) && !frame.compressed);
        const fuzz::Utf8Judgement message = fuzz::judge_utf8(fuzz::bytes(frame.payload));
        require(!text_ || (message.valid == frame.payload.size() && message.pending == 0));
        received_ += frame.payload;
        ++frames_;
    }

    ws::Event receive(unsigned first_byte, fuzz::Bytes payload) {
        const fuzz::Block block(6 + payload.size());
        const std::span<std::uint8_t> frame = block.span();
        const std::uint8_t header[] = {static_cast<std::uint8_t>(first_byte),
                                       static_cast<std::uint8_t>(0x80 | payload.size()),
                                       0,
                                       0,
                                       0,
                                       0};
        std::ranges::copy(payload, std::ranges::copy(header, frame.begin()).out);
        ws::ReadBuffer buffer{frame.data(), frame.data(), frame.data() + frame.size()};
        return session_.receive(buffer);
    }

    void receive_ping(fuzz::Bytes payload) {
        if (receive(0x89, payload) == ws::Event::ping) {
            session_.answer_ping();
            pong_ = session_.close_sent() || close_due() ? pong_ : std::string(fuzz::text(payload));
        }
    }

    void receive_close(fuzz::Bytes payload) {
        if (receive(0x88, payload) == ws::Event::close) {
            session_.answer_close();
        }
    }

    // Whether a Close has to be sent cannot be asked: with nothing else due, it is what is.
    [[nodiscard]] bool close_due() {
        Session copy = session_;
        const fuzz::Block room(Session::max_due_size);
        static_cast<void>(copy.write_due(room.span()));
        return copy.close_sent();
    }

    void write_due(std::size_t size) {
        const bool closed_before = session_.close_sent();
        const fuzz::Block room(size);
        const std::size_t written = session_.write_due(room.span());
        require(written <= size && (written == 0 || !closed_before));
        fuzz::Bytes stream = room.span().first(written);
        unsigned last = 0;
        while (!stream.empty()) {
            const fuzz::ServerFrame frame = fuzz::take_frame(stream);
            const unsigned order = frame.opcode == 10 ? 1 : frame.opcode == 9 ? 2 : 3;
            require(frame.opcode >= 8 && order > last);
            last = order;
            if (frame.opcode == 10) {
                require(pong_.has_value() && frame.payload == *pong_);
                pong_.reset();
            }
            closed_ = closed_ || frame.opcode == 8;
            if (frame.opcode == 8 && !frame.payload.empty()) {
                ws::CloseStatus status{};
                static_cast<void>(ws::read_close(fuzz::bytes(frame.payload), status));
                require(frame.payload.size() >= 2);
            }
            ++frames_;
        }
        require(session_.close_sent() == closed_);
        require(size < Session::max_due_size || !session_.anything_due());
    }

    Session session_;
    std::string given_;
    std::string received_;
    std::optional<std::string> pong_;
    std::uint64_t frames_ = 0;
    bool text_ = false;
    bool broken_ = false;
    bool closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    Conversation conversation(input.choice() % 2 == 0 ? ws::Opcode::binary : ws::Opcode::text);
    while (!input.content().empty()) {
        conversation.step(input);
    }
    conversation.end();
    return 0;
}
