// What the query of a client says that comes back to its session. docs/resume-protocol.md,
// section 2.
#pragma once

#include "ngx_ws_filter/ws_resume/command.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct ResumeRequest {
    bool resumes;          // there is a `sid`; without one, nothing else means anything
    std::string_view sid;  // decoded, in the room; empty if it is none, or more than one: unknown
    // How many bytes the client has received, as far as it says so. It is looked at when the SID is
    // known: nobody learns from it whether one is.
    std::uint64_t ack;
    bool has_ack;  // false: missing or no number, which is refused as an ack of what was not sent
};

using SidRoom = std::array<char, max_sid>;

// `query`: what stands behind the question mark, as it came.
[[nodiscard]] ResumeRequest read_resume_request(std::string_view query, SidRoom &room) noexcept;

}  // namespace ws
