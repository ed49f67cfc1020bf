#include "t/sim/run.hpp"

namespace sim {
namespace {

// No run needs nearly as many.
constexpr std::size_t most_turns = 5'000'000;
// So many turns in which nobody could do anything let the clock go on to the next event.
constexpr unsigned quiet_enough = 100;

}  // namespace

Settings::Settings(Random &random)
    : text(random.one_in(3)),
      compression(random.one_in(3)),
      poor(random.one_in(20)),
      patient(!random.one_in(4)),
      stops(random.one_in(20)),
      scratch(500 + random.size(30'000)) {
    agreed = {
        .server_bits = static_cast<unsigned>(9 + random.below(7)),
        .server_no_takeover = random.one_in(2),
        .client_no_takeover = random.one_in(2),
    };
    ws::TunnelOptions &tunnel = relay.tunnel;
    tunnel.receipts = !random.one_in(6);
    tunnel.half_close = random.one_in(4);
    tunnel.send_timeout = patient ? 600'000 : 1 + random.size(5'000);
    tunnel.close_timeout = patient ? 600'000 : 1 + random.size(5'000);
    tunnel.close_time = 3'600'000;
    tunnel.liveness.ping_interval = random.one_in(2) ? 0 : 1 + random.size(2'000);
    tunnel.liveness.pong_timeout = patient ? 600'000 : 1 + random.size(10'000);
    tunnel.liveness.idle_timeout = random.one_in(2) ? 0
                                   : patient        ? 900'000
                                                    : 1 + random.size(10'000);
    if (random.one_in(2)) {
        relay.client_window = 100 + random.size(30'000);
        tunnel.liveness.pongs_acknowledge = true;
        tunnel.liveness.marker_interval = 1 + relay.client_window / 4;
    }
}

Path Run::path() {
    // A long way with small buffers would take hours.
    const std::size_t smaller = 40 + random_.size(60'000);
    const std::size_t larger = smaller + random_.size(60'000);
    const bool sends_more = random_.one_in(2);
    return {.send_buffer = sends_more ? larger : smaller,
            .receive_buffer = sends_more ? smaller : larger,
            .delay = random_.size(std::min<std::size_t>(smaller / 40, 100)),
            .ack_delay = random_.one_in(2) ? 0 : random_.size(40)};
}

Run::Run(std::uint64_t seed)
    : random_(seed),
      judge_(seed),
      settings_(random_),
      worker_{.received = std::string(settings_.scratch, '\0'),
              .wrapped = std::string(
                  ws::Session::headroom + settings_.scratch + ws::Session::max_due_size, '\0'),
              .pipe = {}},
      client_to_relay_(random_, clock_, path()),
      relay_to_client_(random_, clock_, path()),
      backend_to_relay_(random_, clock_, path()),
      relay_to_backend_(random_, clock_, path()),
      client_(random_, judge_,
              {.dialect = {.compression = settings_.compression,
                           .takeover = !settings_.agreed.client_no_takeover},
               .takes_text = settings_.text,
               .server_takeover = !settings_.agreed.server_no_takeover,
               .server_may_break = !settings_.patient || settings_.stops || settings_.poor,
               .resets = random_.one_in(2)}),
      backend_(random_, settings_.text),
      zlib_(settings_.agreed, judge_),
      compression_(settings_.agreed, random_.below(60)),
      session_({.outgoing = settings_.text ? ws::Opcode::text : ws::Opcode::binary,
                .compression = settings_.compression ? &compression_ : nullptr}),
      house_(random_, clock_, worker_, settings_.poor),
      client_side_(random_, worker_, client_to_relay_, relay_to_client_),
      backend_side_(random_, worker_, backend_to_relay_, relay_to_backend_),
      pass_(session_),
      rooms_(session_, {.compression = true}, zlib_),
      relay_(settings_.relay, session_, settings_.compression ? rooms_ : pass_, client_side_,
             backend_side_, house_) {
    zlib_.serve(compression_);
    if (random_.one_in(3)) {
        client_.wait_for(settings_.text ? whole_text().size() : backend_.script().size());
    }
    if (settings_.stops) {
        stop_at_ = clock_.now + random_.size(3'000);
    }
}

void Run::run() {
    std::size_t turns = 0;
    while (!over()) {
        turn();
        ++turns;
        judge_.require(turns < most_turns, "it comes to an end");
    }
    judge_.require(house_.lent() == 0, "all memory comes back");
    check();
}

bool Run::over() const {
    const bool client_done = client_.done() || (relay_over_ && client_to_relay_.is_reset());
    const bool reset = relay_to_backend_.is_reset() && relay_to_backend_.readable() == 0;
    return relay_over_ && client_done && (backend_.done() || reset);
}

void Run::turn() {
    const auto done = [this] {
        return bytes_moved() + facts().bytes_in + facts().bytes_out + house_.orders() +
               client_to_relay_.changes() + client_to_relay_.written() +
               relay_to_client_.changes() + relay_to_client_.written() +
               backend_to_relay_.changes() + backend_to_relay_.written() +
               relay_to_backend_.changes() + relay_to_backend_.written();
    };
    const std::uint64_t before = done();
    switch (random_.below(4)) {
        case 0:
            client_.turn(client_to_relay_, relay_to_client_);
            check_receipts();
            break;
        case 1:
            backend_.turn(relay_to_backend_, backend_to_relay_);
            break;
        default:
            wake_relay();
    }
    quiet_turns_ = done() == before ? quiet_turns_ + 1 : 0;
    let_time_pass();
}

void Run::let_time_pass() {
    const bool owes = !relay_over_ && (client_side_.owes_event() || backend_side_.owes_event());
    if (tick() || quiet_turns_ <= (owes ? 10 : 1) * quiet_enough) {
        clock_.now += quiet_turns_ == 0 && random_.one_in(4) ? random_.below(3) : 0;
        return;
    }
    std::uint64_t next = relay_over_ ? UINT64_MAX : std::min(relay_.wake_at(), stop_at_);
    for (const Pipe *pipe : pipes()) {
        next = std::min(next, pipe->next().value_or(UINT64_MAX));
    }
    clock_.now = next == UINT64_MAX ? clock_.now + 1 : std::max(next, clock_.now);
    quiet_turns_ = 0;
    tick();
}

// Whether anything has come.
bool Run::tick() {
    bool changed = false;
    for (Pipe *pipe : pipes()) {
        const std::uint64_t before = pipe->changes();
        pipe->tick();
        changed = changed || pipe->changes() != before;
    }
    return changed;
}

// nginx wakes a relay by an event, a timer, or a promise to come back.
void Run::wake_relay() {
    if (relay_over_) {
        return;
    }
    const bool client = client_side_.has_event();
    const bool backend = backend_side_.has_event();
    const bool timer = relay_.wake_at() <= clock_.now;
    const bool comes_back = house_.take_come_back();
    const bool stops = stop_at_ <= clock_.now;
    if (!client && !backend && !timer && !comes_back && !stops) {
        return;
    }
    stopped_ = stopped_ || stops;
    bool over = stops;
    if (stops) {
        relay_.stop(ws::CloseCode::going_away, "gateway is shutting down", clock_.now);
    } else {
        over = relay_.advance(clock_.now) == ws::Relay::Turn::over;
    }
    check_invariants();
    judge_.require(over || relay_.wake_at() > clock_.now, "no deadline is left behind");
    if (over) {
        relay_over_ = true;
        relay_.release(clock_.now);
        client_side_.close();
        backend_side_.close();
    }
}

// --- what always holds

void Run::check_invariants() {
    check_phase();
    const ws::FlowLedger &inward = relay_.to_backend();
    const ws::FlowLedger &outward = relay_.to_client();
    for (const ws::FlowLedger *ledger : {&inward, &outward}) {
        judge_.require(
            ledger->acknowledged() <= ledger->written() && ledger->written() <= ledger->taken(),
            "acknowledged <= written <= taken");
    }
    judge_.require(inward.acknowledged() >= acknowledged_, "what is acknowledged stays so");
    acknowledged_ = inward.acknowledged();
    judge_.require(inward.acknowledged() <= relay_to_backend_.acknowledged(),
                   "what is acknowledged was acknowledged by the backend");
    judge_.require(inward.written() == relay_to_backend_.written() || relay_to_backend_.is_reset(),
                   "the ledger counts what the backend's kernel was given");
    judge_.require(!settings_.relay.tunnel.liveness.pongs_acknowledge ||
                       outward.acknowledged() <= client_.read(),
                   "what is acknowledged was read by the client");
    was_stuck_ = was_stuck_ || house_.was_poor() || relay_.is_stuck() ||
                 session_.close_received() || relay_to_backend_.is_reset();
    const std::uint64_t window = settings_.relay.client_window;
    judge_.require(
        window == 0 || was_stuck_ || outward.in_flight() < window + 2 * settings_.scratch,
        "what is in flight to the client is bounded");
    judge_.require(inward.unwritten() <= worker_.wrapped.size() || house_.was_poor() ||
                       relay_to_backend_.is_reset() || phase_ >= ws::Phase::delivering,
                   "no more than one buffer is held");
}

void Run::check_phase() {
    const ws::Phase phase = relay_.tunnel().phase();
    judge_.require(phase >= phase_, "no phase comes back");
    phase_ = phase;
    judge_.require((phase >= ws::Phase::delivering) == relay_.tunnel().ending(),
                   "a session that ends is in a phase of its end");
}

// A pong is a receipt for the data before its ping, and a Close like the client's own for all.
void Run::check_receipts() {
    if (!settings_.relay.tunnel.receipts) {
        return;
    }
    const std::uint64_t acknowledged = relay_to_backend_.acknowledged();
    const std::size_t answered = client_.answered_pings();
    if (answered != 0) {
        judge_.require(acknowledged >= client_.script().pings[answered - 1].data_before,
                       "a pong comes when the data before its ping is acknowledged");
    }
    if (client_.got_close() && cause() == Cause::client_closed) {
        judge_.require(acknowledged == client_.script().data.size(),
                       "a Close is answered when all data is acknowledged");
    }
}

}  // namespace sim
