#include "module/ws_upgrade/origin_check.hpp"

#include <algorithm>

#include "module/ws_requests/log.hpp"
#include "module/ws_settings/origin_rules.hpp"
#include "module/ws_status/handshakes.hpp"

namespace ngx_ws {

namespace {

using Kind = OriginRule::Kind;

// The Origin of one request, as far as it can be understood.
struct Candidate {
    unsigned fields = 0;
    std::string_view text;
    std::string_view host;  // what the client calls us
    ws::Origin origin = {};
    bool valid = false;
};

Candidate read_origin(const ws::UpgradeRequest &request) noexcept {
    Candidate candidate = {
        .fields = request.origins(), .text = request.origin(), .host = request.host()};
    candidate.valid = candidate.fields == 1 && candidate.origin.parse(candidate.text);
    return candidate;
}

bool is_same(ngx_http_request_t *r, std::string_view host, const ws::Origin &origin) noexcept {
#if (NGX_HTTP_SSL)
    const bool secure = r->connection->ssl != nullptr;
#else
    const bool secure = false;
#endif
    ws::Origin own;
    return own.parse(secure ? "https" : "http", host) && own == origin;
}

bool matches_variable(ngx_http_request_t *r, const OriginRule &rule,
                      const ws::Origin &origin) noexcept {
    ngx_str_t text;
    ws::OriginPattern pattern;
    return ngx_http_complex_value(r, rule.value, &text) == NGX_OK &&
           pattern.parse(ngx::view(text), rule.subdomains) && pattern.matches(origin);
}

// A variable without a value lets nobody in.
bool equals(ngx_http_request_t *r, const OriginRule &rule, std::string_view origin) noexcept {
    ngx_str_t text;
    return ngx_http_complex_value(r, rule.value, &text) == NGX_OK && text.len != 0 &&
           ngx::view(text) == origin;
}

#if (NGX_PCRE)
// Expressions see the canonical text that a browser sends: lower case, no default port.
bool matches_regex(const OriginRule &rule, const ws::Origin &origin) noexcept {
    std::array<char, ws::Origin::max_serialized> buffer;
    ngx_str_t text = ngx::str(origin.serialize(buffer));
    return ngx_regex_exec(rule.regex, &text, nullptr, 0) >= 0;
}
#endif

bool matches(ngx_http_request_t *r, const OriginRule &rule, const Candidate &candidate) noexcept {
    switch (rule.kind) {
        case Kind::any:
            return true;
        case Kind::missing:
            return candidate.fields == 0;
        case Kind::null:
            return candidate.fields == 1 && candidate.text == "null";
        case Kind::same:
            return candidate.valid && is_same(r, candidate.host, candidate.origin);
        case Kind::pattern:
            return candidate.valid && rule.pattern.matches(candidate.origin);
        case Kind::variable:
            return candidate.valid && matches_variable(r, rule, candidate.origin);
        case Kind::exact:
            return candidate.fields == 1 && equals(r, rule, candidate.text);
        case Kind::regex:
#if (NGX_PCRE)
            return candidate.valid && matches_regex(rule, candidate.origin);
#endif
        case Kind::none:
            break;
    }
    return false;
}

OriginVerdict verdict_of(Kind kind) noexcept {
    switch (kind) {
        case Kind::any:
            return OriginVerdict::any;
        case Kind::missing:
            return OriginVerdict::missing;
        case Kind::null:
            return OriginVerdict::null;
        case Kind::same:
            return OriginVerdict::same;
        default:
            return OriginVerdict::listed;
    }
}

// What is said before the value.
const char *complaint(const Candidate &candidate) noexcept {
    if (candidate.fields == 0) {
        return "missing origin";
    }
    if (candidate.fields > 1) {
        return "more than one origin, the last";
    }
    if (!candidate.valid && candidate.text != "null") {
        return "malformed origin";
    }
    return "foreign origin";
}

// At most so much of a hostile value goes to the log, made printable.
constexpr size_t max_logged = 128;

// Can stand between quotes in a configuration, and in the log.
bool is_quotable(std::string_view text) noexcept {
    for (const char c : text) {
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '$') {
            return false;
        }
    }
    return !text.empty() && text.size() <= max_logged;
}

using Remedy = std::array<char, ws::Origin::max_serialized>;

// The value of ws_origin that would have let the request in.
std::string_view remedy(const Candidate &candidate, Remedy &room) noexcept {
    if (candidate.fields == 0) {
        return "missing";
    }
    if (candidate.fields == 1 && candidate.text == "null") {
        return "null";
    }
    if (candidate.valid) {
        return candidate.origin.serialize(room);
    }
    if (candidate.fields == 1 && is_quotable(candidate.text)) {
        const auto end = std::copy(candidate.text.begin(), candidate.text.end(), room.begin() + 1);
        room.front() = '=';
        return {room.data(), static_cast<size_t>(end - room.begin())};
    }
    return "any";
}

void log_refusal(ngx_http_request_t *r, const Candidate &candidate, bool report_only) noexcept {
    std::array<u_char, max_logged> room;
    const ngx_str_t text = printable(candidate.text, room);
    Remedy remedy_room;
    const ngx_str_t allowed_by = ngx::str(remedy(candidate, remedy_room));
    RequestLog log(r);
    ngx_log_error(
        NGX_LOG_WARN, log.get(), 0, "ws: %s: %s \"%V%s\", ws_origin %V, would be allowed by \"%V\"",
        report_only ? "reported" : "refused", complaint(candidate), &text,
        candidate.text.size() > text.len ? "..." : "", &loc_conf(r).origin.text, &allowed_by);
}

OriginVerdict judge(ngx_http_request_t *r, const ws::UpgradeRequest &request) noexcept {
    const LocConf &conf = loc_conf(r);
    const Candidate candidate = read_origin(request);
    for (const OriginRule &rule : ngx::elements<OriginRule>(conf.origin.rules)) {
        if (matches(r, rule, candidate)) {
            return verdict_of(rule.kind);
        }
    }
    log_refusal(r, candidate, conf.origin.report_only);
    return conf.origin.report_only ? OriginVerdict::reported : OriginVerdict::refused;
}

}  // namespace

OriginVerdict check_origin(ngx_http_request_t *r, Context &ctx) noexcept {
    if (ctx.judge != &loc_conf(r)) {
        ctx.origin = judge(r, ctx.request);
        ctx.judge = &loc_conf(r);
        count_origin(r, ctx.origin);
    }
    return ctx.origin;
}

extern "C" ngx_int_t ngx_http_ws_origin_handler(ngx_http_request_t *r) {
    if (r != r->main || !loc_conf(r).origin.guards) {
        return NGX_DECLINED;
    }
    Context *ctx = context(r);
    if (ctx == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!ctx->request.wants_websocket() || check_origin(r, *ctx) != OriginVerdict::refused) {
        return NGX_DECLINED;
    }
    ctx->status_zone = loc_conf(r).status.zone;
    // What follows are frames, and no second request.
    r->keepalive = 0;
    return NGX_HTTP_FORBIDDEN;
}

}  // namespace ngx_ws
