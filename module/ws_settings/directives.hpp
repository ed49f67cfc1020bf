// The table of all directives. Commands, inheritance and defaults come from it (commands.cpp), and
// the reference in docs/directives/ is compared with it.
#pragma once

#include "module/ws_settings/conf.hpp"
#include "module/ws_settings/directive.hpp"
#include "module/ws_settings/origin_rules.hpp"

#include "ngx_ws_filter/ws_frames/frame.hpp"

namespace ngx_ws {

constexpr Word frame_types[] = {{"text", ws::Opcode::text}, {"binary", ws::Opcode::binary}};

constexpr Word text_errors[] = {{"close", TextErrors::close}, {"replace", TextErrors::replace}};

constexpr Word client_acks[] = {{"kernel", ClientAck::kernel}, {"pong", ClientAck::pong}};

constexpr Word proxy_protocols[] = {
    {"off", ProxyProtocol::off}, {"v1", ProxyProtocol::v1}, {"v2", ProxyProtocol::v2}};

constexpr Word switches[] = {{"on", true}, {"off", false}};

constexpr Word failures[] = {{"error", NGX_HTTP_UPSTREAM_FT_ERROR},
                             {"timeout", NGX_HTTP_UPSTREAM_FT_TIMEOUT},
                             {"off", NGX_HTTP_UPSTREAM_FT_OFF}};

constexpr auto default_failures = NGX_HTTP_UPSTREAM_FT_ERROR | NGX_HTTP_UPSTREAM_FT_TIMEOUT;

#if (NGX_HTTP_SSL)
constexpr Word ssl_versions[] = {{"SSLv2", NGX_SSL_SSLv2},     {"SSLv3", NGX_SSL_SSLv3},
                                 {"TLSv1", NGX_SSL_TLSv1},     {"TLSv1.1", NGX_SSL_TLSv1_1},
                                 {"TLSv1.2", NGX_SSL_TLSv1_2}, {"TLSv1.3", NGX_SSL_TLSv1_3}};

constexpr auto default_ssl_versions =
    NGX_SSL_TLSv1 | NGX_SSL_TLSv1_1 | NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3;
#endif

constexpr Accepted any_size = {};
constexpr Accepted at_least_4k = {4096, NGX_MAX_INT_T_VALUE, "a size of at least 4k"};
constexpr Accepted at_least_64k = {64 * 1024, NGX_MAX_INT32_VALUE, "a size from 64k to 2047m"};
constexpr Accepted one_to_nine = {1, 9, "a number from 1 to 9"};
constexpr Accepted window_bits = {9, 15, "a number from 9 to 15"};

constexpr ngx_msec_t seconds = 1000;
constexpr size_t kib = 1024;
constexpr size_t mib = 1024 * kib;
constexpr bool on = true;
constexpr bool off = false;

// Name, kind, field, what holds without it, which values there are, and where it may stand.
inline constexpr Directive directives[] = {
    {"ws_pass", Kind::pass, 0, {}, {}, Place::location},

    {"ws_origin", Kind::origin, 0, default_origins},
    {"ws_origin_report_only", Kind::flag, offsetof(LocConf, origin.report_only), off},
    {"ws_subprotocol", Kind::subprotocol},

    {"ws_frame_type", Kind::word_or_variable, offsetof(LocConf, frame_type), ws::Opcode::binary,
     frame_types},
    {"ws_text_errors", Kind::word, offsetof(LocConf, text_errors), TextErrors::close, text_errors},
    {"ws_framing", Kind::framing, offsetof(LocConf, framing), "stream"},
    {"ws_max_message_size", Kind::max_message_size, offsetof(LocConf, max_message_size), 0},
    {"ws_buffer_size", Kind::size, offsetof(MainConf, buffer_size), 128 * kib, at_least_4k,
     Place::http},

    {"ws_backend_window", Kind::window, offsetof(LocConf, flow.backend_window), 4 * mib},
    {"ws_client_window", Kind::window, offsetof(LocConf, flow.client_window), 4 * mib},
    {"ws_notsent_lowat", Kind::window, offsetof(LocConf, flow.notsent_lowat), 4 * mib},
    {"ws_client_rcvbuf", Kind::window, offsetof(LocConf, flow.client_rcvbuf), 4 * mib},
    {"ws_backend_rcvbuf", Kind::window, offsetof(LocConf, flow.backend_rcvbuf), 4 * mib},
    {"ws_client_ack", Kind::word, offsetof(LocConf, flow.client_ack), ClientAck::kernel,
     client_acks},
    {"ws_ack_interval", Kind::size, offsetof(LocConf, flow.ack_interval), 0},
    {"ws_receipts", Kind::flag, offsetof(LocConf, flow.receipts), on},
    {"ws_half_close", Kind::flag, offsetof(LocConf, flow.half_close), off},
    {"ws_upload_rate", Kind::size_value, offsetof(LocConf, flow.upload_rate), "0"},
    {"ws_download_rate", Kind::size_value, offsetof(LocConf, flow.download_rate), "0"},

    {"ws_deflate", Kind::flag_or_variable, offsetof(LocConf, deflate.on), off, switches},
    {"ws_deflate_level", Kind::number, offsetof(LocConf, deflate.level), 1, one_to_nine},
    {"ws_deflate_window_bits", Kind::number, offsetof(LocConf, deflate.window_bits), 15,
     window_bits},
    {"ws_deflate_memory_level", Kind::number, offsetof(LocConf, deflate.memory_level), 5,
     one_to_nine},
    {"ws_deflate_context_takeover", Kind::flag, offsetof(LocConf, deflate.context_takeover), off},
    {"ws_deflate_min_length", Kind::size, offsetof(LocConf, deflate.min_length), 128},
    {"ws_deflate_memory", Kind::size, offsetof(MainConf, deflate_memory), 64 * mib, any_size,
     Place::http},

    {"ws_resume", Kind::resume, offsetof(LocConf, resume.mode), "off"},
    {"ws_resume_timeout", Kind::time, offsetof(LocConf, resume.timeout), 60 * seconds},
    {"ws_resume_buffer", Kind::size, offsetof(LocConf, resume.buffer), 256 * kib, at_least_64k},
    {"ws_resume_bind", Kind::value, offsetof(LocConf, resume.bind)},
    {"ws_resume_memory", Kind::size, offsetof(MainConf, resume_memory), 64 * mib, any_size,
     Place::http},
    {"ws_resume_sessions", Kind::number, offsetof(MainConf, resume_sessions), 0, any_size,
     Place::http},
    {"ws_resume_node", Kind::resume_node, offsetof(MainConf, resume_node), "-", any_size,
     Place::http},

    {"ws_ping_interval", Kind::time_or_never, offsetof(LocConf, times.ping_interval), 30 * seconds},
    {"ws_pong_timeout", Kind::time, offsetof(LocConf, times.pong_timeout), 20 * seconds},
    {"ws_idle_timeout", Kind::time_or_never, offsetof(LocConf, times.idle_timeout), 0},
    {"ws_send_timeout", Kind::time, offsetof(LocConf, times.send_timeout), 60 * seconds},
    {"ws_close_timeout", Kind::time, offsetof(LocConf, times.close_timeout), 10 * seconds},
    {"ws_close_time", Kind::time, offsetof(LocConf, times.close_time), 600 * seconds},

    {"ws_max_duration", Kind::time_or_never, offsetof(LocConf, times.max_duration), 0},
    {"ws_expires", Kind::value, offsetof(LocConf, times.expires)},
    {"ws_drain_time", Kind::time_or_never, offsetof(LocConf, times.drain_time), 0},

    {"ws_session_key", Kind::value, offsetof(LocConf, steering.key)},
    {"ws_limit_sessions", Kind::limit_sessions, offsetof(LocConf, steering.limit), "0"},
    {"ws_control", Kind::control, 0, {}, {}, Place::location},

    {"ws_zone", Kind::zone, 0, {}, {}, Place::http},
    {"ws_status_zone", Kind::text, offsetof(LocConf, status.name)},
    {"ws_status", Kind::status, 0, {}, {}, Place::location},

    {"ws_connect_timeout", Kind::time, offsetof(LocConf, upstream.connect_timeout), 60 * seconds},
    {"ws_next_upstream", Kind::words, offsetof(LocConf, upstream.next_upstream), default_failures,
     failures},
    {"ws_next_upstream_tries", Kind::number, offsetof(LocConf, upstream.next_upstream_tries), 0},
    {"ws_next_upstream_timeout", Kind::time_or_never,
     offsetof(LocConf, upstream.next_upstream_timeout), 0},
    {"ws_bind", Kind::bind, offsetof(LocConf, upstream.local)},
    {"ws_socket_keepalive", Kind::flag, offsetof(LocConf, upstream.socket_keepalive), off},
    {"ws_proxy_protocol", Kind::word, offsetof(LocConf, proxy_protocol.version), ProxyProtocol::off,
     proxy_protocols},

#if (NGX_HTTP_SSL)
    {"ws_ssl", Kind::flag, offsetof(LocConf, tls.on), off},
    {"ws_ssl_session_reuse", Kind::flag, offsetof(LocConf, upstream.ssl_session_reuse), on},
    {"ws_ssl_protocols", Kind::words, offsetof(LocConf, tls.protocols), default_ssl_versions,
     ssl_versions},
    {"ws_ssl_ciphers", Kind::text, offsetof(LocConf, tls.ciphers), "DEFAULT"},
    {"ws_ssl_name", Kind::value, offsetof(LocConf, upstream.ssl_name)},
    {"ws_ssl_server_name", Kind::flag, offsetof(LocConf, upstream.ssl_server_name), off},
    {"ws_ssl_verify", Kind::flag, offsetof(LocConf, upstream.ssl_verify), off},
    {"ws_ssl_verify_depth", Kind::number, offsetof(LocConf, tls.verify_depth), 1},
    {"ws_ssl_trusted_certificate", Kind::text, offsetof(LocConf, tls.trusted_certificate)},
    {"ws_ssl_crl", Kind::text, offsetof(LocConf, tls.crl)},
    {"ws_ssl_certificate", Kind::value_or_nothing, offsetof(LocConf, upstream.ssl_certificate)},
    {"ws_ssl_certificate_key", Kind::value_or_nothing,
     offsetof(LocConf, upstream.ssl_certificate_key)},
    {"ws_ssl_password_file", Kind::ssl_password_file, offsetof(LocConf, upstream.ssl_passwords)},
    {"ws_ssl_require_close_notify", Kind::flag, offsetof(LocConf, tls.require_close_notify), off},
    {"ws_ssl_conf_command", Kind::ssl_conf_command, offsetof(LocConf, tls.conf_commands)},
#endif
};

}  // namespace ngx_ws
