#include "module/ws_reports/variables.hpp"

#include "module/ngx_http_ws_version.hpp"
#include "module/ws_requests/context.hpp"
#include "module/ws_resume/other_node.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_upgrade/upgrade.hpp"

namespace ngx_ws {

namespace {

void set(ngx_http_variable_value_t &value, std::string_view text) noexcept {
    value.len = static_cast<unsigned>(text.size()) & 0xfffffff;
    value.data = ngx::str(text).data;
    value.valid = 1;
    value.no_cacheable = 0;
    value.not_found = 0;
}

ngx_int_t set_number(ngx_http_request_t *r, ngx_http_variable_value_t &value,
                     uint64_t number) noexcept {
    auto *text = static_cast<u_char *>(ngx_pnalloc(r->pool, NGX_INT64_LEN));
    if (text == nullptr) {
        return NGX_ERROR;
    }
    const u_char *end = ngx_sprintf(text, "%uL", number);
    set(value, {reinterpret_cast<const char *>(text), static_cast<size_t>(end - text)});
    return NGX_OK;
}

// With milliseconds, as nginx gives its own times.
ngx_int_t set_seconds(ngx_http_request_t *r, ngx_http_variable_value_t &value,
                      ngx_msec_t time) noexcept {
    auto *text = static_cast<u_char *>(ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4));
    if (text == nullptr) {
        return NGX_ERROR;
    }
    const u_char *end = ngx_sprintf(text, "%T.%03M", static_cast<time_t>(time / 1000), time % 1000);
    set(value, {reinterpret_cast<const char *>(text), static_cast<size_t>(end - text)});
    return NGX_OK;
}

const Leg *session(ngx_http_request_t *r) noexcept {
    const Context *ctx = find_context(r->main);
    return ctx != nullptr && ctx->leg != nullptr && ctx->leg->started() ? ctx->leg : nullptr;
}

// For what there is only once a session has begun.
template <auto Fact>
ngx_int_t get_number(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    if (leg == nullptr) {
        value->not_found = 1;
        return NGX_OK;
    }
    return set_number(r, *value, static_cast<uint64_t>(leg->facts().*Fact));
}

template <auto Fact>
ngx_int_t get_time(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    if (leg == nullptr || (Fact == &ws::Facts::round_trip && leg->facts().round_trip == 0)) {
        value->not_found = 1;
        return NGX_OK;
    }
    return set_seconds(r, *value, leg->facts().*Fact);
}

// Where this request stands in its session, which may be a raw one.
template <auto Fact>
ngx_int_t get_place(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    if (leg == nullptr || leg->leg_facts().leg == 0) {
        value->not_found = 1;
        return NGX_OK;
    }
    return set_number(r, *value, leg->leg_facts().*Fact);
}

ngx_int_t get_resumed(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    set(*value, leg != nullptr && leg->leg_facts().leg > 1 ? "1" : "0");
    return NGX_OK;
}

ngx_int_t get_detached_time(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    if (leg == nullptr || leg->leg_facts().leg == 0) {
        value->not_found = 1;
        return NGX_OK;
    }
    return set_seconds(r, *value, leg->leg_facts().detached);
}

ngx_int_t get_closed_by(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    const Leg *leg = session(r);
    const ws::Side side = leg == nullptr ? ws::Side::nobody : leg->facts().ended_by;
    if (side == ws::Side::nobody) {
        value->not_found = 1;
        return NGX_OK;
    }
    set(*value, ws::name(side));
    return NGX_OK;
}

ngx_int_t get_subprotocol(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    set(*value, agreed_subprotocol(r->main));
    value->not_found = value->len == 0;
    return NGX_OK;
}

ngx_int_t get_origin_verdict(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    constexpr std::string_view names[] = {"",     "same", "listed",   "missing",
                                          "null", "any",  "reported", "refused"};
    const Context *ctx = find_context(r->main);
    const OriginVerdict verdict = ctx == nullptr ? OriginVerdict::unchecked : ctx->origin;
    set(*value, names[static_cast<unsigned>(verdict)]);
    value->not_found = verdict == OriginVerdict::unchecked;
    return NGX_OK;
}

// Empty, and not without a value: a map or an `if` takes it as it is.
ngx_int_t get_resume_node(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t) {
    ngx_str_t name;
    if (!find_other_node(r->main, name)) {
        return NGX_ERROR;
    }
    set(*value, ngx::view(name));
    return NGX_OK;
}

ngx_int_t get_version(ngx_http_request_t *, ngx_http_variable_value_t *value, uintptr_t) {
    set(*value, version);
    return NGX_OK;
}

constexpr ngx_uint_t changing = NGX_HTTP_VAR_NOCACHEABLE;

ngx_http_variable_t variables[] = {
    {ngx_string("ws_close_code"), nullptr, get_number<&ws::Facts::close_code>, 0, changing, 0},
    {ngx_string("ws_closed_by"), nullptr, get_closed_by, 0, changing, 0},
    {ngx_string("ws_frames_in"), nullptr, get_number<&ws::Facts::frames_in>, 0, changing, 0},
    {ngx_string("ws_frames_out"), nullptr, get_number<&ws::Facts::frames_out>, 0, changing, 0},
    {ngx_string("ws_bytes_in"), nullptr, get_number<&ws::Facts::bytes_in>, 0, changing, 0},
    {ngx_string("ws_bytes_out"), nullptr, get_number<&ws::Facts::bytes_out>, 0, changing, 0},
    {ngx_string("ws_undelivered_backend"), nullptr, get_number<&ws::Facts::undelivered_to_backend>,
     0, changing, 0},
    {ngx_string("ws_undelivered_client"), nullptr, get_number<&ws::Facts::undelivered_to_client>, 0,
     changing, 0},
    {ngx_string("ws_rtt"), nullptr, get_time<&ws::Facts::round_trip>, 0, changing, 0},
    {ngx_string("ws_stall_backend"), nullptr, get_time<&ws::Facts::stalled_by_backend>, 0, changing,
     0},
    {ngx_string("ws_stall_client"), nullptr, get_time<&ws::Facts::stalled_by_client>, 0, changing,
     0},
    {ngx_string("ws_session"), nullptr, get_place<&LegFacts::session>, 0, changing, 0},
    {ngx_string("ws_leg"), nullptr, get_place<&LegFacts::leg>, 0, changing, 0},
    {ngx_string("ws_resumed"), nullptr, get_resumed, 0, changing, 0},
    {ngx_string("ws_detached_time"), nullptr, get_detached_time, 0, changing, 0},
    {ngx_string("ws_subprotocol"), nullptr, get_subprotocol, 0, changing, 0},
    {ngx_string("ws_origin_verdict"), nullptr, get_origin_verdict, 0, changing, 0},
    {ngx_string("ws_resume_node"), nullptr, get_resume_node, 0, changing, 0},
    {ngx_string("ws_version"), nullptr, get_version, 0, 0, 0},
};

}  // namespace

extern "C" ngx_int_t ngx_http_ws_add_variables(ngx_conf_t *cf) {
    for (ngx_http_variable_t &variable : variables) {
        ngx_http_variable_t *added = ngx_http_add_variable(cf, &variable.name, variable.flags);
        if (added == nullptr) {
            return NGX_ERROR;
        }
        added->get_handler = variable.get_handler;
        added->data = variable.data;
    }
    return NGX_OK;
}

}  // namespace ngx_ws
