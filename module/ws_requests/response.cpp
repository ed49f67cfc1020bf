#include "module/ws_requests/response.hpp"

namespace ngx_ws {

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

ngx_int_t send_text(ngx_http_request_t *r, ngx_uint_t status, std::string_view type,
                    ngx_str_t text) noexcept {
    if (text.data == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->headers_out.content_type = ngx::str(type);
    r->headers_out.content_type_len = type.size();
    r->headers_out.status = status;
    r->headers_out.content_length_n = static_cast<off_t>(text.len);
    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    auto *buffer = static_cast<ngx_buf_t *>(ngx_calloc_buf(r->pool));
    if (buffer == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    buffer->pos = text.data;
    buffer->last = text.data + text.len;
    buffer->memory = text.len != 0 ? 1 : 0;
    buffer->last_buf = r == r->main ? 1 : 0;
    buffer->last_in_chain = 1;
    ngx_chain_t out = {buffer, nullptr};
    return ngx_http_output_filter(r, &out);
}

}  // namespace ngx_ws
