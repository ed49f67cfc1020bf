#include "module/ngx_http_ws_version.hpp"
#include "module/ws_reports/answers.hpp"
#include "module/ws_reports/variables.hpp"
#include "module/ws_resume/heir.hpp"
#include "module/ws_resume/leaver.hpp"
#include "module/ws_session/drain.hpp"
#include "module/ws_settings/commands.hpp"
#include "module/ws_status/counting.hpp"
#include "module/ws_steering/post.hpp"
#include "module/ws_upgrade/origin_check.hpp"
#include "module/ws_upgrade/upgrade.hpp"

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"

namespace ngx_ws {

namespace {

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
    if (!ws::make_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "ws: libcrypto computes no SHA-1");
        return false;
    }
    if (!ws::session_key("key")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "ws: libcrypto computes no SHA-256");
        return false;
    }
    return true;
}

ngx_int_t postconfiguration(ngx_conf_t *cf) {
    if (!can_answer_handshakes(cf) || !check_status(cf) ||
        add_handler(cf, NGX_HTTP_LOG_PHASE, ngx_http_ws_count_answer) != NGX_OK ||
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
    keep_left_zones(cycle);
    begin_resume_generation();
    if (const MainConf *conf = find_main_conf(cycle); conf != nullptr) {
        begin_generation(*conf);
    }
    return NGX_OK;
}

// Other processes of nginx, its cache manager for one, have no sessions.
ngx_int_t begin_worker(ngx_cycle_t *cycle) {
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }
    const MainConf *conf = find_main_conf(cycle);
    if (conf != nullptr) {
        sit_down(*conf);
        open_post(cycle);
    }
    if (conf != nullptr && conf->drains != 0) {
        watch_for_exit(cycle);
    }
    if (conf != nullptr && conf->resumed != nullptr && ngx_process == NGX_PROCESS_WORKER) {
        open_rendezvous(cycle);
    }
    return NGX_OK;
}

void end_worker(ngx_cycle_t *) {
    close_post();
    stand_up();
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
    NGX_MODULE_V1,
    &ngx_ws::http_module,
    ngx_ws::commands.data(),
    NGX_HTTP_MODULE,
    nullptr,
    ngx_ws::init_module,
    ngx_ws::begin_worker,
    nullptr,
    nullptr,
    ngx_ws::end_worker,
    nullptr,
    NGX_MODULE_V1_PADDING,
};
