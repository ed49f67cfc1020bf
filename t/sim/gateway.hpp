// What stands between client and backend: a session and two ledgers, driven as a relay drives
// them, with as little room as chance leaves.
#pragma once

#include <optional>
#include <vector>

#include "ngx_ws_filter/flow_ledger.hpp"
#include "ngx_ws_filter/ping_marker.hpp"
#include "ngx_ws_filter/ping_receipts.hpp"
#include "ngx_ws_filter/session.hpp"
#include "t/sim/world.hpp"

namespace sim {

struct GatewayOptions {
    bool text = false;
    bool compression = false;
    ws::DeflateParameters agreed;
    std::uint64_t window = 0;  // of both directions
    bool patient = true;       // with a backend that is slow to confirm what stands before a Close
};

// Why the session ends, by what came first.
enum class Cause {
    none,
    client_closed,
    rule_broken,
    client_vanished,
    backend_ended,
    backend_vanished,
    no_text,
    no_receipt,  // the client closed, and what it had sent was not confirmed
};
inline constexpr std::size_t causes = 8;

class Gateway {
public:
    Gateway(Random &random, const Judge &judge, const GatewayOptions &options);

    // One turn: one of the things that can be done, by chance.
    void turn(Pipe &from_client, Pipe &to_client, Pipe &from_backend, Pipe &to_backend);

    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] Cause cause() const { return cause_; }
    [[nodiscard]] ws::Session &session() { return session_; }
    [[nodiscard]] const ws::FlowLedger &inward() const { return inward_; }
    [[nodiscard]] const ws::FlowLedger &outward() const { return outward_; }

private:
    void read_client(Pipe &from_client);
    void receive(std::string received);
    void receive_compressed(std::string received);
    void drop(std::string received);
    void took(std::string_view data);
    void meet(ws::Event event);
    void end(Cause cause);

    void write_backend(Pipe &to_backend);
    void read_backend(Pipe &from_backend);
    void write_client(Pipe &to_client);
    void wrap(const std::string &payload);
    void write_due(Pipe &to_client);
    void mark();

    void hear_of_confirmations(Pipe &to_backend);
    void confirm(ws::FlowLedger &ledger, std::uint64_t total);
    void answer_pings();
    void meet_pong(Bytes payload);
    void lose(Pipe &to_backend);
    void finish(Pipe &from_client, Pipe &to_client, Pipe &to_backend);
    void check_ledger(const ws::FlowLedger &ledger);

    Random &random_;
    const Judge &judge_;
    GatewayOptions options_;

    std::string inflater_memory_;
    std::string deflater_memory_;
    ws::Inflater inflater_;
    ws::Deflater deflater_;
    ws::Compression compression_;
    ws::Session session_;
    ws::FlowLedger inward_;
    ws::FlowLedger outward_;
    ws::PingMarkers markers_;
    ws::PingReceipts receipts_;
    std::optional<std::uint64_t> oldest_ping_;  // where it stands that has waited longest
    std::uint64_t newest_ping_ = 0;

    std::string for_inflating_;  // received, and put aside until there is room
    bool inflating_ = false;
    std::string for_backend_;
    std::string for_client_;  // of one frame, or of control frames
    bool data_for_client_ = false;
    std::uint64_t marked_ = 0;
    std::vector<ws::PingMarkers::Payload> marks_;  // of all pings
    bool unanswered_ = false;                      // the last ping
    std::vector<std::uint64_t> late_;              // confirmations on their way

    Cause cause_ = Cause::none;
    bool client_ended_ = false;
    bool backend_ended_ = false;
    bool backend_lost_ = false;
    bool done_ = false;
};

}  // namespace sim
