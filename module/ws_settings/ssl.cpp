#include "module/ws_settings/ssl.hpp"

#if (NGX_HTTP_SSL)

namespace ngx_ws {

namespace {

bool load_certificate(ngx_conf_t *cf, ngx_http_upstream_conf_t &upstream) noexcept {
    if (upstream.ssl_certificate == nullptr) {
        return true;
    }
    if (upstream.ssl_certificate_key == nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"ws_ssl_certificate_key\" is defined for certificate \"%V\"",
                           &upstream.ssl_certificate->value);
        return false;
    }
    // Names with variables are loaded for each connection, by nginx.
    if (upstream.ssl_certificate->lengths != nullptr ||
        upstream.ssl_certificate_key->lengths != nullptr) {
        upstream.ssl_passwords = ngx_ssl_preserve_passwords(cf, upstream.ssl_passwords);
        return upstream.ssl_passwords != nullptr;
    }
    return ngx_ssl_certificate(cf, upstream.ssl, &upstream.ssl_certificate->value,
                               &upstream.ssl_certificate_key->value,
                               upstream.ssl_passwords) == NGX_OK;
}

bool load_trust(ngx_conf_t *cf, LocConf &conf) noexcept {
    if (!conf.upstream.ssl_verify) {
        return true;
    }
    if (conf.ssl_trusted_certificate.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"ws_ssl_trusted_certificate\" for \"ws_ssl_verify\"");
        return false;
    }
    return ngx_ssl_trusted_certificate(cf, conf.upstream.ssl, &conf.ssl_trusted_certificate,
                                       static_cast<ngx_int_t>(conf.ssl_verify_depth)) == NGX_OK &&
           ngx_ssl_crl(cf, conf.upstream.ssl, &conf.ssl_crl) == NGX_OK;
}

bool make_context(ngx_conf_t *cf, LocConf &conf) noexcept {
    auto *ssl = static_cast<ngx_ssl_t *>(ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t)));
    if (ssl == nullptr) {
        return false;
    }
    conf.upstream.ssl = ssl;
    ssl->log = cf->log;
    if (ngx_ssl_create(ssl, conf.ssl_protocols, nullptr) != NGX_OK) {
        return false;
    }
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == nullptr) {
        ngx_ssl_cleanup_ctx(ssl);
        return false;
    }
    cleanup->handler = ngx_ssl_cleanup_ctx;
    cleanup->data = ssl;
    return ngx_ssl_ciphers(cf, ssl, &conf.ssl_ciphers, 0) == NGX_OK &&
           load_certificate(cf, conf.upstream) && load_trust(cf, conf) &&
           ngx_ssl_client_session_cache(
               cf, ssl, static_cast<ngx_uint_t>(conf.upstream.ssl_session_reuse)) == NGX_OK &&
           ngx_ssl_conf_commands(cf, ssl, conf.ssl_conf_commands) == NGX_OK;
}

}  // namespace

bool finish_ssl(ngx_conf_t *cf, LocConf &conf) noexcept {
    return !conf.ssl || make_context(cf, conf);
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
