// One end of WebSocket, a server's or a client's, without a socket: the header to begin with. A
// Session is one conversation, from the end of its opening handshake to its Close. RFC 6455,
// sections 5 to 8, and RFC 7692, section 6.
//
// Bytes go in, bytes and events come out:
//
//     ws::Session session({.outgoing = ws::Opcode::binary});
//
//     ws::ReadBuffer buffer{bytes, bytes, bytes + size};  // what a read has brought
//     while ((event = session.receive(buffer)) != ws::Event::exhausted) { ... }
//     // [bytes, buffer.packed): what the client's messages hold, unmasked, checked, side by side
//
//     session.wrap(payload).frame;  // what a backend has sent, as a message in place
//     session.write_due(room);      // the control frames that have to go out
//
// What the core owns:
// - The rules. What a client sends is passed on only as far as it breaks none, and the first that
//   is broken has a name, after which nothing is read. What goes out is well-formed, and in order:
//   control frames stand between others, and a Close is the last.
// - The state of one conversation: the header, code point or compressed block that a read has cut,
//   the message that is open, one pong, one ping and one Close that are due. It is in the objects,
//   whose sizes are fixed. However a stream is cut, it means the same.
//
// What it leaves to its caller:
// - Memory. Nothing is allocated. Buffers and rooms are given for a call; zlib's states and the
//   memory of messages that have to be whole are lent, so that idle sessions can do without.
// - Sockets. The caller reads, as much and as often as it likes, and keeps what a socket did not
//   take. No call waits; its work is bounded by the bytes and the room that it is given.
// - Time. There is no clock: timeouts, pings at intervals and round trips are the caller's.
// - Decisions. Whether a ping is answered now or when its data has arrived, which limits hold,
//   with which code a conversation ends, and how TCP is closed after it.
//
// What stands beside it:
// - handshake, accept_key, origin and deflate_offer: the opening handshake, before a Session.
// - compression and deflate: RFC 7692, lent to a Session by its options.
// - framer and framing*: messages as a backend's lines or records; lent in the same way.
// - flow_ledger, ping_receipts and ping_marker: how far bytes have come, and what that answers.
// - proxy_protocol: who the client is, for the backend.
// - frame_reader, frame_writer, mask, utf8* and close: what a Session is made of, good without it.
//
// In all of them sizes, limits and offsets are bytes. A span or string_view is looked at during the
// call alone, unless its declaration says how long it has to last; what is returned lies in the
// caller's memory, or in the object where that is said. Errors are values: a client's fault is a
// Violation (frame.hpp), a backend's a BackendFault (framing.hpp), want of memory a false. Nothing
// throws, and no input can reach an assert: these are for callers who break what a declaration asks
// of them. Objects know nothing of each other but what they are given, and may each be used by one
// thread at a time.
#pragma once

#include "ngx_ws_filter/ws_compression/compression.hpp"
#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "ngx_ws_filter/ws_frames/frame_writer.hpp"
#include "ngx_ws_filter/ws_framing/framer.hpp"
#include "ngx_ws_filter/ws_messages/close.hpp"
#include "ngx_ws_filter/ws_messages/piece_rest.hpp"
#include "ngx_ws_filter/ws_messages/utf8_repair.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct SessionOptions {
    Opcode outgoing = Opcode::binary;    // text or binary: what the client gets
    std::uint64_t max_message_size = 0;  // 0: no limit. Of compressed messages, once inflated
    Compression *compression = nullptr;  // if it was negotiated; outlives the session
    Framer *framer = nullptr;            // for every framing but the stream; the same
    bool repairs_text = false;           // of the backend that is no UTF-8
    MaskingKeys *keys = nullptr;         // a client's, without a framer; null: a server's
};

// What receive() met. Only the last two need a room.
enum class Event : std::uint8_t {
    exhausted,    // nothing: every received byte has been read
    piece,        // data, for a caller who takes messages apart
    ping,         // control_payload() waits for an answer
    pong,         // control_payload() is what came back
    close,        // peer_status(); everything received behind it is ignored
    violation,    // violation(); close_code() and words() make a Close of it
    room_full,    // there is more to read, although `unread` may be the end
    memory_full,  // the same; the framer wants memory, or more of it
    eof,          // a resumable client's stream ends here
    fault,        // a resumable client has broken a rule
};

