#include "module/ws_resume/refusal.hpp"

#include "ngx_ws_filter/ws_frames/frame_writer.hpp"

#include <array>

namespace ngx_ws {

ngx_int_t send_close(ngx_http_request_t *r, ws::CloseCode code, std::string_view why) noexcept {
    ngx_buf_t *buffer = ngx_create_temp_buf(r->pool, ws::max_control_frame);
    ngx_chain_t *link = ngx_alloc_chain_link(r->pool);
    if (buffer == nullptr || link == nullptr) {
        return NGX_ERROR;
    }
    std::array<uint8_t, ws::max_control_payload> payload;
    const size_t size = ws::write_close(payload.data(), code, why);
    buffer->last +=
        ws::write_control_frame(buffer->pos, ws::Opcode::close, std::span{payload}.first(size));
    buffer->flush = 1;
    buffer->last_buf = 1;
    link->buf = buffer;
    link->next = nullptr;
    // Not through the other filters, which would take it for a document.
    return ngx_http_write_filter(r, link) == NGX_ERROR ? NGX_ERROR : NGX_OK;
}

}  // namespace ngx_ws
