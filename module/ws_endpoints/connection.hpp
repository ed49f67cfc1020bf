// One side's connection of nginx as an endpoint of a relay: plain TCP or a unix socket.
#pragma once

#include "module/ws_endpoints/intake.hpp"
#include "module/ws_endpoints/pipe.hpp"
#include "module/ws_endpoints/send_queue.hpp"

#include "ngx_ws_filter/ws_relay/endpoint.hpp"

namespace ngx_ws {

// Bytes in the kernel.
struct Bounds {
    WindowConf window;         // written and not acknowledged
    WindowConf notsent_lowat;  // not even sent
    WindowConf rcvbuf;         // received ahead of us

    // A peer on this machine has no path that these could follow.
    bool short_close_by = false;  // the window to it is a fixed one
    bool wide_close_by = false;   // more is received from it ahead of us
};

class Connection;
[[nodiscard]] bool watch(Connection &endpoint, bool waits_for_room) noexcept;
[[nodiscard]] bool is_news(const Connection &endpoint, const ngx_event_t *ev) noexcept;

class Connection : public ws::Endpoint {
public:
    // `early`: what nginx has read already; it lasts as long as the object. `counter`: where the
    // bytes that are received are counted besides, or null.
    Connection(ngx_connection_t *c, const Bounds &bounds, bool nodelay, std::span<uint8_t> early,
               off_t *counter) noexcept;

    [[nodiscard]] bool readable() const noexcept override;
    [[nodiscard]] ws::Read read(std::span<uint8_t> to) noexcept override;
    [[nodiscard]] ws::Read read_apart(std::span<uint8_t> to, ws::Spacing places) noexcept override;
    [[nodiscard]] ws::Read discard(std::span<uint8_t> to) noexcept override;
    [[nodiscard]] bool takes_pipe() const noexcept override;
    [[nodiscard]] size_t fill_pipe(size_t most) noexcept override;

    [[nodiscard]] bool is_full() noexcept override { return queue_.is_full(); }
    [[nodiscard]] size_t room(size_t most) noexcept override { return queue_.room(most); }
    [[nodiscard]] ws::Written write(std::span<uint8_t> bytes) noexcept override;
    [[nodiscard]] ws::Written write_header(std::span<uint8_t> bytes) noexcept override;
    [[nodiscard]] ws::Written drain_pipe(size_t size) noexcept override;
    void lift_bounds() noexcept override;
    void gather() noexcept override;
    [[nodiscard]] bool finish() noexcept override;
    void abort() noexcept override;
    void lose(bool breaks) noexcept override;

    [[nodiscard]] uint64_t acknowledged() noexcept override { return queue_.acknowledged(); }
    [[nodiscard]] bool knows_exactly() const noexcept override { return queue_.knows_exactly(); }
    [[nodiscard]] uint64_t moved() noexcept override { return queue_.moved(); }
    [[nodiscard]] bool drained() const noexcept override;
    [[nodiscard]] bool has_unread() const noexcept override;
    [[nodiscard]] bool is_broken() const noexcept override;
    [[nodiscard]] bool may_have_broken() noexcept override;
    [[nodiscard]] bool is_polled() const noexcept override;

    // To be called behind each turn of the session, in which something may have found no room: asks
    // for the events that are wanted. False if nginx cannot.
    friend bool watch(Connection &endpoint, bool waits_for_room) noexcept;
    // Most events of a connection tell besides that there is room in the kernel, for which nginx
    // calls a second handler. If nobody waits for room, that is no news.
    friend bool is_news(const Connection &endpoint, const ngx_event_t *ev) noexcept;

protected:
    // What a TLS connection does in another way.
    [[nodiscard]] virtual ssize_t send(std::span<uint8_t> bytes) noexcept;
    // TLS wants as many bytes again as it could not write before.
    [[nodiscard]] virtual bool repeats() const noexcept { return false; }
    [[nodiscard]] virtual ws::Came end_of_stream() const noexcept { return ws::Came::end; }

    [[nodiscard]] ngx_connection_t *connection() const noexcept { return queue_.connection(); }

private:
    friend struct MovedConnection;

    std::span<uint8_t> early_;
    off_t *counter_;
    Intake intake_;
    [[no_unique_address]] SendQueue queue_;  // what stands behind it fills its last bytes
    bool gathers_ = false;
    bool had_room_ = false;  // behind the last turn
    bool finished_ = false;
    bool aborted_ = false;
};

// Unread bytes would turn the close of the connection into a reset.
void drop_unread(ngx_connection_t *c) noexcept;

}  // namespace ngx_ws