class Session {
public:
    explicit Session(const SessionOptions &options) noexcept;

    [[nodiscard]] Role role() const noexcept { return writer_.role(); }

    // Reads until something other than data is met or every byte has been read. The data, checked,
    // stands between where `packed` was and where it is now; that holds in front of a violation
    // too, for text up to the first impossible byte. Once close or violation was returned, received
    // bytes are dropped and the answer is exhausted. A Close of ours does not end the reading.
    [[nodiscard]] Event receive(ReadBuffer &buffer) noexcept;

    // Receives for a caller who takes messages apart itself: met data is `piece`, unmasked and not
    // checked further. For a session without compression or a framer.
    [[nodiscard]] Event receive(ReadBuffer &buffer, Piece &piece) noexcept;
    // Bytes of the message that begins with the piece, if the header of its only frame tells it,
    // and else Framer::unknown.
    [[nodiscard]] std::uint64_t length_of(const Piece &piece) const noexcept;
    // The caller has found a rule broken, of the subprotocol or of a framing: nothing more is read.
    void refuse(Violation violation = Violation::subprotocol_broken) noexcept {
        violation_ = violation;
    }

    // Receives for a session with compression or a framer, and only for it: data is written to the
    // room, which has min_room bytes or more. After room_full the caller may put [unread, end)
    // aside, and later goes on with these bytes, in this buffer or another one, and with a new
    // room.
    [[nodiscard]] Event receive(ReadBuffer &buffer, Room &room) noexcept;
    static constexpr std::size_t min_room = Framer::min_room;

    // Receives for a caller who waits only for the peer's Close: data, neither inflated nor
    // checked, is left between where `packed` was and where it is now. No receive() may follow.
    [[nodiscard]] Event drop_data(ReadBuffer &buffer) noexcept;

    // The payload of the last ping or pong: 0 to 125 bytes in the session, until receive() is
    // called again.
    [[nodiscard]] std::span<const std::uint8_t> control_payload() const noexcept {
        return reader_.control_payload();
    }
    // The rule that the client broke; Violation::none as long as it keeps to the rules.
    [[nodiscard]] Violation violation() const noexcept { return violation_; }

    // What the peer's Close said; CloseCode::abnormal before there is one. The reason lasts as long
    // as the session.
    [[nodiscard]] CloseStatus peer_status() const noexcept;

    // Free bytes that a payload given to wrap() needs before it: a header, and what an earlier
    // payload left of a code point, or the header of a DATA that resumes (data_header_size).
    static constexpr std::size_t headroom = max_header_size + 6;
    // A client's session needs more, as it does for what is due.
    static constexpr std::size_t client_headroom = headroom + sizeof(MaskingKey);

    struct Wrapped {
        std::span<std::uint8_t> frame;  // what is to be sent; empty if nothing is ready yet
        bool valid;                     // false: text was wanted and these bytes are none. The
                                        // frame holds what came before, and no other will follow
    };

    // Makes bytes of the backend, not empty, one message for the client, in place. Text never ends
    // inside a code point: what is left of one waits for the next call.
    [[nodiscard]] Wrapped wrap(std::span<std::uint8_t> payload) noexcept;

    // Whether the messages of the backend are its bytes and nothing else.
    [[nodiscard]] bool passes_bytes() const noexcept {
        return outgoing_ == Opcode::binary && compression_ == nullptr && framer_ == nullptr &&
               role() == Role::server;
    }
    // For such a session: the header alone of what wrap() would make of so many bytes, not 0, which
    // are sent from elsewhere. At the end of `room`.
    [[nodiscard]] std::span<std::uint8_t> wrap_elsewhere(
        std::size_t size, std::span<std::uint8_t, max_header_size> room) noexcept;

