// The rules of ws_origin, as they are configured.
#pragma once

#include "module/ws_settings/conf.hpp"

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

// The rules where no ws_origin is written.
constexpr const char default_origins[] = "same missing";

// Inherits the rules of the enclosing block, or those of default_origins if nobody has any; false
// if there is no memory.
[[nodiscard]] bool merge_origin_rules(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept;

extern "C" char *ngx_http_ws_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws
