// One WebSocket conversation as its server sees it. RFC 6455, sections 5 to 8.
#pragma once

#include "ngx_ws_filter/close.hpp"
#include "ngx_ws_filter/compression.hpp"
#include "ngx_ws_filter/frame_reader.hpp"
#include "ngx_ws_filter/frame_writer.hpp"
#include "ngx_ws_filter/framer.hpp"
#include "ngx_ws_filter/piece_rest.hpp"
#include "ngx_ws_filter/utf8.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct SessionOptions {
    Opcode outgoing = Opcode::binary;    // text or binary: what the client gets
    std::uint64_t max_message_size = 0;  // see FrameReader; of compressed messages, once inflated
    Compression *compression = nullptr;  // if it was negotiated; lasts as the session
    Framer *framer = nullptr;            // for every framing but the stream; the same
};

// What receive() met.
enum class Event : std::uint8_t {
    exhausted,    // nothing: every received byte has been read
    ping,         // control_payload() waits for an answer
    pong,         // control_payload() is what came back
    close,        // peer_status(); everything received behind it is ignored
    violation,    // violation()
    room_full,    // there is more to read, although `unread` may be the end
    memory_full,  // the same; the framer wants memory, or more of it
};

class Session {
public:
    explicit Session(const SessionOptions &options) noexcept;

    // Reads until something other than data is met or every byte has been read. The data, checked,
    // stands between where `packed` was and where it is now; that holds in front of a violation
    // too, for text up to the first impossible byte. Once close or violation was returned, received
    // bytes are dropped and the answer is exhausted. A Close of ours does not end the reading.
    [[nodiscard]] Event receive(ReadBuffer &buffer) noexcept;

    // The same for a session with compression or a framer, and only for it: data is written to the
    // room, which has min_room bytes or more. After room_full the caller may put [unread, end)
    // aside, and later goes on with these bytes, in this buffer or another one, and with a new
    // room.
    [[nodiscard]] Event receive(ReadBuffer &buffer, Room &room) noexcept;
    static constexpr std::size_t min_room = Framer::min_room;

    // The same for who waits only for the peer's Close: data is dropped, neither inflated nor
    // checked. No receive() may follow.
    [[nodiscard]] Event drop_data(ReadBuffer &buffer) noexcept;

    // Of the last ping or pong, until receive() is called again.
    [[nodiscard]] std::span<const std::uint8_t> control_payload() const noexcept {
        return reader_.control_payload();
    }
    [[nodiscard]] Violation violation() const noexcept { return violation_; }

    // Of the peer's Close; before there is one, CloseCode::abnormal. The reason lasts as the
    // session.
    [[nodiscard]] CloseStatus peer_status() const noexcept;

    // Free bytes that a payload given to wrap() needs before it: a header, and what an earlier
    // payload left of a code point.
    static constexpr std::size_t headroom = max_header_size + 3;

    struct Wrapped {
        std::span<std::uint8_t> frame;  // what is to be sent; empty if nothing is ready yet
        bool valid;                     // false: text was wanted and these bytes are none. The
                                        // frame holds what came before, and no other will follow
    };

    // Makes bytes of the backend, not empty, one message for the client, in place. Text never ends
    // inside a code point: what is left of one waits for the next call.
    [[nodiscard]] Wrapped wrap(std::span<std::uint8_t> payload) noexcept;

    // The same for a session with compression: the frame stands in `room` if its payload was worth
    // compressing, and in place otherwise. A payload is at most max_payload(room.size()) bytes.
    [[nodiscard]] Wrapped wrap(std::span<std::uint8_t> payload,
                               std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] static constexpr std::size_t max_payload(std::size_t room) noexcept {
        return room < headroom ? 0 : Deflater::max_message(room - headroom);
    }

    // Bytes of an unfinished code point that wrap() keeps, 0 to 3.
    [[nodiscard]] std::size_t held_back() const noexcept {
        return framer_ == nullptr ? outgoing_text_.pending() : 0;
    }

    struct Framed {
        std::span<std::uint8_t> frames;  // what is to be sent; empty if nothing is ready yet
        BackendFault fault;              // stands behind the frames, and no other will follow
    };

