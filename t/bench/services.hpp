// What stands behind the servers: echo, sink, source and stall, each as plain TCP, or as WebSocket
// for a server that hands the frames on.
#pragma once

#include "t/bench/messages.hpp"
#include "t/bench/report.hpp"
#include "t/bench/sockets.hpp"

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"

#include <vector>

namespace bench {

enum class Task {
    echo,
    sink,     // reads and checks
    source,   // sends the pattern, in messages of the listener's size
    stall,    // reads nothing
    control,  // answers each byte with a Report
};

struct Endpoint {
    int socket = -1;
    bool listening = false;
};

struct Listener : Endpoint {
    Listener(Task listener_task, bool speaks_websocket, std::size_t message_size)
        : Endpoint{-1, true},
          task(listener_task),
          websocket(speaks_websocket),
          messages(speaks_websocket ? Framing::unmasked : Framing::none, message_size) {}

    Task task;
    bool websocket;
    Messages messages;
};

class Session : public Endpoint {
public:
    Session(int accepted, const Listener &listener, Poller &poller, Report &totals);

    // False when it is over.
    [[nodiscard]] bool serve();

    [[nodiscard]] const Listener &listener() const { return listener_; }

private:
    [[nodiscard]] bool upgrade();
    [[nodiscard]] bool receive();
    [[nodiscard]] bool give();
    void take_payload(std::span<const std::uint8_t> payload);
    [[nodiscard]] bool take_frames(std::span<std::uint8_t> bytes);
    [[nodiscard]] std::uint8_t *echo(const ws::Piece &piece, std::uint8_t *to);
    [[nodiscard]] bool send(std::span<const std::uint8_t> bytes);
    [[nodiscard]] bool flush();
    void watch();

    const Listener &listener_;
    Poller &poller_;
    Report &totals_;
    ws::FrameReader frames_;
    std::vector<std::uint8_t> held_;  // an echo that was not taken
    std::size_t held_begin_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t given_ = 0;
    std::uint32_t watched_ = 0;
    bool upgraded_;
    bool closed_ = false;
};

}  // namespace bench
