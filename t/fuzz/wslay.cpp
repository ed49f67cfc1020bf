// A session beside libwslay on the same bytes: both must take the same messages and refuse the same
// streams, but for the differences named below.
#include "t/fuzz/fuzz.hpp"

#include <wslay/wslay.h>

#include "ngx_ws_filter/ws_messages/session.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Event;
using ws::Violation;

namespace {

// What came, and whether the stream was refused.
struct Verdict {
    std::string data;      // payload of all data frames, one behind the other
    std::string controls;  // opcode and payload of each control frame
    bool refused = false;
};

// Where wslay 1.1.1 judges otherwise, and why this library does not.
enum class Difference {
    none,
    one_byte_close,    // wslay takes it for an empty one; RFC 6455, section 5.5.1
    registered_codes,  // wslay refuses 1012 to 1014, which were registered later; section 11.7
    unfinished_close,  // wslay judges a reason byte by byte; we wait for the whole frame, and then
                       // the first rule that it breaks is named
    cut_close_reason,  // wslay does not check the first two bytes of each part of a reason
    not_yet_begun,     // wslay looks at most of a header when it has read a byte of the payload; we
                       // refuse at the byte that breaks a rule
};

class Ours {
public:
    void take(std::span<std::uint8_t> part) {
        ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
        Event event;
        do {
            const std::uint8_t *packed = buffer.packed;
            event = session_.receive(buffer);
            verdict_.data += fuzz::text({packed, buffer.packed});
            if (event == Event::ping || event == Event::pong || event == Event::close) {
                verdict_.controls += event == Event::ping ? '9' : event == Event::pong ? 'a' : '8';
                verdict_.controls += fuzz::text(session_.control_payload());
            }
            if (event == Event::violation) {
                verdict_.refused = true;
            }
        } while (event != Event::exhausted);
    }

    [[nodiscard]] const Verdict &verdict() const { return verdict_; }
    [[nodiscard]] const ws::Session &session() const { return session_; }

private:
    ws::Session session_{{}};
    Verdict verdict_;
};

class Theirs {
public:
    explicit Theirs(fuzz::Bytes stream) : stream_(stream) {
        wslay_event_callbacks callbacks{};
        callbacks.recv_callback = receive;
        callbacks.genmask_callback = nullptr;
        callbacks.on_frame_recv_start_callback = start_frame;
        callbacks.on_frame_recv_chunk_callback = take_chunk;
        callbacks.on_msg_recv_callback = take_message;
        require(wslay_event_context_server_init(&context_, &callbacks, this) == 0);
        // Else it allocates what a header says before it has come.
        wslay_event_config_set_no_buffering(context_, 1);
        wslay_event_config_set_max_recv_msg_length(context_, UINT64_MAX);

        const int result = wslay_event_recv(context_);
        verdict_.refused = result != 0 || (wslay_event_get_read_enabled(context_) == 0 &&
                                           wslay_event_get_close_received(context_) == 0);
    }
    ~Theirs() { wslay_event_context_free(context_); }
    Theirs(const Theirs &) = delete;
    Theirs &operator=(const Theirs &) = delete;

    [[nodiscard]] const Verdict &verdict() const { return verdict_; }

private:
    static ssize_t receive(wslay_event_context_ptr context, std::uint8_t *to, std::size_t room, int,
                           void *self) {
        fuzz::Bytes &stream = static_cast<Theirs *>(self)->stream_;
        if (stream.empty()) {
            wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
            return -1;
        }
        const std::size_t size = std::min(room, stream.size());
        std::ranges::copy(stream.first(size), to);
        stream = stream.subspan(size);
        return static_cast<ssize_t>(size);
    }

    static void start_frame(wslay_event_context_ptr,
                            const wslay_event_on_frame_recv_start_arg *frame, void *self) {
        static_cast<Theirs *>(self)->control_ = wslay_is_ctrl_frame(frame->opcode) != 0;
    }

