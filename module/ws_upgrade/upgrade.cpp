#include "module/ws_upgrade/upgrade.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_requests/response.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_status/handshakes.hpp"
#include "module/ws_upgrade/origin_check.hpp"

namespace ngx_ws {

namespace {

// Names and values must last as long as the request.
bool add_fields(ngx_http_request_t *r, std::span<const ws::Field> fields) noexcept {
    for (const ws::Field &field : fields) {
        if (!add_field(r, field.name, field.value)) {
            return false;
        }
    }
    return true;
}

// What the client wants of all that it offers: for the service, and for the session.
struct Chosen {
    ws::SubprotocolChoice subprotocol;
    ws::ResumeName resumes;
};

// Where messages have types a session cannot be resumed, and where they mean anything to the
// service it is only by a client that knows where they end.
Chosen choose_subprotocol(ngx_http_request_t *r, const ws::UpgradeRequest &request) noexcept {
    const LocConf &conf = loc_conf(r);
    const ws::FramingKind framing = conf.framing.settings.kind;
    const bool resumes = conf.resume.on() && framing != ws::FramingKind::typed;
    ws::ResumeChoice resume(resumes && framing == ws::FramingKind::stream);
    const auto listed = ngx::elements<std::string_view>(conf.subprotocol.names);
    ws::SubprotocolChoice choice(listed, resume.passed_over(!listed.empty()));
    request.subprotocols().each([&](std::string_view value) {
        choice.offer(value);
        resume.offer(value);
    });
    return {choice, resumes ? resume.chosen() : ws::ResumeName::none};
}

// What follows a handshake, a broken one too, is no second request, whoever refuses it.
void forgo_keepalive(ngx_http_request_t *r, const ws::UpgradeRequest &request) noexcept {
    if (request.may_precede_frames()) {
        r->keepalive = 0;
    }
}

// A visitor who opens the address in a browser. nginx has no text for this status.
ngx_int_t explain_upgrade(ngx_http_request_t *r) noexcept {
    ngx_str_t type = ngx_string("text/plain");
    ngx_http_complex_value_t text = {};
    text.value = ngx_string("426: this address is for WebSockets; a page connects to it.\n");
    return ngx_http_send_response(r, 426, &type, &text);
}

}  // namespace

bool has_error_page(ngx_http_request_t *r, ngx_int_t status) noexcept {
    const ngx_http_core_loc_conf_t &location = ngx::core_location(r);
    if (location.error_pages == nullptr) {
        return false;
    }
    for (const ngx_http_err_page_t &page :
         ngx::elements<ngx_http_err_page_t>(location.error_pages)) {
        if (page.status == status) {
            return true;
        }
    }
    return false;
}

ws::Handshake check_upgrade(ngx_http_request_t *r, Context &ctx) noexcept {
    forgo_keepalive(r, ctx.request);
    const ws::Handshake verdict = ctx.request.check({
        .http_version = static_cast<unsigned>(r->http_version),
        .get = r->method == NGX_HTTP_GET,
        .has_body = r->headers_in.content_length_n > 0 || r->headers_in.chunked,
    });
    if (verdict != ws::Handshake::accepted) {
        return verdict;
    }
    const Chosen chosen = choose_subprotocol(r, ctx.request);
    const ws::SubprotocolChoice &choice = chosen.subprotocol;
    if (choice.malformed()) {
        return ws::Handshake::subprotocol_malformed;
    }
    if (choice.chosen().empty() && loc_conf(r).subprotocol.required) {
        return ws::Handshake::subprotocol_missing;
    }
    ctx.server = &loc_conf(r);
    ctx.subprotocol = choice.chosen();
    ctx.resumes = chosen.resumes;
    return ws::Handshake::accepted;
}

ngx_int_t refuse_upgrade(ngx_http_request_t *r, ws::Handshake verdict) noexcept {
    const ngx_str_t why = ngx::str(ws::words(verdict));
    RequestLog log(r);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: refused: %V", &why);
    count_refusal(r, verdict);

    const auto status = static_cast<ngx_int_t>(ws::http_status(verdict));
    if (!add_fields(r, ws::refusal_fields(verdict))) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return status == 426 && !has_error_page(r, status) ? explain_upgrade(r) : status;
}

std::string_view agreed_subprotocol(ngx_http_request_t *r) noexcept {
    const Context *ctx = context(r);
    if (ctx == nullptr || ctx->server == &loc_conf(r)) {
        return ctx == nullptr ? std::string_view{} : ctx->subprotocol;
    }
    const ws::SubprotocolChoice choice = choose_subprotocol(r, ctx->request).subprotocol;
    return choice.malformed() ? std::string_view{} : choice.chosen();
}

bool prepare_switching_protocols(ngx_http_request_t *r, const ws::Agreement &agreement) noexcept {
    auto *accept = ngx::make<std::array<char, ws::accept_key_size>>(r->pool);
    if (accept == nullptr) {
        return false;
    }
    std::array<ws::Field, ws::max_acceptance_fields> room;
    const auto fields = ws::acceptance_fields(agreement, *accept, room);
    if (fields.empty() || !add_fields(r, fields)) {
        return false;
    }
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.status_line = ngx_string("101 Switching Protocols");
    r->keepalive = 0;
    // A rate limit would hold the answer back, and does not know our relay.
    r->limit_rate = 0;
    r->limit_rate_set = 1;
    return true;
}

ngx_int_t send_switching_protocols(ngx_http_request_t *r, const ws::Agreement &agreement) noexcept {
    if (!prepare_switching_protocols(r, agreement)) {
        return NGX_ERROR;
    }
    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }
    if (!r->header_sent) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_ERR, log.get(), 0,
                      "ws: another module's filter, as image_filter, kept the 101 back: ws_pass "
                      "needs a location without it");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    // A short answer is still held back. Not by a flush buffer through all filters: that of
    // server-side includes keeps it to itself.
    return r->out == nullptr || ngx_http_write_filter(r, nullptr) != NGX_ERROR ? NGX_OK : NGX_ERROR;
}

extern "C" ngx_int_t ngx_http_ws_early_handler(ngx_http_request_t *r) {
    const LocConf &conf = loc_conf(r);
    if (r != r->main || (conf.upstream.upstream == nullptr && conf.target == nullptr)) {
        return NGX_DECLINED;
    }
    const Context *ctx = context(r);
    if (ctx == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    forgo_keepalive(r, ctx->request);
    return NGX_DECLINED;
}

}  // namespace ngx_ws
