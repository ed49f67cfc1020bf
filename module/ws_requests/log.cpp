#include "module/ws_requests/log.hpp"

namespace ngx_ws {

namespace {

// The path as the client wrote it, without what may carry a token.
std::string_view path(ngx_http_request_t *r) noexcept {
    const std::string_view uri = ngx::view(r->unparsed_uri);
    return {uri.data(), ngx_min(uri.find_first_of("?#"), uri.size())};
}

u_char *append(u_char *to, u_char *last, const char *name, std::string_view value) noexcept {
    to = ngx_slprintf(to, last, "%s\"", name);
    to += printable(value, {to, last}).len;
    return ngx_slprintf(to, last, "\"");
}

u_char *append_request(ngx_log_t *log, u_char *buffer, size_t size) {
    auto *r = static_cast<ngx_http_request_t *>(log->data);
    u_char *last = buffer + size;

    buffer = ngx_slprintf(buffer, last, ", client: %V, server: %V", &r->connection->addr_text,
                          &ngx::core_server(r).server_name);
    buffer = append(buffer, last, ", uri: ", path(r));
    if (r->upstream != nullptr && r->upstream->peer.name != nullptr) {
        buffer = append(buffer, last, ", upstream: ", ngx::view(*r->upstream->peer.name));
    }
    return buffer;
}

}  // namespace

ngx_str_t printable(std::string_view text, std::span<u_char> room) noexcept {
    const size_t size = ngx_min(text.size(), room.size());
    for (size_t i = 0; i < size; ++i) {
        const auto c = static_cast<u_char>(text[i]);
        room[i] = c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
    }
    return {size, room.data()};
}

RequestLog::RequestLog(ngx_http_request_t *r) noexcept : log_(*r->connection->log) {
    log_.handler = append_request;
    log_.data = r;
    log_.action = nullptr;
}

}  // namespace ngx_ws
