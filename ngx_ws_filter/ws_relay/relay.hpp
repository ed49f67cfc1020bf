// A session from its 101 to its end: frames to bytes and bytes to frames, both ways at once,
// between two connections that somebody else has made.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/pace.hpp"
#include "ngx_ws_filter/ws_relay/facts.hpp"
#include "ngx_ws_filter/ws_relay/lane.hpp"
#include "ngx_ws_filter/ws_relay/rest.hpp"
#include "ngx_ws_filter/ws_relay/resume_translator.hpp"
#include "ngx_ws_filter/ws_relay/translator.hpp"

namespace ws {

struct RelayOptions {
    TunnelOptions tunnel;
    std::uint64_t client_window = 0;  // see FlowLedger; only pongs, or a client's ACKs, reopen it
};

// What the next leg of a session brings. What it names outlives the leg.
struct Leg {
    Session *session;  // nothing was said in it
    Endpoint *client;
    Host *host;
    Greeting greeting;
    std::uint64_t client_has;  // see ResumeTranslator::check_ack()
};

// A detached session as another process goes on with it: all but its connection, and the bytes that
// are held for either side.
struct KeptRelay {
    Waiting waiting;
    Flow to_backend;
    ResumeTranslator::Kept streams;
    std::uint64_t bytes_in;
    std::uint64_t bytes_out;
    std::uint64_t upload_rate;
    std::uint64_t download_rate;
};

// What stands for the session of a leg while there is none: nothing is said in it.
[[nodiscard]] Session &absent_session() noexcept;

// Everything that can happen leads to advance(), which moves what can be moved in both directions
// and then carries out what the tunnel orders. It asks only for the state of things and not for
// what woke it, so that no event can be missed or taken twice. The driver calls it whenever one of
// the connections or a timer tells something, arms a timer for wake_at() after each call, and
// closes both connections once a call has returned Turn::over.
class Relay final : private Witness {
public:
    // All of these outlive the object.
    Relay(const RelayOptions &options, Session &session, Translator &translator, Endpoint &client,
          Endpoint &backend, Host &host) noexcept;

    // `parted`: the client's connection has been left, and is to be closed; the session waits for
    // the next one.
    enum class Turn : std::uint8_t { goes_on, parted, over };

    // Makes the session one that outlives its legs, before its first turn. The translator is the
    // one that the relay was made with; the host is the one between two legs.
    void outlive_legs(ResumeTranslator &translator, Host &keeper, const Legs &legs) noexcept;
    // Leaves the leg, if there is one, with this Close (abnormal: without one), for another leg or
    // because the worker goes. False if the session ends with it: then stop() is to be called.
    [[nodiscard]] bool part(CloseCode code, std::string_view why, Millis now) noexcept;
    // The session ends with its leg from now on; at once, if it is detached.
    void keep_no_longer(Millis now) noexcept;
    // While detached. The second is called in the other process in place of a first turn, behind
    // outlive_legs(), and looks at no client; false if there is no memory. Behind the third nothing
    // else may be called: the backend's connection is somebody else's.
    [[nodiscard]] KeptRelay kept(Millis now) noexcept;
    [[nodiscard]] bool go_on(const KeptRelay &kept, std::span<const std::uint8_t> held,
                             std::span<const std::uint8_t> replay, Millis now) noexcept;
    void hand_over() noexcept;
    [[nodiscard]] std::span<const std::uint8_t> held_for_backend() const noexcept {
        return to_backend_.held();
    }
    // The next leg, while detached. Its 101 is due.
    void attach(const Leg &leg) noexcept;
    // The leg was left, and all that it has brought may go.
    void leave_session() noexcept;

    [[nodiscard]] Turn advance(Millis now) noexcept;
    [[nodiscard]] Millis wake_at() const noexcept {
        return std::min(
            {tunnel_.wake_at(), upload_.wake_at(), download_.wake_at(), look_again_at_});
    }

    // See Tunnel. Before the first turn of a leg.
    void expire_at(Millis at) noexcept { tunnel_.expire_at(at); }
    // So many bytes a second are read from the client, and from the backend, while the session goes
    // on; 0: as many as come. Before the first turn.
    void set_rates(std::uint64_t upload, std::uint64_t download, Millis now) noexcept {
        upload_.set_rate(upload, now);
        download_.set_rate(download, now);
    }
    // The gateway ends the session, for a reason of its own, which outlives it. All legs, if there
    // may be more than one.
    void end(CloseCode code, std::string_view why, Millis now) noexcept {
        tunnel_.close(Side::gateway, code, why, now);
    }
    // Both connections are about to be closed before the session has come to its end: tells both
    // sides as well as can be at once. See Tunnel::stop().
    void stop(CloseCode code, std::string_view why, Millis now) noexcept;
    // Both connections are being closed, whoever decided it: counts what is lost, gives back what
    // is held, and resets the backend if its stream was cut. Nothing else may be called afterwards
    // but what tells of the session.
    void release(Millis now) noexcept;

