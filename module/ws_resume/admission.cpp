#include "module/ws_resume/admission.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_resume/replay_blocks.hpp"
#include "module/ws_resume/sessions.hpp"
#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

bool may_keep_another(ngx_http_request_t *r) noexcept {
    const MainConf &conf = main_conf();
    replay_blocks().limit(conf.resume_memory);
    const bool room = conf.resume_sessions == 0 || sessions().count() < conf.resume_sessions;
    const bool memory = replay_blocks().lent() < conf.resume_memory;
    if (!room || !memory) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_INFO, log.get(), 0,
                      "ws: this session cannot be resumed, %s is used up",
                      room ? "ws_resume_memory" : "ws_resume_sessions");
    }
    return room && memory;
}

bool read_bound(ngx_http_request_t *r, ngx_pool_t *pool, ngx_str_t &bound) noexcept {
    ngx_http_complex_value_t *bind = loc_conf(r).resume.bind;
    ngx_str_t value = ngx_null_string;
    if (bind == nullptr) {
        bound = value;
        return true;
    }
    if (ngx_http_complex_value(r, bind, &value) != NGX_OK) {
        return false;
    }
    bound = ngx::copy(pool, ngx::view(value));
    return bound.data != nullptr;
}

}  // namespace ngx_ws
