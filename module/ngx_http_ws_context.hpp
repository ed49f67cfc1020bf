// What the module keeps of one request.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

class Deflation;
class Framing;
class Relay;

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
    OriginVerdict origin = OriginVerdict::unchecked;
    std::string_view subprotocol;    // as answered; in the request's memory
    std::string_view key;            // Sec-WebSocket-Key
    Deflation *deflation = nullptr;  // if compression was agreed on
    Framing *framing = nullptr;      // for every framing but the stream
    Relay *relay = nullptr;          // from the 101 on
    bool backend_ended = false;      // its FIN was seen before the relay began
};

[[nodiscard]] inline Context *find_context(ngx_http_request_t *r) noexcept {
    return static_cast<Context *>(ngx_http_get_module_ctx(r, ngx_http_ws_module));
}

// The request's context, made at the first call; null if there is no memory.
[[nodiscard]] inline Context *context(ngx_http_request_t *r) noexcept {
    Context *found = find_context(r);
    if (found == nullptr) {
        found = ngx::make<Context>(r->pool);
        ngx_http_set_ctx(r, found, ngx_http_ws_module);
    }
    return found;
}

}  // namespace ngx_ws