    // wrap() for a session with compression: the frame stands in `room` if its payload was worth
    // compressing, and in place otherwise. A payload is at most max_payload(room.size()) bytes.
    [[nodiscard]] Wrapped wrap(std::span<std::uint8_t> payload,
                               std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] static constexpr std::size_t max_payload(std::size_t room) noexcept {
        return room < headroom ? 0 : Deflater::max_message(room - headroom);
    }

    // Whether bytes of the backend have to be made text before wrap(). A framer does it itself.
    [[nodiscard]] bool repairs_text() const noexcept {
        return repairs_ && outgoing_ == Opcode::text && framer_ == nullptr;
    }
    // For such a session: the text behind the headroom of the room, which does not overlap the
    // bytes; these are at most Utf8Repair::max_taken() of what is behind it. May be empty.
    [[nodiscard]] std::span<std::uint8_t> repair(std::span<const std::uint8_t> bytes,
                                                 std::span<std::uint8_t> room) noexcept {
        return repair_.take(bytes, room.subspan(headroom));
    }
    // To be called when the backend has sent its last byte.
    [[nodiscard]] std::span<std::uint8_t> repair_end(std::span<std::uint8_t> room) noexcept {
        return repair_.finish(room.subspan(headroom));
    }

    // Bytes of an unfinished code point that wrap() keeps, 0 to 3.
    [[nodiscard]] std::size_t held_back() const noexcept {
        return framer_ == nullptr ? outgoing_text_.pending() : 0;
    }

    struct Framed {
        std::span<std::uint8_t> frames;  // what is to be sent; empty if nothing is ready yet
        std::size_t payload;             // of them, the bytes that are no header
        BackendFault fault;              // stands behind the frames, and no other will follow
    };

    // For a session with a framer: makes bytes of the backend, at most max_framed() of the room,
    // messages for the client, at the front of the room, which has min_framed_room bytes or more. A
    // message that is not whole yet is sent as a fragment, for it is held nowhere.
    [[nodiscard]] Framed wrap_messages(std::span<const std::uint8_t> bytes,
                                       std::span<std::uint8_t> room) noexcept;
    // To be called when the backend has sent its last byte.
    [[nodiscard]] Framed wrap_end(std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] static constexpr std::size_t max_framed(std::size_t room,
                                                          bool repairs_text = false) noexcept {
        return room < min_framed_room ? 0 : (room - min_framed_room) / growth(repairs_text);
    }
    static constexpr std::size_t min_framed_room = 128;

    // The largest payload of our pings; small, because every connection has room for one.
    static constexpr std::size_t max_ping_payload = 16;

    // Each makes one control frame due (sections 5.5.1 to 5.5.3), and copies what it is given. A
    // ping answered before the last answer was written replaces that answer. A pong has at most
    // max_control_payload bytes, a ping max_ping_payload; a reason is cut to max_close_reason, and
    // a code that may not be sent makes an empty Close. The first close() counts, and nothing is
    // due after it.
    void answer_ping() noexcept;
    void pong(std::span<const std::uint8_t> payload) noexcept;  // the same, some time later
    void ping(std::span<const std::uint8_t> payload) noexcept;
    void close(CloseCode code, std::string_view reason) noexcept;
    // The answer to the peer's Close: its code without the reason, or nothing if it had none.
    void answer_close() noexcept;

    [[nodiscard]] bool close_due() const noexcept { return close_.due; }
    [[nodiscard]] bool anything_due() const noexcept {
        return pong_.due || ping_.due || close_.due;
    }

    // Writes the control frames that are due, each whole or not at all, and returns the bytes
    // written: 0 if nothing is due, or the first has no room. max_due_size holds all that can be
    // due at a time.
    static constexpr std::size_t max_due_size = 2 * max_control_frame + 2 + max_ping_payload;
    static constexpr std::size_t max_client_due_size = max_due_size + 3 * sizeof(MaskingKey);
    [[nodiscard]] std::size_t write_due(std::span<std::uint8_t> to) noexcept;

