// What every relay needs of the worker that it lives in: memory, the pipe, and lines at the level
// debug.
#pragma once

#include "module/ws_session/buffers.hpp"

namespace ngx_ws {

class WorkerHost : public ws::Host {
public:
    [[nodiscard]] const ws::Scratch &scratch() const noexcept final { return ngx_ws::scratch(); }
    [[nodiscard]] ws::HeldBuffer *lend() noexcept final { return take_buffer(); }
    void give_back(ws::HeldBuffer *buffer) noexcept final { ngx_ws::give_back(buffer); }
    [[nodiscard]] size_t empty_pipe(std::span<uint8_t> to) noexcept final;
    void tell(ws::Order order, ws::Phase phase) noexcept final;
    void tell_ping(ws::Millis silence) noexcept final;
    void tell_pong(ws::Millis round_trip) noexcept final;
    void tell_late(ws::Deadline which, ws::Millis waited, ws::Millis silence) noexcept final;

protected:
    WorkerHost() = default;
    ~WorkerHost() = default;

private:
    // Where such lines go.
    [[nodiscard]] virtual ngx_log_t *log() const noexcept { return ngx_cycle->log; }
};

}  // namespace ngx_ws
