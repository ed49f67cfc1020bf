// One connection of the load generator, once it is set up: payload in, prepared messages out.
#pragma once

#include "t/bench/commands.hpp"
#include "t/bench/load_run.hpp"
#include "t/bench/pattern.hpp"
#include "t/bench/wire.hpp"

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"

namespace bench {

// Sends the request and waits for the right answer. Bytes behind it stay where they are.
void shake_hands(Wire &wire, const Options &options);

// The request, whose answer holds sample_accept.
[[nodiscard]] std::string upgrade_request(const Options &options);

class Client {
public:
    // Connects, and shakes hands if it is to speak WebSocket.
    explicit Client(const Options &options);

    // Reads what is there, acknowledges it where that is the client's part, and checks that the
    // payload continues the pattern. False: nothing was there.
    bool receive();

    // Lets so many more messages go out, at once as far as they are taken.
    void allow(const Messages &messages, std::uint64_t count);

    // Sends what is allowed. True if all of it is out.
    bool flush(const Messages &messages);

    // Of what is allowed, leaves the message that is on its way and drops those behind it.
    void stop_after_message(const Messages &messages);

    [[nodiscard]] int socket() const { return wire_.socket(); }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t allowed() const { return allowed_; }
    [[nodiscard]] bool blocked() const { return sent_ < allowed_; }

    std::uint64_t asked_at = 0;  // when the last message went out
    bool awaits_room = false;    // epoll tells when there is room to send

private:
    [[nodiscard]] bool receive_once();
    void take_frames(std::span<std::uint8_t> bytes);
    void take_payload(std::span<const std::uint8_t> payload);

    // Tells how much has come, between two messages.
    void acknowledge();

    Wire wire_;
    bool websocket_;
    bool resume_;
    ws::FrameReader frames_{false, 0, ws::Role::client};
    CommandStream commands_;
    std::array<std::uint8_t, ack_frame_size> ack_ = {};
    std::size_t ack_left_ = 0;        // of its bytes, to be sent
    std::uint64_t acknowledged_ = 0;  // of received_
    std::uint64_t received_ = 0;      // payload
    std::uint64_t sent_ = 0;          // on the wire
    std::uint64_t allowed_ = 0;       // to be sent, counted as sent_
};

}  // namespace bench
