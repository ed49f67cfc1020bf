// Whether the client is still there: pings at intervals, pongs in time, and pings that mark how far
// the client has read. RFC 6455, sections 5.5.2 and 5.5.3.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/flow_ledger.hpp"
#include "ngx_ws_filter/ws_life/ping_marker.hpp"
#include "ngx_ws_filter/ws_life/witness.hpp"
#include "ngx_ws_filter/ws_messages/session.hpp"

namespace ws {

struct LivenessOptions {
    Millis ping_interval = 0;           // 0: the client is not asked
    Millis pong_timeout = 0;            // of a ping, and of a window that only pongs reopen
    Millis idle_timeout = 0;            // 0: a quiet session stays
    bool pongs_acknowledge = false;     // ws_client_ack pong
    std::uint64_t marker_interval = 0;  // bytes between two marking pings, with pongs_acknowledge
};

class Liveness {
public:
    // All of these outlive the object.
    Liveness(const LivenessOptions &options, FlowLedger &to_client, Deadlines &deadlines) noexcept
        : options_(&options), to_client_(&to_client), deadlines_(&deadlines) {}

    void begin(Millis now) noexcept;

    // Any byte of the client came.
    void heard(Millis now) noexcept;
    // Data moved, in either direction.
    void moved(Millis now) noexcept;
    // The session has the payload of a pong.
    void on_pong(const Session &session, const Witness &witness, Millis now) noexcept;
    // Data was taken for the client: a ping may have to mark it.
    void took_for_client(Session &session, Witness &witness, Millis now) noexcept;

    // The session is over then, whatever moves.
    void expire_at(Millis at) noexcept { deadlines_->set(Deadline::expiry, at); }

    // The client has said Close: nothing more can be asked of it.
    void stop_asking() noexcept;
    // The session ends or is detached: no deadline of these matters any more, until begin().
    void stop() noexcept;

    enum class Verdict : std::uint8_t { lives, silent, idle, expired };

    // Looks at the deadlines, and sends the ping that is due.
    [[nodiscard]] Verdict check(Session &session, Witness &witness, Millis now) noexcept;

    // When data moved last.
    [[nodiscard]] Millis moved_at() const noexcept { return moved_at_; }

    // Milliseconds that the last ping took to be answered, at least 1; 0: not measured.
    [[nodiscard]] Millis round_trip() const noexcept { return round_trip_; }

private:
    static constexpr std::uint64_t nothing_under_way = UINT64_MAX;

    void send_ping(Session &session, Witness &witness, Millis now) noexcept;
    [[nodiscard]] bool excused(const Session &session, Witness &witness, Millis now) noexcept;
    [[nodiscard]] bool still_moving(Witness &witness) noexcept;

    const LivenessOptions *options_;
    FlowLedger *to_client_;
    Deadlines *deadlines_;
    [[no_unique_address]] PingMarkers markers_;  // the next two fill its last bytes
    bool asks_ = true;
    bool timing_ = false;  // the newest ping is not yet answered
    Millis heard_at_ = 0;
    Millis moved_at_ = 0;
    Millis marked_at_ = 0;
    Millis round_trip_ = 0;
    std::uint64_t read_ = 0;     // by the client's kernel, when the last ping was thought of
    std::uint64_t reached_ = 0;  // the same of all that is on the wire
    // How far both sides had come when idleness was last looked at.
    std::uint64_t under_way_at_ = nothing_under_way;
};

// Why a session does not live on, for the Close and the log.
[[nodiscard]] std::string_view words(Liveness::Verdict verdict) noexcept;

}  // namespace ws
