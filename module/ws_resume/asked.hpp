// What a request asks for that speaks of resuming its session.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_resume/resume_names.hpp"
#include "ngx_ws_filter/ws_resume/resume_request.hpp"

namespace ngx_ws {

// In the request's memory.
struct Asked {
    ws::ResumeName name;
    ws::ResumeRequest request;
    ws::SidRoom room;  // request.sid lies there

    // Null if there is no memory.
    [[nodiscard]] static Asked *read(ngx_http_request_t *r, ws::ResumeName name) noexcept;
};

}  // namespace ngx_ws
