// What nginx.conf says: the settings of a location and of the whole http block.
#pragma once

#include "module/ws_settings/choice.hpp"
#include "module/ws_settings/deflate_conf.hpp"
#include "module/ws_settings/framing_conf.hpp"
#include "module/ws_settings/lines.hpp"
#include "module/ws_settings/pass.hpp"
#include "module/ws_settings/proxy_protocol_conf.hpp"
#include "module/ws_settings/resume_conf.hpp"
#include "module/ws_settings/steering_conf.hpp"
#include "module/ws_settings/window_conf.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

struct OriginRule;
struct StatusZone;

// What counts as the client's acknowledgement.
enum class ClientAck : ngx_uint_t { kernel, pong };

// What is done where text was promised and the backend says other bytes.
enum class TextErrors : ngx_uint_t { close, replace };

// So many bytes nginx has room for at first, of what a backend says before it was seen to be
// connected.
constexpr size_t early_bytes_size = 480;

struct LocConf;

// A location whose sessions can be resumed.
struct ResumedPlace {
    const ngx_http_core_srv_conf_t *server;
    const ngx_http_core_loc_conf_t *location;
    const LocConf *conf;
};

// Plain, because setters write into them by offset. directives.hpp says which directive is kept in
// which field.
struct MainConf {
    size_t buffer_size;     // bytes read at a time, and held when one side is slow
    size_t deflate_memory;  // bytes that sessions may hold for compression

    ngx_shm_zone_t *zone;      // ws_zone, or null
    ngx_array_t status_zones;  // of StatusZone *: all names of it
    ngx_cycle_t *cycle;        // of this configuration
    Line needs_zone;           // the last ws_status or ws_control; its directive is empty: none

    // What one worker may keep, and the name of this node.
    size_t resume_memory;        // bytes that may have to be sent again
    ngx_uint_t resume_sessions;  // that can be resumed; 0: any number
    ngx_str_t resume_node;

    ngx_flag_t drains;     // any location has a ws_drain_time, or sessions that can be resumed
    ngx_array_t *resumed;  // of ResumedPlace; null: none
};

struct OriginConf {
    ngx_array_t *rules;  // of OriginRule
    ngx_str_t text;      // the same as written, for the log
    ngx_flag_t guards;   // ws_origin is written in this very location
    ngx_flag_t report_only;
};

struct SubprotocolConf {
    ngx_array_t *names;  // of std::string_view; empty: the client's first offer
    ngx_flag_t required;
};

struct FlowConf {
    WindowConf backend_window;  // in our kernel and not acknowledged by the backend
    WindowConf client_window;   // the same for the client
    WindowConf notsent_lowat;   // of either, not even sent
    WindowConf client_rcvbuf;   // taken by our kernel from the client ahead of us
    WindowConf backend_rcvbuf;  // and from the backend

    ngx_uint_t client_ack;  // a ClientAck
    size_t ack_interval;    // bytes between two markers; 0: a quarter of client_window
    ngx_flag_t receipts;
    ngx_flag_t half_close;

    ngx_http_complex_value_t *upload_rate;    // bytes a second; or null
    ngx_http_complex_value_t *download_rate;  // the same
};

struct TimeConf {
    ngx_msec_t ping_interval;  // 0: no pings
    ngx_msec_t pong_timeout;
    ngx_msec_t idle_timeout;  // 0: none
    ngx_msec_t send_timeout;
    ngx_msec_t close_timeout;  // without progress
    ngx_msec_t close_time;     // in all
    ngx_msec_t max_duration;   // 0: none
    ngx_http_complex_value_t *expires;
    ngx_msec_t drain_time;  // 0: sessions stay with a worker that is told to go
};

// What ws_ssl and its kin say, and nginx's upstream has no field for.
struct TlsConf {
    ngx_flag_t on;
    ngx_flag_t require_close_notify;
    ngx_uint_t protocols;
    ngx_str_t ciphers;
    ngx_uint_t verify_depth;
    ngx_str_t trusted_certificate;
    ngx_str_t crl;
    ngx_array_t *conf_commands;
};

struct StatusConf {
    ngx_str_t name;    // empty: the server's
    StatusZone *zone;  // where the sessions are counted, or null
};

// What all of it makes for each session of the location: raw ones, those that can be resumed, and
// among them those whose clients bear no ping.
struct RelayConf {
    ws::RelayOptions raw;
    ws::RelayOptions resumed;
    ws::RelayOptions unpinged;
};

struct LocConf {
    Lines lines;

    ngx_http_upstream_conf_t upstream;  // ws_pass, ws_connect_timeout, ws_next_upstream, ...
    ngx_http_complex_value_t *target;   // ws_pass with variables, or null
    PassConf pass;                      // ws_pass of this very location
    ProxyProtocolConf proxy_protocol;
    OriginConf origin;
    SubprotocolConf subprotocol;

    Choice frame_type;        // a ws::Opcode, text or binary
    ngx_uint_t text_errors;   // a TextErrors
    size_t max_message_size;  // bytes; 0: no limit; see FramingConf
    FramingConf framing;
    DeflateConf deflate;

    FlowConf flow;
    TimeConf times;
#if (NGX_HTTP_SSL)
    TlsConf tls;
#endif
    StatusConf status;
    ResumeConf resume;
    SteeringConf steering;
    RelayConf relay;
};

extern "C" {
void *ngx_http_ws_create_main_conf(ngx_conf_t *cf);
char *ngx_http_ws_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_ws_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_ws_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
}

// The settings that the worker runs with.
[[nodiscard]] const MainConf &main_conf() noexcept;

// The settings of a configuration as a whole; null if it has no http block.
[[nodiscard]] MainConf *find_main_conf(const ngx_cycle_t *cycle) noexcept;

// The location of this name in the server of this name, among those of the configuration; null if
// there is none.
[[nodiscard]] const ResumedPlace *find_resumed(const MainConf &conf, std::string_view server,
                                               std::string_view location) noexcept;

[[nodiscard]] inline bool repairs_text(const LocConf &conf) noexcept {
    return conf.text_errors == static_cast<ngx_uint_t>(TextErrors::replace);
}

[[nodiscard]] inline const LocConf &loc_conf(ngx_http_request_t *r) noexcept {
    return *static_cast<LocConf *>(ngx_http_get_module_loc_conf(r, ngx_http_ws_module));
}

}  // namespace ngx_ws
