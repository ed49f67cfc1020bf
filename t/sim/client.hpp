// The client of a simulated run: sends its script, and checks what a server may send.
#pragma once

#include <zlib.h>
#include <optional>

#include "t/sim/client_script.hpp"
#include "t/sim/pipe.hpp"

namespace sim {

struct ClientOptions {
    Dialect dialect;
    bool takes_text = false;        // all messages of the server are text
    bool server_takeover = false;   // of the server's compressor
    bool server_may_break = false;  // its last frame may be cut
    bool resets = false;            // one that vanishes does it by a reset
};

class Client {
public:
    Client(Random &random, const Judge &judge, const ClientOptions &options);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // It does not end before it has got so much.
    void wait_for(std::size_t bytes) { wanted_ = bytes; }

    // One turn: sends a little, reads a little.
    void turn(Pipe &to_server, Pipe &from_server);

    // Nothing is left to do for it.
    [[nodiscard]] bool done() const { return read_end_ || reset_; }
    // It has left by a reset.
    [[nodiscard]] bool reset() const { return reset_; }

    [[nodiscard]] const ClientScript &script() const { return script_; }
    [[nodiscard]] const std::string &received() const { return received_; }
    // Bytes of all data frames that it has read as a whole, headers included.
    [[nodiscard]] std::uint64_t read() const { return read_; }
    [[nodiscard]] bool got_close() const { return close_.has_value(); }
    // The payload of the server's Close.
    [[nodiscard]] const std::string &close_payload() const { return *close_; }

    // Pings of the script that an answer has come for: all up to this number.
    [[nodiscard]] std::size_t answered_pings() const { return answered_; }

private:
    void send(Pipe &to_server);
    void next_frame();
    [[nodiscard]] std::string next_pong();
    [[nodiscard]] bool waits() const;
    [[nodiscard]] bool take_frame();
    void take(unsigned first_byte, std::string payload);
    void take_data(bool compressed, std::string payload);
    void take_pong(const std::string &payload);

    Random &random_;
    const Judge &judge_;
    ClientOptions options_;
    ClientScript script_;
    z_stream inflater_{};

    std::string sending_;  // what is left of one frame
    std::size_t next_frame_ = 0;
    std::vector<std::string> pongs_;
    bool sent_close_ = false;
    bool stopped_ = false;  // sends nothing more

    std::string unread_;
    std::string received_;
    std::uint64_t read_ = 0;
    std::size_t wanted_ = 0;
    std::optional<std::string> close_;
    std::size_t answered_ = 0;
    bool read_end_ = false;
    bool reset_ = false;
};

}  // namespace sim
