#include "module/ws_settings/ssl.hpp"

#if (NGX_HTTP_SSL)

namespace ngx_ws {

namespace {

// Where a directive stands; for a value that nobody wrote, the "ws_ssl on" that made it count.
const Line &line_of(const LocConf &conf, std::string_view directive, size_t nth = 0) noexcept {
    const Line *line = conf.lines.find(directive, nth);
    return line != nullptr ? *line : *conf.lines.find("ws_ssl");
}

// nginx's own message of an error in a file or a list names no directive and no line, so another
// message behind it does.
bool accept(ngx_conf_t *cf, const LocConf &conf, ngx_int_t result, std::string_view directive,
            size_t nth = 0) noexcept {
    if (result == NGX_OK) {
        return true;
    }
    const ngx_str_t name = ngx::str(directive);
    log_at(cf, line_of(conf, directive, nth), NGX_LOG_EMERG, "the message before is about \"%V\"",
           &name);
    return false;
}

bool load_certificate(ngx_conf_t *cf, LocConf &conf) noexcept {
    ngx_http_upstream_conf_t &upstream = conf.upstream;
    if (upstream.ssl_certificate == nullptr) {
        return true;
    }
    if (upstream.ssl_certificate_key == nullptr) {
        log_at(cf, line_of(conf, "ws_ssl_certificate"), NGX_LOG_EMERG,
               "no \"ws_ssl_certificate_key\" is defined for certificate \"%V\" of "
               "\"ws_ssl_certificate\"",
               &upstream.ssl_certificate->value);
        return false;
    }
    // Names with variables are loaded for each connection, by nginx.
    if (upstream.ssl_certificate->lengths != nullptr ||
        upstream.ssl_certificate_key->lengths != nullptr) {
        upstream.ssl_passwords = ngx_ssl_preserve_passwords(cf, upstream.ssl_passwords);
        return upstream.ssl_passwords != nullptr;
    }
    const ngx_int_t loaded =
        ngx_ssl_certificate(cf, upstream.ssl, &upstream.ssl_certificate->value,
                            &upstream.ssl_certificate_key->value, upstream.ssl_passwords);
    // The key is loaded last, and has to fit.
    const bool has_certificate = SSL_CTX_get0_certificate(upstream.ssl->ctx) != nullptr;
    return accept(cf, conf, loaded,
                  has_certificate ? "ws_ssl_certificate_key" : "ws_ssl_certificate");
}

bool load_trust(ngx_conf_t *cf, LocConf &conf) noexcept {
    if (!conf.upstream.ssl_verify) {
        return true;
    }
    if (conf.tls.trusted_certificate.len == 0) {
        log_at(cf, line_of(conf, "ws_ssl_verify"), NGX_LOG_EMERG,
               "no \"ws_ssl_trusted_certificate\" for \"ws_ssl_verify\"");
        return false;
    }
    ngx_ssl_t *ssl = conf.upstream.ssl;
    const auto depth = static_cast<ngx_int_t>(conf.tls.verify_depth);
    return accept(cf, conf,
                  ngx_ssl_trusted_certificate(cf, ssl, &conf.tls.trusted_certificate, depth),
                  "ws_ssl_trusted_certificate") &&
           accept(cf, conf, ngx_ssl_crl(cf, ssl, &conf.tls.crl), "ws_ssl_crl");
}

// One by one, so that the one that OpenSSL refuses is known.
bool give_commands(ngx_conf_t *cf, const LocConf &conf) noexcept {
    if (conf.tls.conf_commands == nullptr) {
        return true;
    }
    size_t nth = 0;
    for (ngx_keyval_t &command : ngx::elements<ngx_keyval_t>(conf.tls.conf_commands)) {
        ngx_array_t one = {&command, 1, sizeof(command), 1, cf->pool};
        if (!accept(cf, conf, ngx_ssl_conf_commands(cf, conf.upstream.ssl, &one),
                    "ws_ssl_conf_command", nth++)) {
            return false;
        }
    }
    return true;
}

bool make_context(ngx_conf_t *cf, LocConf &conf) noexcept {
    auto *ssl = static_cast<ngx_ssl_t *>(ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t)));
    if (ssl == nullptr) {
        return false;
    }
    conf.upstream.ssl = ssl;
    ssl->log = cf->log;
    if (ngx_ssl_create(ssl, conf.tls.protocols, nullptr) != NGX_OK) {
        return false;
    }
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == nullptr) {
        ngx_ssl_cleanup_ctx(ssl);
        return false;
    }
    cleanup->handler = ngx_ssl_cleanup_ctx;
    cleanup->data = ssl;
    return accept(cf, conf, ngx_ssl_ciphers(cf, ssl, &conf.tls.ciphers, 0), "ws_ssl_ciphers") &&
           load_certificate(cf, conf) && load_trust(cf, conf) &&
           ngx_ssl_client_session_cache(
               cf, ssl, static_cast<ngx_uint_t>(conf.upstream.ssl_session_reuse)) == NGX_OK &&
           give_commands(cf, conf);
}

}  // namespace

bool finish_ssl(ngx_conf_t *cf, LocConf &conf) noexcept {
    return !conf.tls.on || make_context(cf, conf);
}

extern "C" char *ngx_http_ws_set_ssl_password_file(ngx_conf_t *cf, ngx_command_t *, void *data) {
    ngx_array_t *&passwords = static_cast<LocConf *>(data)->upstream.ssl_passwords;
    if (passwords != NGX_CONF_UNSET_PTR) {
        return const_cast<char *>("is duplicate");
    }
    passwords = ngx_ssl_read_password_file(cf, static_cast<ngx_str_t *>(cf->args->elts) + 1);
    return passwords == nullptr ? static_cast<char *>(NGX_CONF_ERROR) : NGX_CONF_OK;
}

// An OpenSSL without SSL_CONF has no such command; nginx's own directive does the same.
extern "C" char *ngx_http_ws_set_ssl_conf_command(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
#ifdef SSL_CONF_FLAG_FILE
    ngx_command_t plain = *cmd;
    plain.post = nullptr;
    return ngx_conf_set_keyval_slot(cf, &plain, conf);
#else
    return const_cast<char *>("is not supported on this platform");
#endif
}

}  // namespace ngx_ws

#endif
