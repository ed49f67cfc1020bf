// May this request be the next leg of a session, and of which.
#pragma once

#include "module/ws_resume/claimant.hpp"
#include "module/ws_resume/resumable.hpp"

namespace ngx_ws {

struct Claim {
    Resumable *session;  // null: refused
    ws::SidMatch match;
    ws::SidSecret fresh;  // for the next SID
    uint64_t client_has;  // bytes of the backend
    ngx_msec_t time_left;
    // What the Close says, also where the session cannot be resumed after all.
    ws::CloseCode code;
    std::string_view why;
};

// It changes nothing. What is wrong with a SID takes the same time whatever it is.
[[nodiscard]] Claim check_claim(const Claimant &claimant) noexcept;

// The worker that this SID names, if it is another one of this node; otherwise 0.
[[nodiscard]] uint64_t other_owner(std::string_view sid) noexcept;

}  // namespace ngx_ws
