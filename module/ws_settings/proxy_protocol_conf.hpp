// ws_proxy_protocol.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

enum class ProxyProtocol : ngx_uint_t { off, v1, v2 };

// Plain, because setters write into it by offset.
struct ProxyProtocolConf {
    ngx_uint_t version;    // a ProxyProtocol
    ngx_int_t request_id;  // the index of the variable, with v2

    // Finds what a header is made of; false after an error.
    [[nodiscard]] bool finish(ngx_conf_t *cf) noexcept;
};

}  // namespace ngx_ws
