#include "module/ws_backend/proxy_protocol.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_handshake/proxy_protocol.hpp"

#include <array>
#include <cstring>

namespace ngx_ws {

namespace {

std::span<const uint8_t> path(const sockaddr_un &address, socklen_t size) noexcept {
    constexpr size_t begin = offsetof(sockaddr_un, sun_path);
    if (size <= begin) {
        return {};
    }
    const auto *text = reinterpret_cast<const uint8_t *>(address.sun_path);
    const size_t room = ngx_min(size - begin, sizeof(address.sun_path));
    return {text, strnlen(address.sun_path, room)};
}

ws::ProxiedAddress proxied(const sockaddr *address, socklen_t size) noexcept {
    switch (address->sa_family) {
        case AF_INET: {
            const auto *in = reinterpret_cast<const sockaddr_in *>(address);
            const auto *bytes = reinterpret_cast<const uint8_t *>(&in->sin_addr);
            return {ws::AddressFamily::ipv4, ntohs(in->sin_port), {bytes, sizeof(in->sin_addr)}};
        }
#if (NGX_HAVE_INET6)
        case AF_INET6: {
            const auto *in6 = reinterpret_cast<const sockaddr_in6 *>(address);
            const auto *bytes = reinterpret_cast<const uint8_t *>(&in6->sin6_addr);
            return {
                ws::AddressFamily::ipv6, ntohs(in6->sin6_port), {bytes, sizeof(in6->sin6_addr)}};
        }
#endif
        case AF_UNIX:
            return {ws::AddressFamily::local, 0,
                    path(*reinterpret_cast<const sockaddr_un *>(address), size)};
        default:
            return {};
    }
}

// The client as nginx knows it, which is another one than the peer's if the realip module says so.
bool read_addresses(ngx_connection_t *c, ws::ProxiedConnection &facts) noexcept {
    if (ngx_connection_local_sockaddr(c, nullptr, 0) != NGX_OK) {
        return false;
    }
    facts.source = proxied(c->sockaddr, c->socklen);
    facts.destination = proxied(c->local_sockaddr, c->local_socklen);
    return true;
}

#if (NGX_HTTP_SSL)

// In UTF-8, as the header wants it.
std::string_view common_name(ngx_pool_t *pool, X509 *certificate) noexcept {
    X509_NAME *subject = X509_get_subject_name(certificate);
    int last = -1;
    for (int next; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, last)) >= 0;) {
        last = next;
    }
    if (last < 0) {
        return {};
    }
    unsigned char *text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (size < 0) {
        ERR_clear_error();
        return {};
    }
    const ngx_str_t kept =
        ngx::copy(pool, {reinterpret_cast<const char *>(text), static_cast<size_t>(size)});
    OPENSSL_free(text);
    return kept.data == nullptr ? std::string_view{} : ngx::view(kept);
}

std::string_view text_or_nothing(const char *text) noexcept {
    return text == nullptr ? std::string_view{} : std::string_view(text);
}

ws::ProxiedTls read_tls(ngx_pool_t *pool, SSL *ssl) noexcept {
    ws::ProxiedTls tls;
    tls.version = text_or_nothing(SSL_get_version(ssl));
    tls.cipher = text_or_nothing(SSL_get_cipher_name(ssl));
    tls.resumed = SSL_session_reused(ssl) != 0;
    if (X509 *certificate = SSL_get_peer_certificate(ssl); certificate != nullptr) {
        tls.certificate = true;
        tls.verify_result = static_cast<uint32_t>(SSL_get_verify_result(ssl));
        tls.client_name = common_name(pool, certificate);
        X509_free(certificate);
    }
    return tls;
}

std::string_view alpn(const SSL *ssl) noexcept {
    const unsigned char *text = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &text, &size);
    return {reinterpret_cast<const char *>(text), size};
}

#endif

std::string_view request_id(ngx_http_request_t *r) noexcept {
    const ngx_http_variable_value_t *value = ngx_http_get_indexed_variable(
        r, static_cast<ngx_uint_t>(loc_conf(r).proxy_protocol.request_id));
    if (value == nullptr || value->not_found) {
        return {};
    }
    return {reinterpret_cast<const char *>(value->data), value->len};
}

using Header = std::array<uint8_t, ws::max_proxy_header_size>;

size_t write_v2(ngx_http_request_t *r, ws::ProxiedConnection facts, Header &header) noexcept {
    facts.authority = ngx::view(r->headers_in.server);
    facts.unique_id = request_id(r);
#if (NGX_HTTP_SSL)
    if (r->connection->ssl != nullptr) {
        SSL *ssl = r->connection->ssl->connection;
        const ws::ProxiedTls tls = read_tls(r->pool, ssl);
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        facts.tls = &tls;
        facts.alpn = alpn(ssl);
        if (name != nullptr) {
            facts.authority = name;
        }
        return ws::write_proxy_v2(header, facts);
    }
#endif
    return ws::write_proxy_v2(header, facts);
}

}  // namespace

bool send_proxy_header(ngx_http_request_t *r) noexcept {
    const auto version = static_cast<ProxyProtocol>(loc_conf(r).proxy_protocol.version);
    if (version == ProxyProtocol::off) {
        return true;
    }
    ws::ProxiedConnection facts;
    if (!read_addresses(r->connection, facts)) {
        return false;
    }
    Header header;
    const size_t size = version == ProxyProtocol::v1 ? ws::write_proxy_v1(header, facts)
                                                     : write_v2(r, facts, header);
    ngx_connection_t *c = r->upstream->peer.connection;
    const ssize_t sent = c->send(c, header.data(), size);
    if (sent >= 0 && static_cast<size_t>(sent) == size) {
        return true;
    }
    RequestLog log(r);
    ngx_log_error(NGX_LOG_ERR, log.get(), 0, "ws: backend did not take the PROXY protocol header");
    return false;
}

}  // namespace ngx_ws
