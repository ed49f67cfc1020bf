// May this request be the next leg of a session, and of which.
#pragma once

#include "module/ws_resume/resumable.hpp"

namespace ngx_ws {

struct Asked;

struct Claim {
    Resumable *session;  // null: refused
    ws::SidMatch match;
    ws::SidSecret fresh;  // for the next SID
    uint64_t client_has;  // bytes of the backend
    // What the Close says, also where the session cannot be resumed after all.
    ws::CloseCode code;
    std::string_view why;
};

// It changes nothing. What is wrong with a SID takes the same time whatever it is.
[[nodiscard]] Claim check_claim(ngx_http_request_t *r, const Asked &asked) noexcept;

}  // namespace ngx_ws