    static void take_chunk(wslay_event_context_ptr,
                           const wslay_event_on_frame_recv_chunk_arg *chunk, void *self) {
        auto *theirs = static_cast<Theirs *>(self);
        if (!theirs->control_) {
            theirs->verdict_.data += fuzz::text({chunk->data, chunk->data_length});
        }
    }

    static void take_message(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg *message,
                             void *self) {
        if (wslay_is_ctrl_frame(message->opcode) != 0) {
            std::string &controls = static_cast<Theirs *>(self)->verdict_.controls;
            controls += "0123456789ab"[message->opcode];
            controls += fuzz::text({message->msg, message->msg_length});
        }
    }

    wslay_event_context_ptr context_ = nullptr;
    fuzz::Bytes stream_;
    Verdict verdict_;
    bool control_ = false;
};

struct Frame {
    std::uint8_t opcode = 0;
    bool begun = false;  // its header is in the stream, and a byte of its payload if it has any
    bool whole = false;
};

// Frame number `index`, or the last one that is not whole. Only lengths are read for this.
[[nodiscard]] Frame frame_at(fuzz::Bytes stream, std::uint64_t index) {
    std::size_t begin = 0;
    for (std::uint64_t frame = 0; stream.size() - begin >= 2; ++frame) {
        const std::uint8_t *header = stream.data() + begin;
        const std::size_t more = (header[1] & 0x7fU) < 126 ? 0 : (header[1] & 0x7fU) == 126 ? 2 : 8;
        const std::size_t size = 2 + more + ((header[1] & 0x80U) != 0 ? 4 : 0);
        if (stream.size() - begin < size) {
            break;
        }
        std::uint64_t length = more == 0 ? header[1] & 0x7fU : 0;
        for (std::size_t i = 0; i < more; ++i) {
            length = length << 8U | header[2 + i];
        }
        const std::size_t left = stream.size() - begin - size;
        if (length > left || frame == index) {
            return {static_cast<std::uint8_t>(header[0] & 0x0fU), length == 0 || left > 0,
                    length <= left};
        }
        begin += size + static_cast<std::size_t>(length);
    }
    return {};
}

[[nodiscard]] Difference difference(const Ours &ours, const Verdict &theirs, fuzz::Bytes stream) {
    const Violation violation = ours.session().violation();
    if (ours.verdict().refused && !theirs.refused) {
        if (violation == Violation::close_payload_too_short) {
            return Difference::one_byte_close;
        }
        if (violation == Violation::close_reason_not_utf8) {
            return Difference::cut_close_reason;
        }
        if (violation != Violation::text_not_utf8 &&
            !frame_at(stream, ours.session().frames_in()).begun) {
            return Difference::not_yet_begun;
        }
    }
    if (theirs.refused && !ours.verdict().refused) {
        const unsigned code = static_cast<unsigned>(ours.session().peer_status().code);
        if (code >= 1012 && code <= 1014) {
            return Difference::registered_codes;
        }
        const Frame last = frame_at(stream, UINT64_MAX);
        if (last.opcode == 8 && !last.whole) {
            return Difference::unfinished_close;
        }
    }
    return Difference::none;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const Input input({data, size});
    Ours ours;
    fuzz::in_parts(input, [&](std::span<std::uint8_t> part) { ours.take(part); });
    const Theirs theirs(input.content());
    if (difference(ours, theirs.verdict(), input.content()) != Difference::none) {
        return 0;
    }
    require(ours.verdict().refused == theirs.verdict().refused);
    require(ours.verdict().controls == theirs.verdict().controls);
    // Of the text that is none, wslay drops the whole part that it came in.
    const bool dropped = ours.session().violation() == Violation::text_not_utf8;
    require(dropped ? ours.verdict().data.starts_with(theirs.verdict().data)
                    : ours.verdict().data == theirs.verdict().data);
    return 0;
}