    // For a session with a framer: makes bytes of the backend, at most max_framed(room.size()),
    // messages for the client, at the front of the room, which has min_framed_room bytes or more. A
    // message that is not whole yet is sent as a fragment, for it is held nowhere.
    [[nodiscard]] Framed wrap_messages(std::span<const std::uint8_t> bytes,
                                       std::span<std::uint8_t> room) noexcept;
    // The same when the backend has sent its last byte.
    [[nodiscard]] Framed wrap_end(std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] static constexpr std::size_t max_framed(std::size_t room) noexcept {
        return room < min_framed_room ? 0 : (room - min_framed_room) / 2;
    }
    static constexpr std::size_t min_framed_room = 128;

    // Of a ping of ours; small, because every connection has room for one.
    static constexpr std::size_t max_ping_payload = 16;

    // Each makes one control frame due. A ping answered before the last answer was written
    // replaces that answer (section 5.5.3). The first close() counts, and nothing is due after it.
    void answer_ping() noexcept;
    void pong(std::span<const std::uint8_t> payload) noexcept;  // the same, some time later
    void ping(std::span<const std::uint8_t> payload) noexcept;
    void close(CloseCode code, std::string_view reason) noexcept;
    // The answer to the peer's Close: its code, or nothing if it had none (section 5.5.1).
    void answer_close() noexcept;

    [[nodiscard]] bool anything_due() const noexcept {
        return pong_.due || ping_.due || close_.due;
    }

    // Writes the control frames that are due, each whole or not at all, and returns the bytes
    // written. max_due_size holds all that can be due at a time.
    static constexpr std::size_t max_due_size = 2 * max_control_frame + 2 + max_ping_payload;
    [[nodiscard]] std::size_t write_due(std::span<std::uint8_t> to) noexcept;

    // write_due() has written a Close.
    [[nodiscard]] bool close_sent() const noexcept { return close_sent_; }

    // receive() has met a Close that breaks no rule.
    [[nodiscard]] bool close_received() const noexcept { return close_received_; }

    // Read, and written or wrapped; control frames included.
    [[nodiscard]] std::uint64_t frames_in() const noexcept { return reader_.frames(); }
    [[nodiscard]] std::uint64_t frames_out() const noexcept { return frames_out_; }

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

    [[nodiscard]] bool over() const noexcept {
        return close_received_ || violation_ != Violation::none;
    }
    [[nodiscard]] bool take_text(std::uint8_t *&end, const Piece &piece) noexcept;
    [[nodiscard]] Event deliver(ReadBuffer &buffer, Piece &piece, Room &room) noexcept;
    [[nodiscard]] Event begin_piece(ReadBuffer &buffer, const Piece &piece, Room &room) noexcept;
    [[nodiscard]] Violation forward(const Piece &delivered, Room space, Room &room) noexcept;
    [[nodiscard]] Violation check_delivered(Piece piece, Room &space) noexcept;
    [[nodiscard]] std::uint64_t length_of(const Piece &piece) const noexcept;
    [[nodiscard]] Event take_control(Opcode opcode) noexcept;
    [[nodiscard]] Event broken(Violation violation) noexcept;
    [[nodiscard]] std::span<std::uint8_t> whole_text(std::span<std::uint8_t> payload,
                                                     bool &valid) noexcept;
    [[nodiscard]] std::span<std::uint8_t> with_header(std::span<std::uint8_t> payload) noexcept;
    [[nodiscard]] std::size_t wrap_part(Part part, std::span<std::uint8_t> room,
                                        std::size_t bytes_behind) noexcept;
    [[nodiscard]] bool check_text(Part &part) noexcept;
    [[nodiscard]] std::span<std::uint8_t> deflate_part(const Part &part,
                                                       std::span<std::uint8_t> room,
                                                       std::size_t bytes_behind) noexcept;
    [[nodiscard]] bool closing() const noexcept { return close_.due || close_sent_; }

    Compression *compression_;
    Framer *framer_;
    PieceRest rest_;
    FrameReader reader_;  // reads nothing after a Close, whose payload so stays in it
    Utf8Validator incoming_text_;
    Utf8Validator outgoing_text_;
    std::uint64_t frames_out_ = 0;

    Opcode outgoing_;
    Violation violation_ = Violation::none;
    BackendFault fault_ = BackendFault::none;
    bool outgoing_compressed_ = false;  // the message that a framer has begun
    bool close_received_ = false;
    bool close_sent_ = false;

    std::array<std::uint8_t, 3> held_;  // held_back() of them
    Due<max_control_payload> pong_;
    Due<max_ping_payload> ping_;
    Due<max_control_payload> close_;
};

}  // namespace ws
