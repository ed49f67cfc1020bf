// What is written to a connection and has not arrived: how much, and how much more there may be.
#pragma once

#include "module/ws_endpoints/arrival.hpp"
#include "module/ws_endpoints/outflow.hpp"

#include "ngx_ws_filter/ws_relay/endpoint.hpp"

namespace ngx_ws {

// It lies in the kernel. The kernel is asked as rarely as can be, and told its bounds once.
class SendQueue {
public:
    // See Bounds.
    struct Options {
        const WindowConf &window;
        const WindowConf &notsent_lowat;
        bool short_close_by;
        bool nodelay;  // to be set before the first byte
    };
    SendQueue(ngx_connection_t *c, const Options &options) noexcept;

    [[nodiscard]] ngx_connection_t *connection() const noexcept { return arrival_.destination(); }

    // See ws::Endpoint.
    [[nodiscard]] bool is_full() noexcept;
    [[nodiscard]] size_t room(size_t most) noexcept;
    void lift_bounds() noexcept;
    [[nodiscard]] uint64_t acknowledged() noexcept;
    [[nodiscard]] uint64_t moved() noexcept;
    [[nodiscard]] bool knows_exactly() const noexcept { return arrival_.exact(); }

    // How many of so many bytes may be written now. All of them where the same bytes have to be
    // written again.
    [[nodiscard]] size_t sendable(size_t size, bool again) noexcept;
    // How many of these go into one write.
    [[nodiscard]] size_t piece(size_t size) noexcept { return arrival_.piece(size); }
    // What a write has come to: bytes, or NGX_AGAIN or NGX_ERROR.
    [[nodiscard]] ws::Written wrote(ssize_t n) noexcept;

    // See Arrival. So many bytes were written then.
    void go_on(uint64_t written, uint64_t arrived) noexcept {
        written_ = written;
        arrival_.go_on(arrived);
    }
    // An end follows what is written from now on.
    void follows_at_once() noexcept { nodelay_ = false; }
    void fin_sent() noexcept { arrival_.fin_sent(); }
    // See Arrival.
    void lose() noexcept { arrival_.lose(written_); }
    void forget() noexcept { arrival_.forget(); }

private:
    void prepare(size_t size) noexcept;
    void limit() noexcept;
    // Bytes that are not sent, or a few more, where `most` are to be read.
    [[nodiscard]] uint64_t unsent_beside(size_t bound, size_t most) noexcept;
    [[nodiscard]] bool is_bounded() const noexcept;
    [[nodiscard]] uint64_t pending() const noexcept { return written_ - arrival_.data(); }

    Arrival arrival_;
    Outflow outflow_;
    uint64_t written_ = 0;
    uint64_t sent_ = 0;  // of them, when the kernel was asked last
    bool nodelay_;
    bool short_close_by_;
    bool limited_ = false;  // the kernel knows the bounds
};

}  // namespace ngx_ws
