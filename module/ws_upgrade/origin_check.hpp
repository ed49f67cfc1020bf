// ws_origin: may a page of this origin open a WebSocket here.
#pragma once

#include "module/ws_settings/conf.hpp"
#include "module/ws_upgrade/context.hpp"

#include "ngx_ws_filter/ws_handshake/origin.hpp"

namespace ngx_ws {

struct OriginRule {
    enum class Kind : uint8_t { same, missing, null, any, none, pattern, variable, exact, regex };

    Kind kind;
    bool subdomains;                  // Kind::variable: the rule has a wildcard, cut out of `value`
    ws::OriginPattern pattern;        // Kind::pattern
    ngx_http_complex_value_t *value;  // Kind::variable; Kind::exact: the field byte for byte
#if (NGX_PCRE)
    ngx_regex_t *regex;  // Kind::regex
#endif
};

// Inherits the rules of the enclosing block, or "same missing" if nobody has any; false if there
// is no memory.
[[nodiscard]] bool merge_origin_rules(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept;

// Checks the request's Origin once a location, and logs a refusal once; later calls give the same
// verdict.
// OriginVerdict::refused also if there is no memory.
[[nodiscard]] OriginVerdict check_origin(ngx_http_request_t *r) noexcept;

extern "C" {
char *ngx_http_ws_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

// The phase handler: guards upgrade requests in every location in which ws_origin is written,
// whoever serves it.
ngx_int_t ngx_http_ws_origin_handler(ngx_http_request_t *r);
}

}  // namespace ngx_ws
