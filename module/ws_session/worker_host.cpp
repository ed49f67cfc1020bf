#include "module/ws_session/worker_host.hpp"

#include "module/ws_endpoints/pipe.hpp"

namespace ngx_ws {

size_t WorkerHost::empty_pipe(std::span<uint8_t> to) noexcept {
    return pipe_of_worker().read_rest(to);
}

void WorkerHost::tell(ws::Order order, ws::Phase phase) noexcept {
    [[maybe_unused]] const ngx_str_t what = ngx::str(ws::name(order));
    [[maybe_unused]] const ngx_str_t when = ngx::str(ws::name(phase));
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log(), 0, "ws: %V: %V", &when, &what);
}

void WorkerHost::tell_phase(ws::Phase from, ws::Phase to) noexcept {
    [[maybe_unused]] const ngx_str_t before = ngx::str(ws::name(from));
    [[maybe_unused]] const ngx_str_t now = ngx::str(ws::name(to));
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log(), 0, "ws: phase %V after %V", &now, &before);
}

void WorkerHost::tell_ping([[maybe_unused]] ws::Millis silence) noexcept {
    if (report_ != nullptr) {
        report_->tally().ping();
    }
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log(), 0, "ws: ping, client was silent for %M ms", silence);
}

void WorkerHost::tell_pong([[maybe_unused]] ws::Millis round_trip) noexcept {
    if (report_ != nullptr) {
        report_->tally().pong(round_trip);
    }
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log(), 0, "ws: pong after %M ms", round_trip);
}

void WorkerHost::tell_late(ws::Deadline which, [[maybe_unused]] ws::Millis waited,
                           [[maybe_unused]] ws::Millis silence) noexcept {
    if (report_ != nullptr) {
        report_->tally().late(which);
    }
    switch (which) {
        case ws::Deadline::idle:
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log(), 0, "ws: ws_idle_timeout: no data for %M ms",
                           waited);
            break;
        case ws::Deadline::pong:
        case ws::Deadline::acknowledgement:
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log(), 0,
                           "ws: ws_pong_timeout: no pong for %M ms, client silent for %M ms",
                           waited, silence);
            break;
        case ws::Deadline::expiry:
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, log(), 0,
                           "ws: ws_max_duration or ws_expires: the session's time is over");
            break;
        case ws::Deadline::client:
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, log(), 0,
                           "ws: ws_send_timeout: the client has acknowledged nothing");
            break;
        case ws::Deadline::backend:
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, log(), 0,
                           "ws: ws_send_timeout: the backend has acknowledged nothing");
            break;
        default:
            break;
    }
}

}  // namespace ngx_ws