    [[nodiscard]] Facts facts(Millis now) const noexcept;
    // Payload taken for this side, client or backend, that it has not acknowledged. Asks its
    // transport.
    [[nodiscard]] std::uint64_t unacknowledged(Side side) noexcept {
        Lane &lane = lane_to(side);
        return lane.ledger().taken() - std::min(lane.acknowledged(), lane.ledger().taken());
    }
    [[nodiscard]] const Tunnel &tunnel() const noexcept { return tunnel_; }
    // Something waits until this side's connection has room.
    [[nodiscard]] bool waits_for_room(Side side) const noexcept {
        return (side == Side::client ? to_client_ : to_backend_).blocked();
    }
    [[nodiscard]] const FlowLedger &to_client() const noexcept { return to_client_.ledger(); }
    [[nodiscard]] const FlowLedger &to_backend() const noexcept { return to_backend_.ledger(); }
    // The backend does not take what it is given.
    [[nodiscard]] bool is_stuck() const noexcept { return to_backend_.blocked(); }

private:
    [[nodiscard]] Receipt receipt() const noexcept;

    // Reads in one turn, before the other sessions of the worker have theirs.
    static constexpr unsigned max_reads = 8;

    [[nodiscard]] Standing standing() const noexcept override;
    [[nodiscard]] std::uint64_t acknowledged(Side side) noexcept override {
        return lane_to(side).acknowledged();
    }
    [[nodiscard]] bool knows_exactly() const noexcept override {
        return to_backend_.knows_exactly();
    }
    [[nodiscard]] std::uint64_t moved(Side side) noexcept override { return lane_to(side).moved(); }
    [[nodiscard]] bool is_under_way(Side side) noexcept override {
        return !(side == Side::client ? client_ : backend_)->drained();
    }
    [[nodiscard]] bool backend_has_all() noexcept override { return backend_->drained(); }
    [[nodiscard]] Lane &lane_to(Side side) noexcept {
        return side == Side::client ? to_client_ : to_backend_;
    }
    [[nodiscard]] bool client_has_more() const noexcept override { return client_->has_unread(); }
    [[nodiscard]] WaitingPings *lend_pings() noexcept override;
    void give_back(WaitingPings &pings) noexcept override;
    void tell_phase(Phase from, Phase to) const noexcept override { host_->tell_phase(from, to); }
    void tell_ping(Millis silence) const noexcept override { host_->tell_ping(silence); }
    void tell_pong(Millis round_trip) const noexcept override { host_->tell_pong(round_trip); }
    void tell_late(Deadline which, Millis waited, Millis silence) const noexcept override {
        host_->tell_late(which, waited, silence);
    }

    [[nodiscard]] bool has_no_order() const noexcept;
    [[nodiscard]] Turn carry_out_orders(Millis now) noexcept;
    void carry_out(Order order, Millis now) noexcept;
    void look_behind_ends(Millis now) noexcept;
    [[nodiscard]] bool is_attached() const noexcept;
    [[nodiscard]] bool may_speak() const noexcept;
    // The session is detached, and the client's connection not yet left.
    [[nodiscard]] bool is_parting() const noexcept {
        return tunnel_.phase() == Phase::detached && host_ != keeper_;
    }
    void leave_client(Millis now) noexcept;
    [[nodiscard]] bool takes_more() const noexcept;
    void on_command(Event event, Millis now) noexcept;
    void drop_commands(std::span<std::uint8_t> received, Millis now) noexcept;
    void use(Session &session) noexcept;
    void ask_for_client(Millis now) noexcept;
    void send_commands(bool last, Millis now) noexcept;
    void note_memory(Millis now) noexcept;
    void give_pongs(Millis now) noexcept;
    [[nodiscard]] bool is_answered(Millis now) noexcept;

    // How many bytes may be read now from the side that this pace is for; 0: the pace says when.
    [[nodiscard]] static std::size_t paced(Pace &pace, Use use, std::size_t most,
                                           Millis now) noexcept {
        return pace.is_set() && use == Use::relay ? pace.allowed(most, now) : most;
    }

