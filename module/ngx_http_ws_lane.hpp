// One direction of a session: the connection that its bytes go to, and those it would not take.
#pragma once

#include "module/ngx_http_ws_buffers.hpp"

#include "ngx_ws_filter/flow_ledger.hpp"

namespace ngx_ws {

// Bytes that the kernel has of this connection and the peer has not acknowledged; of a unix socket
// those that it has not read. For TLS these are bytes of records. 0 if it cannot be told.
[[nodiscard]] size_t unacknowledged(const ngx_connection_t *c) noexcept;

class Lane {
public:
    void open(ngx_connection_t *destination, ngx_msec_t send_timeout) noexcept;

    // Writes at once what the destination takes and holds the rest; only if nothing is held. After
    // a loss bytes go nowhere.
    void write(std::span<uint8_t> bytes) noexcept;
    // Writes what is held, as much as is taken.
    void flush() noexcept;

    [[nodiscard]] bool blocked() const noexcept { return held_ != nullptr; }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    [[nodiscard]] const ws::FlowLedger &ledger() const noexcept { return ledger_; }

    // Written bytes that the peer's TCP has acknowledged. Over TLS a little less, because the
    // overhead of records under way counts against them.
    [[nodiscard]] uint64_t acknowledged() const noexcept;

    // The destination is gone: what is held is dropped.
    void lose() noexcept;

    // The send timer went off. Whether anything was acknowledged since it was armed, in which case
    // it runs again: who trickles is slow and not dead.
    [[nodiscard]] bool still_moving() noexcept;

private:
    size_t send(std::span<uint8_t> bytes) noexcept;
    void hold(std::span<uint8_t> bytes) noexcept;
    void fail() noexcept;
    void release() noexcept;
    void arm() noexcept;

    ngx_connection_t *destination_ = nullptr;
    HeldBuffer *held_ = nullptr;
    ws::FlowLedger ledger_;
    ngx_msec_t send_timeout_ = 0;
    uint64_t acknowledged_ = 0;  // when the send timer was armed
    bool lost_ = false;
};

}  // namespace ngx_ws
