// What a client is going to send, and what of it may arrive.
#pragma once

#include <vector>

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "t/sim/world.hpp"

namespace sim {

// How the client ends its stream.
enum class End { closes, breaks_a_rule, vanishes };

struct Ping {
    std::string payload;
    std::uint64_t data_before;  // bytes of data that were sent before it
};

struct ClientScript {
    std::vector<std::string> frames;
    std::size_t frames_before_end = 0;
    std::vector<Ping> pings;
    std::string data;  // all that a backend may get
    End end = End::closes;
    ws::CloseCode code = ws::CloseCode::no_status;  // of its Close, or of the one it provokes
};

struct Dialect {
    bool compression = false;
    bool takeover = false;  // of its own messages
};

[[nodiscard]] ClientScript write_script(Random &random, const Dialect &dialect);

// A frame with a random key. `first_byte` is FIN, RSV and opcode as on the wire.
[[nodiscard]] std::string masked_frame(Random &random, unsigned first_byte,
                                       std::string_view payload);

// Random text of about this size, made of whole code points.
[[nodiscard]] std::string random_text(Random &random, std::size_t size);
[[nodiscard]] std::string random_bytes(Random &random, std::size_t size);

}  // namespace sim