    // Whether nothing should be taken for it now. Then it is asked again soon.
    [[nodiscard]] bool is_full(Lane &lane, Millis now) noexcept;
    void pump_to_backend(Millis now) noexcept;
    [[nodiscard]] bool read_client(Millis now) noexcept;
    void on_client_end(Came came, Millis now) noexcept;
    void take_from_client(std::span<std::uint8_t> received, Millis now) noexcept;
    void translate(std::span<std::uint8_t> received, Millis now) noexcept;
    [[nodiscard]] Event walk(Passage &passage, Millis now) noexcept;
    void drop(std::span<std::uint8_t> received, Millis now) noexcept;

    void pump_to_client(Millis now) noexcept;
    // While the client is not read, because the backend is stuck, the pong that would reopen the
    // window may stand behind what waits, and behind its Close a client sends none: then only the
    // kernel's window counts, or everybody would wait in a circle.
    [[nodiscard]] bool waits_for_client() const noexcept {
        if (resume_ != nullptr) {
            return resume_->sends_again() || resume_->most(host_->scratch()) == 0;
        }
        const bool reads_client =
            !to_backend_.blocked() && !to_backend_.full() && !rest_.waits() && !upload_.waits();
        return to_client_.paused() && reads_client && !session_->close_received();
    }
    [[nodiscard]] bool read_backend(Millis now) noexcept;
    [[nodiscard]] bool ack_joins(unsigned reads, Millis now) noexcept;
    [[nodiscard]] Read read_backend_for(Use use, std::span<std::uint8_t> room) noexcept;
    [[nodiscard]] bool splice_backend(Millis now) noexcept;
    void take_from_backend(std::span<std::uint8_t> received, Millis now) noexcept;
    [[nodiscard]] std::string_view send_kept(Frames frames, Side at_fault, Millis now) noexcept;
    void send(const Frames &frames, Side at_fault, Millis now) noexcept;
    void send_due(Millis now) noexcept;
    void on_backend_end(Came came, Millis now) noexcept;
    void lose_backend(Millis now) noexcept;
    void read_what_is_left(Millis now) noexcept;

    static constexpr Millis shortest_pause = 2;
    static constexpr Millis longest_pause = 16;

    Session *session_;
    Translator *translator_;
    Endpoint *client_;
    Endpoint *backend_;
    Host *host_;
    Host *keeper_ = nullptr;              // lends between two legs
    ResumeTranslator *resume_ = nullptr;  // the translator, of a session that outlives its legs
    Lane to_client_;
    Lane to_backend_;
    Tunnel tunnel_;
    Pace upload_;                              // of what the client says
    Pace download_;                            // of what the backend says
    Millis look_again_at_ = Deadlines::never;  // a destination was full
    Rest rest_;                                // of what the client sent
    std::uint64_t bytes_in_ = 0;               // payload taken from the client
    std::uint64_t bytes_out_ = 0;              // payload taken for it
    std::uint64_t lost_to_client_ = 0;         // not acknowledged at the end
    std::uint64_t lost_to_backend_ = 0;
    Millis pause_ = shortest_pause;  // until a full destination is looked at again
    bool floods_ = false;            // the backend: its last read was a large one
};

inline Facts Relay::facts(Millis now) const noexcept {
    return {.phase = tunnel_.phase(),
            .ended_by = tunnel_.ended_by(),
            .close_code = tunnel_.close_code(),
            .why = tunnel_.why(),
            .bytes_in = bytes_in_,
            .bytes_out = bytes_out_,
            .frames_in = session_->frames_in(),
            .frames_out = session_->frames_out(),
            .undelivered_to_client = lost_to_client_,
            .undelivered_to_backend = lost_to_backend_,
            .round_trip = tunnel_.round_trip(),
            .stalled_by_client = to_client_.stalled(now),
            .stalled_by_backend = to_backend_.stalled(now),
            .client_stalls = to_client_.stalls(),
            .backend_stalls = to_backend_.stalls(),
            .receipt = receipt(),
            .compressed = session_->compressed()};
}

// A Close of ours that answers the client's has words of its own only where it is no receipt.
inline Receipt Relay::receipt() const noexcept {
    if (tunnel_.ended_by() != Side::client || !session_->close_received() || !session_->closing()) {
        return Receipt::none;
    }
    return tunnel_.why().empty() ? Receipt::given : Receipt::refused;
}

}  // namespace ws
