#include "module/ws_upgrade/upgrade.hpp"

#include "module/ws_reports/log.hpp"
#include "module/ws_session/deflate.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_status/handshakes.hpp"
#include "module/ws_upgrade/backend.hpp"
#include "module/ws_upgrade/origin_check.hpp"

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"
#include "ngx_ws_filter/ws_handshake/field.hpp"
#include "ngx_ws_filter/ws_handshake/handshake.hpp"

namespace ngx_ws {

namespace {

// `value` must last as long as the request.
bool add_field(ngx_http_request_t *r, std::string_view name, std::string_view value) noexcept {
    auto *field = static_cast<ngx_table_elt_t *>(ngx_list_push(&r->headers_out.headers));
    if (field == nullptr) {
        return false;
    }
    *field = {};
    field->hash = 1;
    field->key = ngx::str(name);
    field->value = ngx::str(value);
    return true;
}

ws::SubprotocolChoice choose_subprotocol(ngx_http_request_t *r) noexcept {
    ws::SubprotocolChoice choice(ngx::elements<std::string_view>(loc_conf(r).subprotocols));
    ngx::each_request_field(r, [&](std::string_view name, std::string_view value) {
        if (ws::equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
            choice.offer(value);
        }
    });
    return choice;
}

ws::UpgradeRequest read_request(ngx_http_request_t *r) noexcept {
    ws::UpgradeRequest request;
    ngx::each_request_field(
        r, [&](std::string_view name, std::string_view value) { request.take(name, value); });
    return request;
}

// What follows a handshake, a broken one too, is no second request, whoever refuses it.
void forgo_keepalive(ngx_http_request_t *r, const ws::UpgradeRequest &request) noexcept {
    if (request.wants_websocket() || !request.key().empty()) {
        r->keepalive = 0;
    }
}

ws::Handshake check_request(ngx_http_request_t *r, Context &ctx) noexcept {
    const ws::UpgradeRequest request = read_request(r);
    forgo_keepalive(r, request);
    const ws::Handshake verdict = request.check({
        .http_version = static_cast<unsigned>(r->http_version),
        .get = r->method == NGX_HTTP_GET,
        .has_body = r->headers_in.content_length_n > 0 || r->headers_in.chunked,
    });
    if (verdict != ws::Handshake::accepted) {
        return verdict;
    }
    const ws::SubprotocolChoice choice = choose_subprotocol(r);
    if (choice.malformed()) {
        return ws::Handshake::subprotocol_malformed;
    }
    if (choice.chosen().empty() && loc_conf(r).subprotocol_required) {
        return ws::Handshake::subprotocol_missing;
    }
    ctx.server = &loc_conf(r);
    ctx.subprotocol = choice.chosen();
    ctx.key = request.key();
    return ws::Handshake::accepted;
}

bool has_error_page(ngx_http_request_t *r, ngx_int_t status) noexcept {
    const auto *clcf = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    if (clcf->error_pages == nullptr) {
        return false;
    }
    for (const ngx_http_err_page_t &page : ngx::elements<ngx_http_err_page_t>(clcf->error_pages)) {
        if (page.status == status) {
            return true;
        }
    }
    return false;
}

// A visitor who opens the address in a browser. nginx has no text for this status.
ngx_int_t explain_upgrade(ngx_http_request_t *r) noexcept {
    ngx_str_t type = ngx_string("text/plain");
    ngx_http_complex_value_t text = {};
    text.value = ngx_string("426: this address is for WebSockets; a page connects to it.\n");
    return ngx_http_send_response(r, 426, &type, &text);
}

ngx_int_t refuse(ngx_http_request_t *r, ws::Handshake verdict) noexcept {
    const ngx_str_t why = ngx::str(ws::words(verdict));
    RequestLog log(r);
    ngx_log_error(NGX_LOG_INFO, log.get(), 0, "ws: refused: %V", &why);
    count_refusal(r, verdict);

    const auto status = static_cast<ngx_int_t>(ws::http_status(verdict));
    bool added = true;
    if (status == 426) {
        added = add_field(r, "Upgrade", "websocket") && add_field(r, "Connection", "upgrade");
    } else if (status == NGX_HTTP_NOT_ALLOWED) {
        added = add_field(r, "Allow", "GET");
    }
    if (verdict == ws::Handshake::version_unsupported) {
        added = added && add_field(r, "Sec-WebSocket-Version", "13");
    }
    if (!added) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return status == 426 && !has_error_page(r, status) ? explain_upgrade(r) : status;
}

// What variables may say once it is known what the client wants, its subprotocol for one. False if
// they say what cannot be.
bool choose(ngx_http_request_t *r, Context &ctx) noexcept {
    const LocConf &conf = loc_conf(r);
    const std::optional<ngx_uint_t> type = conf.frame_type.at(r);
    const std::optional<ngx_uint_t> compressed = conf.deflate.on.at(r);
    if (!type || !compressed) {
        return false;
    }
    ctx.frame_type = static_cast<ws::Opcode>(*type);
    if (*compressed != 0) {
        ctx.deflation = Deflation::negotiate(r);
    }
    return true;
}

}  // namespace

std::string_view agreed_subprotocol(ngx_http_request_t *r) noexcept {
    const Context *ctx = find_context(r);
    if (ctx != nullptr && ctx->server == &loc_conf(r)) {
        return ctx->subprotocol;
    }
    const ws::SubprotocolChoice choice = choose_subprotocol(r);
    return choice.malformed() ? std::string_view{} : choice.chosen();
}

ngx_int_t send_switching_protocols(ngx_http_request_t *r, const Context &ctx) noexcept {
    std::array<char, ws::accept_key_size> accept;
    if (!ws::make_accept_key(ctx.key, accept)) {
        return NGX_ERROR;
    }
    const ngx_str_t kept = ngx::copy(r->pool, {accept.data(), accept.size()});
    if (kept.data == nullptr || !add_field(r, "Upgrade", "websocket") ||
        !add_field(r, "Sec-WebSocket-Accept", ngx::view(kept))) {
        return NGX_ERROR;
    }
    if (!ctx.subprotocol.empty() && !add_field(r, "Sec-WebSocket-Protocol", ctx.subprotocol)) {
        return NGX_ERROR;
    }
    if (ctx.deflation != nullptr &&
        !add_field(r, "Sec-WebSocket-Extensions", ctx.deflation->answer())) {
        return NGX_ERROR;
    }
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.status_line = ngx_string("101 Switching Protocols");
    r->keepalive = 0;
    // A rate limit would hold the answer back, and does not know our relay.
    r->limit_rate = 0;
    r->limit_rate_set = 1;
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
    if (conf.upstream.upstream != nullptr || conf.target != nullptr) {
        forgo_keepalive(r, read_request(r));
    }
    return NGX_DECLINED;
}

extern "C" ngx_int_t ngx_http_ws_handler(ngx_http_request_t *r) {
    if (r != r->main) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: ws_pass cannot serve a subrequest");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    // This request is for an error page, and nginx would replace its 101.
    if (r->err_status != 0) {
        RequestLog log(r);
        ngx_log_error(
            NGX_LOG_ERR, log.get(), 0,
            "ws: an error page keeps its status %ui and is no session; \"error_page CODE = "
            "URI\" leaves the status to ws_pass",
            r->err_status);
        return r->err_status >= NGX_HTTP_SPECIAL_RESPONSE ? static_cast<ngx_int_t>(r->err_status)
                                                          : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    Context *ctx = context(r);
    if (ctx == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    begin_again(*ctx);
    ctx->status_zone = loc_conf(r).status_zone;
    const ws::Handshake verdict = check_request(r, *ctx);
    if (verdict != ws::Handshake::accepted) {
        return refuse(r, verdict);
    }
    if (check_origin(r) == OriginVerdict::refused) {
        return NGX_HTTP_FORBIDDEN;
    }
    if (!choose(r, *ctx)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return connect_backend(r, *ctx);
}

}  // namespace ngx_ws
