// What can be told of a session, for the log and whatever else looks at it from outside.
#pragma once

#include "ngx_ws_filter/ws_compression/compression.hpp"
#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/phase.hpp"

namespace ws {

// The answer to a client's Close that ended the session: its own code, or the number of bytes for
// which that would be a lie.
enum class Receipt : std::uint8_t { none, given, refused };

struct Facts {
    Phase phase;
    Side ended_by;            // nobody: the session goes on
    CloseCode close_code;     // of that end
    std::string_view why;     // the same in words, a literal; empty if the code says it all
    std::uint64_t bytes_in;   // payload taken from the client
    std::uint64_t bytes_out;  // payload taken for it
    std::uint64_t frames_in;  // control frames included
    std::uint64_t frames_out;
    // Bytes taken for this side and not acknowledged by it when the session ended; 0 before.
    std::uint64_t undelivered_to_client;
    std::uint64_t undelivered_to_backend;
    Millis round_trip;  // of the last ping; 0: not measured
    // For so long this side kept the other waiting.
    Millis stalled_by_client;
    Millis stalled_by_backend;
    bool client_stalls;  // it does so now
    bool backend_stalls;
    Receipt receipt;
    const CompressionCounts *compressed;  // the session's; null without compression
};

}  // namespace ws
