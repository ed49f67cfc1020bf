// What every relay needs of the worker that it lives in: memory, the pipe, counters, and lines at
// the level debug.
#pragma once

#include "module/ws_session/buffers.hpp"
#include "module/ws_status/session_report.hpp"

namespace ngx_ws {

class WorkerHost : public ws::Host {
public:
    [[nodiscard]] const ws::Scratch &scratch() const noexcept final { return ngx_ws::scratch(); }
    [[nodiscard]] ws::HeldBuffer *lend() noexcept final { return take_buffer(); }
    void give_back(ws::HeldBuffer *buffer) noexcept final { ngx_ws::give_back(buffer); }
    [[nodiscard]] ws::HeldBuffer *enlarge(ws::HeldBuffer *buffer) noexcept final {
        return ngx_ws::enlarge(buffer);
    }
    [[nodiscard]] size_t empty_pipe(std::span<uint8_t> to) noexcept final;
    void tell(ws::Order order, ws::Phase phase) noexcept final;
    void tell_phase(ws::Phase from, ws::Phase to) noexcept final;
    void tell_ping(ws::Millis silence) noexcept final;
    void tell_pong(ws::Millis round_trip) noexcept final;
    void tell_late(ws::Deadline which, ws::Millis waited, ws::Millis silence) noexcept final;

protected:
    WorkerHost() = default;
    ~WorkerHost() = default;

    // The session begins, has had a turn, and is over. `pool` lasts as long.
    void begin_report(ngx_http_request_t *r, ngx_pool_t *pool,
                      std::string_view subprotocol) noexcept {
        report_ = SessionReport::begin(r, pool, subprotocol, reporter());
    }
    void note_turn() noexcept {
        if (report_ != nullptr) {
            report_->note_turn();
        }
    }
    void end_report(const ws::Facts &facts) noexcept {
        if (report_ != nullptr) {
            std::exchange(report_, nullptr)->end(facts);
        }
    }
    void report(const ws::Facts &facts, ws::Relay &relay) noexcept { report_->take(facts, relay); }
    void end_report_here(const ws::Facts &facts) noexcept {
        if (report_ != nullptr) {
            std::exchange(report_, nullptr)->hand_over(facts);
        }
    }
    void go_on_report(const LocConf &conf, ngx_pool_t *pool,
                      const SessionReport::Past &past) noexcept {
        report_ = SessionReport::go_on(conf, pool, past, reporter());
    }
    [[nodiscard]] const SessionReport *current_report() const noexcept { return report_; }

private:
    SessionReport *report_ = nullptr;  // null: the session is not counted

    [[nodiscard]] Reporter reporter() noexcept {
        return {.report = [](void *host) noexcept { static_cast<WorkerHost *>(host)->report(); },
                .who = this};
    }
    // Some time after a turn: what has happened since the session began.
    virtual void report() noexcept {}
    // Where lines go.
    [[nodiscard]] virtual ngx_log_t *log() const noexcept { return ngx_cycle->log; }
};

}  // namespace ngx_ws
