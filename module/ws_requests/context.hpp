// What the module keeps of one request.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_handshake/upgrade_request.hpp"
#include "ngx_ws_filter/ws_resume/resume_names.hpp"

namespace ngx_ws {

struct Asked;
class Deflation;
class Framing;
class Leg;
struct LocConf;
struct StatusZone;

enum class OriginVerdict : uint8_t {
    unchecked,
    same,
    listed,
    missing,
    null,
    any,
    reported,  // would have been refused, but for ws_origin_report_only
    refused,
};

struct Context {
    ws::UpgradeRequest request;  // as the client sent it, whichever location it comes to

    // Where its answer is counted, once that is known for good; or null.
    StatusZone *status_zone = nullptr;
    const LocConf *judge = nullptr;  // whose rules gave the verdict on the origin
    OriginVerdict origin = OriginVerdict::unchecked;
    ws::ResumeName resumes = ws::ResumeName::none;
    ws::Opcode frame_type = ws::Opcode::binary;
    bool backend_ended = false;  // before the relay began

    // The settings of the location that serves the request, or was the last to try.
    const LocConf *server = nullptr;
    std::string_view subprotocol;    // for the service; in the request's memory
    Asked *asked = nullptr;          // of a client that wants to resume
    uint64_t expires_at = 0;         // milliseconds since 1970; 0: never
    Deflation *deflation = nullptr;  // if compression was agreed on
    Framing *framing = nullptr;      // for every framing but the stream
    Leg *leg = nullptr;              // from the dialling on

    // What nginx asks for the next server, but for fresh_connection.
    ngx_event_get_peer_pt choose_server = nullptr;
    // What a server said before the relay began.
    ngx_uint_t early_server = 0;  // its number among those tried, from 1
    size_t early_size = 0;
};

// The context that nginx has forgotten, because it redirected the request or because a filter
// answered otherwise; null if there was none.
[[nodiscard]] Context *recall_context(ngx_http_request_t *r) noexcept;

// The context of a main request: no other request has one.
[[nodiscard]] inline Context *find_context(ngx_http_request_t *r) noexcept {
    auto *known = static_cast<Context *>(ngx_http_get_module_ctx(r, ngx_http_ws_module));
    return known != nullptr ? known : recall_context(r);
}

// The request's context. The first call makes it, and reads the fields of the request, which nobody
// else does; null if there is no memory.
[[nodiscard]] Context *context(ngx_http_request_t *r) noexcept;

// The request comes to another location, after it was tried at one: only what it says is kept, with
// the verdict on its origin. The compression that was agreed on has been released.
void begin_again(Context &ctx) noexcept;

}  // namespace ngx_ws
