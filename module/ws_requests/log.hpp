// Our lines in the error log. They name the client, the server and the path, and not the request
// line as nginx's do: a query string may carry a token. What a client wrote is made printable, so
// that nobody can forge a line.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Takes as much of the text as the room holds, with "?" for each byte that is no printable ASCII,
// or is a quote.
[[nodiscard]] ngx_str_t printable(std::string_view text, std::span<u_char> room) noexcept;

class RequestLog {
public:
    explicit RequestLog(ngx_http_request_t *r) noexcept;

    // For ngx_log_error(); as short-lived as this object.
    [[nodiscard]] ngx_log_t *get() noexcept { return &log_; }

private:
    ngx_log_t log_;
};

}  // namespace ngx_ws
