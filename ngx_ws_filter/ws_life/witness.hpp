// What the life of a session can ask of the outside: how the connections' buffers stand, what the
// kernel knows, and memory.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/phase.hpp"
#include "ngx_ws_filter/ws_life/ping_receipts.hpp"

#include <cstdint>

namespace ws {

// What costs nothing to know.
struct Standing {
    bool to_client_blocked = false;   // bytes, or our end, wait for room towards the client
    bool to_backend_blocked = false;  // the same towards the backend
    bool to_client_full = false;      // nothing is read for the client until it acknowledges more
    bool to_backend_full = false;     // the same for the backend
    bool client_lost = false;         // nothing can be written to the client any more
    bool backend_lost = false;        // the same towards the backend
    bool client_finished = false;     // our FIN to the client stands behind all that was written
    bool backend_finished = false;    // the same to the backend
    bool rest_waits = false;          // bytes of the client are read and not yet translated
    bool upload_waits = false;        // the client is not read for a while, because of its rate
    bool must_be_polled = false;      // a connection that breaks behind its end does not tell
    std::uint64_t to_client = 0;      // bytes of data written to the client
    std::uint64_t to_backend = 0;     // the same to the backend
    std::uint64_t held = 0;           // payload of the client that a framing holds until a message
                                      // is whole
};

// Most of these cost a system call, so that they are asked only when the answer matters. The
// functions are defined, and say nothing, only because a pure one would need the C++ run-time
// library. A question that the kernel does not answer acknowledges nothing.
class Witness {
public:
    [[nodiscard]] virtual Standing standing() const noexcept { return {}; }

    // Bytes of data for this side, client or backend, that its transport is known to have
    // acknowledged since the beginning.
    [[nodiscard]] virtual std::uint64_t acknowledged(Side) noexcept { return 0; }
    // No more than that had arrived at the backend when it was last asked.
    [[nodiscard]] virtual bool knows_exactly() const noexcept { return true; }
    // How far this side's connection has come: it grows as long as anything moves.
    [[nodiscard]] virtual std::uint64_t moved(Side) noexcept { return 0; }
    // Whether anything is written to this side and not acknowledged.
    [[nodiscard]] virtual bool is_under_way(Side) noexcept { return false; }
    // Whether the backend's transport has acknowledged all that was written, our end included.
    // Asked only where nothing is blocked towards the backend, and it is not lost.
    [[nodiscard]] virtual bool backend_has_all() noexcept { return false; }
    // Whether bytes of the client have arrived that nobody has read.
    [[nodiscard]] virtual bool client_has_more() const noexcept { return false; }

    // Null if there is no memory. What is lent has to be given back.
    [[nodiscard]] virtual WaitingPings *lend_pings() noexcept { return nullptr; }
    virtual void give_back(WaitingPings &) noexcept {}

    // For a log at the level debug: the session goes from one phase to the next.
    virtual void tell_phase(Phase /*from*/, Phase /*to*/) const noexcept {}
    // For the same log: the client was silent for so long and is sent a ping; a pong has taken so
    // long.
    virtual void tell_ping(Millis) const noexcept {}
    virtual void tell_pong(Millis) const noexcept {}
    // This deadline has ended the session: what it is for was waited for so long, and the client
    // has been silent for so long.
    virtual void tell_late(Deadline, Millis /*waited*/, Millis /*silence*/) const noexcept {}

protected:
    Witness() = default;
    ~Witness() = default;
};

}  // namespace ws
