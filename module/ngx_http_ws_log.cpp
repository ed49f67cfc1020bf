#include "module/ngx_http_ws_log.hpp"

namespace ngx_ws {

namespace {

u_char *append_request(ngx_log_t *log, u_char *buffer, size_t size) {
    auto *r = static_cast<ngx_http_request_t *>(log->data);
    u_char *last = buffer + size;
    auto *cscf = static_cast<ngx_http_core_srv_conf_t *>(
        ngx_http_get_module_srv_conf(r, ngx_http_core_module));

    buffer = ngx_slprintf(buffer, last, ", client: %V, server: %V, uri: \"%V\"",
                          &r->connection->addr_text, &cscf->server_name, &r->uri);
    if (r->upstream != nullptr && r->upstream->peer.name != nullptr) {
        buffer = ngx_slprintf(buffer, last, ", upstream: \"%V\"", r->upstream->peer.name);
    }
    return buffer;
}

}  // namespace

RequestLog::RequestLog(ngx_http_request_t *r) noexcept : log_(*r->connection->log) {
    log_.handler = append_request;
    log_.data = r;
    log_.action = nullptr;
}

}  // namespace ngx_ws
