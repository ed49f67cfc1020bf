// A detached session as the message by which one process of a gateway hands it to another of the
// same machine. The backend's connection goes with it.
#pragma once

#include "ngx_ws_filter/ws_relay/relay.hpp"
#include "ngx_ws_filter/ws_resume/resume_names.hpp"

namespace ws {

// What its legs have counted so far.
struct HandedCounts {
    std::uint64_t legs;
    std::uint64_t bytes_in;
    std::uint64_t bytes_out;
    std::uint64_t frames_in;
    std::uint64_t frames_out;
    Millis stalled_by_client;
    Millis stalled_by_backend;
};

struct HandedSession {
    std::uint64_t home;  // the worker and the session that its SIDs name
    std::uint64_t number;
    SidSecret current;
    SidSecret next;  // the same if none is pending
    ResumeName name;
    Limits limits;
    KeptRelay relay;
    HandedCounts counts;
    Millis age;            // since it began
    Millis detached;       // since its last leg ended
    std::uint64_t key[2];  // ws_limit_sessions

    std::string_view server;  // where a client comes back to, and who
    std::string_view location;
    std::string_view bound;
    std::string_view backend;  // its name
    std::string_view client;   // the address of the first

    std::span<const std::uint8_t> held;    // for the backend
    std::span<const std::uint8_t> replay;  // for the client
};

// Says which build of the gateway can read the message, too.
inline constexpr std::uint32_t handed_version = 0x77730101;

[[nodiscard]] std::size_t handed_size(const HandedSession &session) noexcept;
// To the front of `to`, which has handed_size() bytes or more. `session.replay` is left out: it
// returns where those bytes belong.
[[nodiscard]] std::span<std::uint8_t> write_handed(const HandedSession &session,
                                                   std::span<std::uint8_t> to) noexcept;
// False if it is none, or of another version. Texts and bytes lie in the message.
[[nodiscard]] bool read_handed(std::span<const std::uint8_t> message,
                               HandedSession &session) noexcept;

}  // namespace ws
