// One direction of a session: the connection that its bytes go to, and those it would not take.
#pragma once

#include "module/ngx_http_ws_arrival.hpp"
#include "module/ngx_http_ws_buffers.hpp"
#include "module/ngx_http_ws_pipe.hpp"

#include "ngx_ws_filter/flow_ledger.hpp"

namespace ngx_ws {

// Gives back what nginx gathers its own output in, over TLS: ssl_buffer_size. Only when all of it
// is sent; nginx makes another if it needs one.
void free_tls_buffer(ngx_connection_t *c) noexcept;

class Lane {
public:
    struct Limits {
        ngx_event_t *timer;  // for send_timeout; its owner calls still_moving() when it goes off
        ngx_msec_t send_timeout;
        // Bytes in the kernel, 0: as it likes.
        size_t kernel_window;  // not acknowledged
        size_t notsent_lowat;  // not even sent
        bool nodelay;          // tcp_nodelay
        // Bytes not confirmed by other means than the kernel, 0: not asked for. See FlowLedger.
        size_t ledger_window;
    };

    void open(ngx_connection_t *destination, const Limits &limits) noexcept;

    // How many bytes, at most `most`, to read for this lane: what the destination is likely to
    // take, so that little has to be held if it is slow.
    [[nodiscard]] size_t room(size_t most) noexcept;

    // Writes at once what the destination takes and holds the rest, at most what a scratch buffer
    // has room for. Behind what is held already it is held too. After a loss bytes go nowhere.
    void write(std::span<uint8_t> bytes) noexcept;
    // Writes control frames, which no window of the ledger counts.
    void write_control(std::span<uint8_t> bytes) noexcept;
    // Writes a header and a payload that is in a pipe, which is empty then. Only for a connection
    // without TLS, behind which nothing but the socket stands.
    void forward(std::span<uint8_t> header, Pipe &payload) noexcept;
    // Writes what is held, as much as is taken.
    void flush() noexcept;
    // Writes for the last time, past every bound of ours. What is written behind it is not bounded
    // either.
    void flush_at_last() noexcept;

    [[nodiscard]] bool blocked() const noexcept { return held_ != nullptr; }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    [[nodiscard]] const ws::FlowLedger &ledger() const noexcept { return ledger_; }

    // Written bytes that the peer's TCP is known to have acknowledged, or the peer of a unix socket
    // to have read; over TLS those of whole records.
    [[nodiscard]] uint64_t acknowledged() noexcept;
    // No more than that were acknowledged when it was last asked for.
    [[nodiscard]] bool knows_exactly() const noexcept { return arrival_.exact(); }

    // How far the connection has come, in bytes of its wire: it grows as long as anything moves.
    [[nodiscard]] uint64_t moved() noexcept;

    // Taken bytes that it is not known to have.
    [[nodiscard]] uint64_t undelivered() noexcept { return ledger_.taken() - acknowledged(); }

    // The peer's TCP has all that was written, and our FIN if there was one.
    [[nodiscard]] bool drained() const noexcept;

    // What is written from now on goes out with the FIN of finish(), which has to follow at once.
    void gather() noexcept;

    // Ends our side of the connection behind what was written. To be asked again, at the next
    // event, until it is finished(): TLS may want room for its end first.
    void finish() noexcept;
    [[nodiscard]] bool finished() const noexcept { return finished_; }

    // Ends the connection by a reset, at once. What was acknowledged stays known.
    void abort() noexcept;

    // By other means than the kernel; see FlowLedger.
    void confirm(uint64_t total) noexcept;
    [[nodiscard]] bool paused() const noexcept { return ledger_.paused(); }

    // Milliseconds in all for which the destination kept the source waiting.
    [[nodiscard]] ngx_msec_t stalled() const noexcept;

    // The destination is gone: what is held is dropped.
    void lose() noexcept;

    // The send timer went off. Whether anything was acknowledged since it was armed, in which case
    // it runs again: who trickles is slow and not dead.
    [[nodiscard]] bool still_moving() noexcept;

private:
    void prepare(size_t size) noexcept;
    void put(std::span<uint8_t> bytes) noexcept;
    // What the window leaves behind the first `total` bytes, exact if it is less than `wanted`.
    [[nodiscard]] uint64_t left_in_window(uint64_t total, size_t wanted) noexcept;
    size_t send(std::span<uint8_t> bytes) noexcept;
    size_t send(std::span<const uint8_t> header, Pipe &payload) noexcept;
    size_t note_sent(ssize_t n, size_t wanted) noexcept;
    [[nodiscard]] size_t sendable(size_t size) noexcept;
    void wait_for_room() noexcept;
    [[nodiscard]] bool say_goodbye() noexcept;
    void hold(std::span<uint8_t> bytes) noexcept;
    void fail() noexcept;
    void release() noexcept;
    void arm() noexcept;
    void note_stall() noexcept;

    ngx_connection_t *destination_ = nullptr;
    ngx_event_t *timer_ = nullptr;
    HeldBuffer *held_ = nullptr;
    ws::FlowLedger ledger_;
    Arrival arrival_;
    size_t notsent_lowat_ = 0;
    size_t window_ = 0;  // bytes in the kernel; 0: as it likes
    ngx_msec_t send_timeout_ = 0;
    uint64_t moved_ = 0;  // when the send timer was armed
    ngx_msec_t stalled_ = 0;
    ngx_msec_t stalled_since_ = 0;  // if waiting_
    bool waiting_ = false;          // blocked or paused
    bool nodelay_ = false;          // to be set before the first byte
    bool limited_ = false;          // the kernel knows the bounds
    bool begun_ = false;            // a TLS record that was not taken has to be written first
    bool finished_ = false;
    bool lost_ = false;
};

}  // namespace ngx_ws