    // A Close of ours is due, or was written: no other will follow.
    [[nodiscard]] bool closing() const noexcept { return close_.due || close_sent_; }
    // write_due() has written a Close.
    [[nodiscard]] bool close_sent() const noexcept { return close_sent_; }

    // What was read ends inside a frame.
    [[nodiscard]] bool inside_frame() const noexcept { return reader_.inside_frame(); }
    // What was read ends inside a frame or a message.
    [[nodiscard]] bool inside_message() const noexcept { return reader_.inside_message(); }

    // receive() has met a Close that breaks no rule.
    [[nodiscard]] bool close_received() const noexcept { return close_received_; }

    // Read, and written or wrapped; control frames included.
    [[nodiscard]] std::uint64_t frames_in() const noexcept { return reader_.frames(); }
    [[nodiscard]] std::uint64_t frames_out() const noexcept { return frames_out_; }
    // Null without compression.
    [[nodiscard]] const CompressionCounts *compressed() const noexcept {
        return compression_ == nullptr ? nullptr : &compression_->counts();
    }

private:
    template <std::size_t capacity>
    struct Due {
        bool due = false;
        std::uint8_t size = 0;
        std::array<std::uint8_t, capacity> payload;

        void set(std::span<const std::uint8_t> bytes) noexcept;
    };

    template <std::size_t capacity>
    [[nodiscard]] bool write(Due<capacity> &frame, Opcode opcode,
                             std::span<std::uint8_t> &to) noexcept;

    // How many bytes of a room a byte of a framing may need.
    [[nodiscard]] static constexpr std::size_t growth(bool repairs_text) noexcept {
        return repairs_text ? 8 : 2;
    }

    [[nodiscard]] bool over() const noexcept {
        return close_received_ || violation_ != Violation::none;
    }
    [[nodiscard]] bool take_text(std::uint8_t *&end, const Piece &piece) noexcept;
    [[nodiscard]] Event deliver(ReadBuffer &buffer, Piece &piece, Room &room) noexcept;
    [[nodiscard]] Event begin_piece(ReadBuffer &buffer, const Piece &piece, Room &room) noexcept;
    [[nodiscard]] Violation forward(const Piece &delivered, Room space, Room &room) noexcept;
    [[nodiscard]] Violation check_delivered(Piece piece, Room &space) noexcept;
    [[nodiscard]] Event take_control(Opcode opcode) noexcept;
    [[nodiscard]] Event broken(Violation violation) noexcept;
    [[nodiscard]] std::span<std::uint8_t> whole_text(std::span<std::uint8_t> payload,
                                                     bool &valid) noexcept;
    [[nodiscard]] std::span<std::uint8_t> with_header(std::span<std::uint8_t> payload) noexcept;
    [[nodiscard]] std::size_t wrap_part(Part part, std::span<std::uint8_t> room,
                                        std::size_t bytes_behind) noexcept;
    [[nodiscard]] bool check_text(Part &part) noexcept;
    void repair_part(Part &part, std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] std::span<std::uint8_t> deflate_part(const Part &part,
                                                       std::span<std::uint8_t> room,
                                                       std::size_t bytes_behind) noexcept;

    Compression *compression_;
    Framer *framer_;
    PieceRest rest_;
    FrameReader reader_;  // reads nothing after a Close, whose payload so stays in it
    FrameWriter writer_;
    Utf8Validator incoming_text_;
    Utf8Validator outgoing_text_;
    std::uint64_t frames_out_ = 0;
    [[no_unique_address]] Utf8Repair repair_;  // the next three fill its last bytes

    Opcode outgoing_;
    Violation violation_ = Violation::none;
    BackendFault fault_ = BackendFault::none;
    bool repairs_;
    bool outgoing_compressed_ = false;  // the message that a framer has begun
    bool close_received_ = false;
    bool close_sent_ = false;

    std::array<std::uint8_t, 3> held_;  // held_back() of them
    Due<max_control_payload> pong_;
    Due<max_ping_payload> ping_;
    Due<max_control_payload> close_;
};

}  // namespace ws
