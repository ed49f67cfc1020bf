// ws_proxy_protocol: the backend is told who the client is, before anything else.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

enum class ProxyProtocol : ngx_uint_t { off, v1, v2 };

// Plain, because nginx's setters write into it by offset.
struct ProxyProtocolConf {
    ngx_uint_t version;    // a ProxyProtocol
    ngx_int_t request_id;  // the index of the variable, with v2

    void unset() noexcept;
    [[nodiscard]] bool merge(ngx_conf_t *cf, const ProxyProtocolConf &prev) noexcept;
};

// Sends the header that the location asks for, if any, over the backend's new connection. Not whole
// is not at all: then the connection is of no use. The first bytes on it, and none of a session's.
[[nodiscard]] bool send_proxy_header(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws
