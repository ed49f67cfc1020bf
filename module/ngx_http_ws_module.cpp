#include "module/ngx_http_ws_version.hpp"
#include "module/ws_reports/variables.hpp"
#include "module/ws_session/buffers.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_settings/setters.hpp"
#include "module/ws_settings/ssl.hpp"
#include "module/ws_upgrade/origin_check.hpp"
#include "module/ws_upgrade/upgrade.hpp"

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"

namespace ngx_ws {

namespace {

ngx_conf_enum_t frame_types[] = {
    {ngx_string("text"), static_cast<ngx_uint_t>(ws::Opcode::text)},
    {ngx_string("binary"), static_cast<ngx_uint_t>(ws::Opcode::binary)},
    {ngx_null_string, 0},
};

ngx_conf_enum_t text_errors[] = {
    {ngx_string("close"), static_cast<ngx_uint_t>(TextErrors::close)},
    {ngx_string("replace"), static_cast<ngx_uint_t>(TextErrors::replace)},
    {ngx_null_string, 0},
};

ngx_conf_enum_t client_acks[] = {
    {ngx_string("kernel"), static_cast<ngx_uint_t>(ClientAck::kernel)},
    {ngx_string("pong"), static_cast<ngx_uint_t>(ClientAck::pong)},
    {ngx_null_string, 0},
};

ngx_conf_enum_t proxy_protocols[] = {
    {ngx_string("off"), static_cast<ngx_uint_t>(ProxyProtocol::off)},
    {ngx_string("v1"), static_cast<ngx_uint_t>(ProxyProtocol::v1)},
    {ngx_string("v2"), static_cast<ngx_uint_t>(ProxyProtocol::v2)},
    {ngx_null_string, 0},
};

ngx_conf_bitmask_t next_upstream_masks[] = {
    {ngx_string("error"), NGX_HTTP_UPSTREAM_FT_ERROR},
    {ngx_string("timeout"), NGX_HTTP_UPSTREAM_FT_TIMEOUT},
    {ngx_string("off"), NGX_HTTP_UPSTREAM_FT_OFF},
    {ngx_null_string, 0},
};

LeastSize least_buffer_size = {4096, "a size of at least 4k"};

#if (NGX_HTTP_SSL)
ngx_conf_bitmask_t ssl_protocols[] = {
    {ngx_string("SSLv2"), NGX_SSL_SSLv2},
    {ngx_string("SSLv3"), NGX_SSL_SSLv3},
    {ngx_string("TLSv1"), NGX_SSL_TLSv1},
    {ngx_string("TLSv1.1"), NGX_SSL_TLSv1_1},
    {ngx_string("TLSv1.2"), NGX_SSL_TLSv1_2},
    {ngx_string("TLSv1.3"), NGX_SSL_TLSv1_3},
    {ngx_null_string, 0},
};

// An OpenSSL without SSL_CONF has no such command; nginx's own directive does the same.
char *check_ssl_conf_command(ngx_conf_t *, void *, void *) {
#ifdef SSL_CONF_FLAG_FILE
    return NGX_CONF_OK;
#else
    return const_cast<char *>("is not supported on this platform");
#endif
}

ngx_conf_post_t ssl_conf_command_post = {check_ssl_conf_command};
#endif

Range deflate_levels = {1, 9, "a number from 1 to 9"};
Range deflate_window_bits = {9, 15, "a number from 9 to 15"};

constexpr ngx_uint_t everywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

using Setter = char *(*)(ngx_conf_t *, ngx_command_t *, void *);

constexpr ngx_command_t setting(ngx_str_t name, ngx_uint_t arguments, Setter set, size_t offset,
                                void *post = nullptr) {
    return {name, everywhere | arguments, set, NGX_HTTP_LOC_CONF_OFFSET, offset, post};
}

ngx_command_t commands[] = {
    {ngx_string("ws_pass"), NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF | NGX_CONF_TAKE1,
     ngx_http_ws_set_pass, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},

    setting(ngx_string("ws_origin"), NGX_CONF_1MORE, ngx_http_ws_set_origin, 0),
    setting(ngx_string("ws_origin_report_only"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, origin_report_only)),
    setting(ngx_string("ws_subprotocol"), NGX_CONF_1MORE, ngx_http_ws_set_subprotocol, 0),

    setting(ngx_string("ws_frame_type"), NGX_CONF_TAKE1, ngx_http_ws_choose_enum,
            offsetof(LocConf, frame_type), frame_types),
    setting(ngx_string("ws_text_errors"), NGX_CONF_TAKE1, ngx_http_ws_set_enum,
            offsetof(LocConf, text_errors), text_errors),
    setting(ngx_string("ws_framing"), NGX_CONF_1MORE, ngx_http_ws_set_framing,
            offsetof(LocConf, framing)),
    setting(ngx_string("ws_max_message_size"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, max_message_size)),
    {ngx_string("ws_buffer_size"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_http_ws_set_size,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(MainConf, buffer_size), &least_buffer_size},

    setting(ngx_string("ws_backend_window"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, backend_window)),
    setting(ngx_string("ws_client_window"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, client_window)),
    setting(ngx_string("ws_notsent_lowat"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, notsent_lowat)),
    setting(ngx_string("ws_client_rcvbuf"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, client_rcvbuf)),
    setting(ngx_string("ws_backend_rcvbuf"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, backend_rcvbuf)),
    setting(ngx_string("ws_client_ack"), NGX_CONF_TAKE1, ngx_http_ws_set_enum,
            offsetof(LocConf, client_ack), client_acks),
    setting(ngx_string("ws_ack_interval"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, ack_interval)),
    setting(ngx_string("ws_receipts"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, receipts)),
    setting(ngx_string("ws_half_close"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, half_close)),

    setting(ngx_string("ws_deflate"), NGX_CONF_TAKE1, ngx_http_ws_choose_flag,
            offsetof(LocConf, deflate.on)),
    setting(ngx_string("ws_deflate_level"), NGX_CONF_TAKE1, ngx_http_ws_set_number,
            offsetof(LocConf, deflate.level), &deflate_levels),
    setting(ngx_string("ws_deflate_window_bits"), NGX_CONF_TAKE1, ngx_http_ws_set_number,
            offsetof(LocConf, deflate.window_bits), &deflate_window_bits),
    setting(ngx_string("ws_deflate_memory_level"), NGX_CONF_TAKE1, ngx_http_ws_set_number,
            offsetof(LocConf, deflate.memory_level), &deflate_levels),
    setting(ngx_string("ws_deflate_context_takeover"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, deflate.context_takeover)),
    setting(ngx_string("ws_deflate_min_length"), NGX_CONF_TAKE1, ngx_http_ws_set_size,
            offsetof(LocConf, deflate.min_length)),
    {ngx_string("ws_deflate_memory"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_http_ws_set_size,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(MainConf, deflate_memory), nullptr},

    setting(ngx_string("ws_ping_interval"), NGX_CONF_TAKE1, ngx_http_ws_set_time_or_off,
            offsetof(LocConf, ping_interval)),
    setting(ngx_string("ws_pong_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time,
            offsetof(LocConf, pong_timeout)),
    setting(ngx_string("ws_idle_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time_or_off,
            offsetof(LocConf, idle_timeout)),
    setting(ngx_string("ws_send_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time,
            offsetof(LocConf, send_timeout)),
    setting(ngx_string("ws_close_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time,
            offsetof(LocConf, close_timeout)),
    setting(ngx_string("ws_close_time"), NGX_CONF_TAKE1, ngx_http_ws_set_time,
            offsetof(LocConf, close_time)),

    setting(ngx_string("ws_connect_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time,
            offsetof(LocConf, upstream.connect_timeout)),
    setting(ngx_string("ws_next_upstream"), NGX_CONF_1MORE, ngx_http_ws_set_bitmask,
            offsetof(LocConf, upstream.next_upstream), next_upstream_masks),
    setting(ngx_string("ws_next_upstream_tries"), NGX_CONF_TAKE1, ngx_http_ws_set_number,
            offsetof(LocConf, upstream.next_upstream_tries)),
    setting(ngx_string("ws_next_upstream_timeout"), NGX_CONF_TAKE1, ngx_http_ws_set_time_or_off,
            offsetof(LocConf, upstream.next_upstream_timeout)),
    setting(ngx_string("ws_bind"), NGX_CONF_TAKE12, ngx_http_ws_set_bind,
            offsetof(LocConf, upstream.local)),
    setting(ngx_string("ws_socket_keepalive"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, upstream.socket_keepalive)),
    setting(ngx_string("ws_proxy_protocol"), NGX_CONF_TAKE1, ngx_http_ws_set_enum,
            offsetof(LocConf, proxy_protocol.version), proxy_protocols),

#if (NGX_HTTP_SSL)
    setting(ngx_string("ws_ssl"), NGX_CONF_FLAG, ngx_conf_set_flag_slot, offsetof(LocConf, ssl)),
    setting(ngx_string("ws_ssl_session_reuse"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, upstream.ssl_session_reuse)),
    setting(ngx_string("ws_ssl_protocols"), NGX_CONF_1MORE, ngx_http_ws_set_bitmask,
            offsetof(LocConf, ssl_protocols), ssl_protocols),
    setting(ngx_string("ws_ssl_ciphers"), NGX_CONF_TAKE1, ngx_conf_set_str_slot,
            offsetof(LocConf, ssl_ciphers)),
    setting(ngx_string("ws_ssl_name"), NGX_CONF_TAKE1, ngx_http_set_complex_value_slot,
            offsetof(LocConf, upstream.ssl_name)),
    setting(ngx_string("ws_ssl_server_name"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, upstream.ssl_server_name)),
    setting(ngx_string("ws_ssl_verify"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, upstream.ssl_verify)),
    setting(ngx_string("ws_ssl_verify_depth"), NGX_CONF_TAKE1, ngx_http_ws_set_number,
            offsetof(LocConf, ssl_verify_depth)),
    setting(ngx_string("ws_ssl_trusted_certificate"), NGX_CONF_TAKE1, ngx_conf_set_str_slot,
            offsetof(LocConf, ssl_trusted_certificate)),
    setting(ngx_string("ws_ssl_crl"), NGX_CONF_TAKE1, ngx_conf_set_str_slot,
            offsetof(LocConf, ssl_crl)),
    setting(ngx_string("ws_ssl_certificate"), NGX_CONF_TAKE1, ngx_http_set_complex_value_zero_slot,
            offsetof(LocConf, upstream.ssl_certificate)),
    setting(ngx_string("ws_ssl_certificate_key"), NGX_CONF_TAKE1,
            ngx_http_set_complex_value_zero_slot, offsetof(LocConf, upstream.ssl_certificate_key)),
    setting(ngx_string("ws_ssl_password_file"), NGX_CONF_TAKE1, ngx_http_ws_set_ssl_password_file,
            0),
    setting(ngx_string("ws_ssl_require_close_notify"), NGX_CONF_FLAG, ngx_conf_set_flag_slot,
            offsetof(LocConf, ssl_require_close_notify)),
    setting(ngx_string("ws_ssl_conf_command"), NGX_CONF_TAKE2, ngx_conf_set_keyval_slot,
            offsetof(LocConf, ssl_conf_commands), &ssl_conf_command_post),
#endif

    {ngx_null_string, 0, nullptr, 0, 0, nullptr},
};

// Among the handlers of a phase, the last that was added is the first to run.
ngx_int_t add_handler(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler) {
    auto *cmcf = static_cast<ngx_http_core_main_conf_t *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto *slot = static_cast<ngx_http_handler_pt *>(ngx_array_push(&cmcf->phases[phase].handlers));
    if (slot == nullptr) {
        return NGX_ERROR;
    }
    *slot = handler;
    return NGX_OK;
}

// Much in libcrypto is made at its first use, and what fails then, for want of memory, fails for as
// long as the process lives. Here it only means that the configuration is refused.
bool can_answer_handshakes(ngx_conf_t *cf) noexcept {
    std::array<char, ws::accept_key_size> accept;
    if (ws::make_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept)) {
        return true;
    }
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "ws: libcrypto computes no SHA-1");
    return false;
}

ngx_int_t postconfiguration(ngx_conf_t *cf) {
    if (!can_answer_handshakes(cf) ||
        add_handler(cf, NGX_HTTP_REWRITE_PHASE, ngx_http_ws_early_handler) != NGX_OK) {
        return NGX_ERROR;
    }
    // The access phase will not do: there "satisfy any" would let another module overrule the
    // refusal.
    return add_handler(cf, NGX_HTTP_PREACCESS_PHASE, ngx_http_ws_origin_handler);
}

// Once for each configuration that is put to use.
ngx_int_t init_module(ngx_cycle_t *cycle) {
    if (!ngx_test_config) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "ngx_http_ws_module/%s", version);
    }
    return NGX_OK;
}

ngx_http_module_t http_module = {
    ngx_http_ws_add_variables,
    postconfiguration,
    ngx_http_ws_create_main_conf,
    ngx_http_ws_init_main_conf,
    nullptr,
    nullptr,
    ngx_http_ws_create_loc_conf,
    ngx_http_ws_merge_loc_conf,
};

}  // namespace

}  // namespace ngx_ws

ngx_module_t ngx_http_ws_module = {
    NGX_MODULE_V1,    &ngx_ws::http_module,
    ngx_ws::commands, NGX_HTTP_MODULE,
    nullptr,          ngx_ws::init_module,
    nullptr,          nullptr,
    nullptr,          nullptr,
    nullptr,          NGX_MODULE_V1_PADDING,
};
