// A client that wants to be the next leg of a session: what its request says, in whichever worker
// that is.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_resume/resume_names.hpp"

namespace ngx_ws {

struct Context;

struct Claimant {
    ws::ResumeName name;
    bool has_ack;
    uint64_t ack;
    std::string_view sid;
    // Where it comes to, and what ws_resume_bind says there.
    std::string_view server;
    std::string_view location;
    std::string_view bound;
    uint64_t time_left;  // milliseconds that it may last; 0: any time
};

// False if there is no memory. All texts last as long as the request.
[[nodiscard]] bool read_claimant(ngx_http_request_t *r, const Context &ctx,
                                 Claimant &claimant) noexcept;

// The owner, another worker of this version, gets the claimant as bytes.
constexpr size_t max_claim_message = 4096;
// 0 if it is too long.
[[nodiscard]] size_t write_claim(const Claimant &claimant, std::span<uint8_t> to) noexcept;

enum class ClaimCame : uint8_t { not_yet, whole, broken };
// The texts lie in the bytes.
[[nodiscard]] ClaimCame read_claim(std::span<const uint8_t> bytes, Claimant &claimant) noexcept;

// What the owner answers, in front of the bytes for the client.
struct ClaimAnswer {
    uint32_t version;
    uint32_t code;  // of the Close that follows; 0: it is the next leg
    uint64_t session;
    uint32_t leg;
    uint32_t detached;  // milliseconds
};

constexpr uint32_t claim_version = 0x77730001;

}  // namespace ngx_ws
