// Our lines in the error log. They name the client, the server and the path, and not the request
// line as nginx's do: a query string may carry a token.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

class RequestLog {
public:
    explicit RequestLog(ngx_http_request_t *r) noexcept;

    // For ngx_log_error(); as short-lived as this object.
    [[nodiscard]] ngx_log_t *get() noexcept { return &log_; }

private:
    ngx_log_t log_;
};

}  // namespace ngx_ws
