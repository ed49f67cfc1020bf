#include "t/sim/leg_run.hpp"

#include <cstdlib>
#include <new>

namespace sim {
namespace {

constexpr std::size_t most_turns = 5'000'000;
constexpr unsigned quiet_enough = 100;

[[nodiscard]] std::string sid_text(const ws::SidSecret &secret) {
    return std::string(
        ws::SidText({.node = "sim", .worker = 1, .session = 1, .secret = secret}).view());
}

[[nodiscard]] ws::SidSecret new_secret(Random &random) {
    ws::SidSecret secret;
    for (std::uint8_t &byte : secret) {
        byte = static_cast<std::uint8_t>(random.below(256));
    }
    return secret;
}

}  // namespace

ws::ReplayBlock *Blocks::lend_block(std::size_t /*wanted*/) noexcept {
    if (poor_ && random_.one_in(20)) {
        return nullptr;
    }
    constexpr std::size_t capacity = 5000;
    ++lent_;
    return new (std::malloc(sizeof(ws::ReplayBlock) + capacity))
        ws::ReplayBlock{nullptr, 0, 0, capacity};
}

void Blocks::give_back(ws::ReplayBlock *block) noexcept {
    std::free(block);
    --lent_;
}

LegSettings::LegSettings(Random &random)
    : poor(random.one_in(20)),
      service_resets(random.one_in(10)),
      service_ends(random.one_in(2)),
      scratch(500 + random.size(random.one_in(4) ? 90'000 : 30'000)) {
    ws::TunnelOptions &tunnel = relay.tunnel;
    tunnel.half_close = random.one_in(4);
    tunnel.send_timeout = 600'000;
    tunnel.close_timeout = 600'000;
    tunnel.close_time = 3'600'000;
    tunnel.liveness.ping_interval = random.one_in(2) ? 0 : 1 + random.size(2'000);
    // Longer than the way to the client and back, or no leg ever gets anywhere.
    tunnel.liveness.pong_timeout = 300 + random.size(10'000);
    const auto size = [&random] { return static_cast<std::uint32_t>(4096 + random.size(300'000)); };
    terms = {.limits = {.replay = size(),
                        .grace = static_cast<std::uint32_t>(60'000),
                        .interval = 100,
                        .service = random.one_in(2) ? "mqtt" : "",
                        .window = size(),
                        .bytes = 2048,
                        .keeps_messages = false,
                        .is_text = false},
             .own_name = true};
}

LegRun::Line::Line(LegRun &run, const Path &up_path, const Path &down_path)
    : up(run.random_, run.clock_, up_path),
      down(run.random_, run.clock_, down_path),
      side(run.random_, run.worker_, up, down),
      house(run.random_, run.clock_, run.worker_, run.settings_.poor) {
}

LegRun::LegRun(std::uint64_t seed)
    : random_(seed),
      judge_(seed),
      settings_(random_),
      worker_{
          .received = std::string(settings_.scratch, '\0'),
          .wrapped = std::string(
              ws::Session::headroom + settings_.scratch + ws::Session::max_due_size + 512, '\0'),
          .pipe = {}},
      up_(random_bytes(random_, random_.size(60'000))),
      down_(random_bytes(random_, random_.size(60'000))),
      from_service_(random_, clock_, path()),
      to_service_(random_, clock_, path()),
      client_(random_, judge_, up_, down_),
      blocks_(random_, settings_.poor),
      keeper_(random_, clock_, worker_, settings_.poor),
      service_side_(random_, worker_, from_service_, to_service_),
      session_({.outgoing = ws::Opcode::binary}),
      sids_(new_secret(random_)),
      sid_(sid_text(sids_.current())),
      translator_(session_, settings_.terms, sids_, blocks_) {
    begin_line();
    relay_ = std::make_unique<ws::Relay>(settings_.relay, session_, translator_, line_->side,
                                         service_side_, line_->house);
    relay_->outlive_legs(translator_, keeper_,
                         {.grace = settings_.terms.limits.grace,
                          .are_resumable = true,
                          .keeps_going_away = false,
                          .keeps_come_back = true});
    translator_.greet({.sid = sid_, .next_sid = {}});
}

Path LegRun::path() {
    const std::size_t smaller = 500 + random_.size(60'000);
    return {.send_buffer = smaller,
            .receive_buffer = smaller + random_.size(60'000),
            .delay = random_.size(std::min<std::size_t>(smaller / 40, 100)),
            .ack_delay = random_.one_in(2) ? 0 : random_.size(40)};
}

void LegRun::begin_line() {
    lines_.push_back(std::make_unique<Line>(*this, path(), path()));
    line_ = lines_.back().get();
}

void LegRun::run() {
    std::size_t turns = 0;
    while (!over()) {
        turn();
        ++turns;
        judge_.require(turns < most_turns, "it comes to an end");
    }
    check_end();
}

bool LegRun::over() const {
    return relay_over_ && service_done_ &&
           (client_.over() || unknown_ || client_.sid().empty() ||
            client_.wish() == LegClient::Wish::never_returns || client_.wants_another_leg());
}

void LegRun::turn() {
    const std::uint64_t before = done();
    switch (random_.below(4)) {
        case 0: {
            Line &newest = *lines_.back();
            client_.turn(newest.up, newest.down, clock_.now);
            if (client_.wants_another_leg() && !unknown_) {
                come_back();
            }
            break;
        }
        case 1:
            serve();
            break;
        default:
            // The worker is told to go, now and then.
            if (!relay_over_ && settings_.poor && random_.one_in(2'000)) {
                relay_->keep_no_longer(clock_.now);
            }
            wake_relay();
    }
    check_always();
    quiet_turns_ = done() == before ? quiet_turns_ + 1 : 0;
    let_time_pass();
}

// --- the service

void LegRun::serve() {
    if (service_done_) {
        return;
    }
    received_ += to_service_.read(1 + random_.size(40'000));
    if (said_ < down_.size()) {
        const auto rest = std::string_view(down_).substr(said_, 1 + random_.size(40'000));
        said_ += from_service_.write(rest);
    }
    if (settings_.service_resets && random_.one_in(500)) {
        service_reset_ = true;
        to_service_.reset();
        from_service_.reset();
    }
    const bool all = said_ == down_.size();
    const bool ends = settings_.service_ends || client_.wish() == LegClient::Wish::waits_for_end ||
                      to_service_.ended();
    if (all && ends && !from_service_.is_shut()) {
        from_service_.shut();
    }
    const bool talks = !from_service_.is_shut() && !relay_over_;
    service_done_ = to_service_.is_reset() || (!talks && to_service_.ended());
}

// --- the client's connections

void LegRun::come_back() {
    if (client_.wish() == LegClient::Wish::never_returns || client_.sid().empty()) {
        return;
    }
    if (return_at_ == 0) {
        return_at_ = clock_.now + random_.size(2'000);
    }
    if (clock_.now < return_at_) {
        return;
    }
    return_at_ = 0;
    ws::Sid sid;
    judge_.require(ws::read_sid(client_.sid(), sid), "the gateway's SIDs can be read");
    const ws::SidMatch match = sids_.match(sid.secret);
    judge_.require(match != ws::SidMatch::unknown, "a cut leaves the client with a valid SID");
    if (relay_over_ ||
        !relay_->part(static_cast<ws::CloseCode>(4002), "displaced by another leg", clock_.now)) {
        unknown_ = true;
        lines_.back()->up.reset();
        lines_.back()->down.reset();
        return;
    }
    leave_line();
    attach(match);
}

void LegRun::attach(ws::SidMatch match) {
    const std::uint64_t ack = client_.come_back();
    judge_.require(translator_.check_ack(ack) == ws::Breach::none, "an honest ack is right");
    sids_.accept(match);
    sids_.offer(new_secret(random_), ack);
    offered_ = sid_text(sids_.next());
    begin_line();
    session_ = ws::Session({.outgoing = ws::Opcode::binary});
    relay_->attach({.session = &session_,
                    .client = &line_->side,
                    .host = &line_->house,
                    .greeting = {.sid = {}, .next_sid = offered_},
                    .client_has = ack});
}

void LegRun::leave_line() {
    if (line_ != nullptr) {
        line_->side.close();
        line_ = nullptr;
        relay_->leave_session();
    }
}

// --- the relay

void LegRun::wake_relay() {
    if (relay_over_) {
        return;
    }
    const bool client = line_ != nullptr && line_->side.has_event();
    const bool service = service_side_.has_event();
    const bool timer = relay_->wake_at() <= clock_.now;
    const bool comes_back =
        keeper_.take_come_back() || (line_ != nullptr && line_->house.take_come_back());
    if (!client && !service && !timer && !comes_back && line_ != nullptr &&
        relay_->tunnel().phase() != ws::Phase::connecting) {
        return;
    }
    switch (relay_->advance(clock_.now)) {
        case ws::Relay::Turn::goes_on:
            break;
        case ws::Relay::Turn::parted:
            leave_line();
            break;
        case ws::Relay::Turn::over:
            end_relay();
            return;
    }
    judge_.require(relay_->wake_at() > clock_.now, "no deadline is left behind");
}

void LegRun::end_relay() {
    relay_over_ = true;
    taken_ = translator_.taken();
    relay_->release(clock_.now);
    leave_line();
    service_side_.close();
}

// --- time

std::uint64_t LegRun::done() {
    std::uint64_t all = received_.size() + client_.received() + client_.sent() + said_ +
                        keeper_.orders() + lines_.size();
    for (const Pipe *pipe : pipes()) {
        all += pipe->changes() + pipe->written();
    }
    return all;
}

std::vector<Pipe *> LegRun::pipes() {
    std::vector<Pipe *> all{&from_service_, &to_service_};
    for (const std::unique_ptr<Line> &line : lines_) {
        all.push_back(&line->up);
        all.push_back(&line->down);
    }
    return all;
}

bool LegRun::tick() {
    bool changed = false;
    for (Pipe *pipe : pipes()) {
        const std::uint64_t before = pipe->changes();
        pipe->tick();
        changed = changed || pipe->changes() != before;
    }
    return changed;
}

void LegRun::let_time_pass() {
    const bool owes = service_side_.owes_event() || (line_ != nullptr && line_->side.owes_event());
    if (tick() || quiet_turns_ <= (owes ? 10 : 1) * quiet_enough) {
        clock_.now += quiet_turns_ == 0 && random_.one_in(4) ? random_.below(3) : 0;
        return;
    }
    std::uint64_t next = relay_over_ ? UINT64_MAX : relay_->wake_at();
    next = return_at_ != 0 ? std::min(next, return_at_) : next;
    for (const Pipe *pipe : pipes()) {
        next = std::min(next, pipe->next().value_or(UINT64_MAX));
    }
    clock_.now = next == UINT64_MAX ? clock_.now + 1 : std::max(next, clock_.now);
    quiet_turns_ = 0;
    (void)tick();
}

// --- what holds

void LegRun::check_always() {
    judge_.require(up_.starts_with(received_),
                   "no byte is lost, doubled or moved on its way to the service");
    judge_.require(client_.told() <= to_service_.acknowledged(),
                   "nothing is acknowledged that the service's kernel does not have");
    judge_.require(translator_.replayed() <= settings_.terms.limits.replay,
                   "the replay stays within its bound");
}

void LegRun::check_end() {
    judge_.require(blocks_.lent() == 0, "the replay's memory comes back");
    std::size_t lent = keeper_.lent();
    for (const std::unique_ptr<Line> &line : lines_) {
        lent += line->house.lent();
    }
    judge_.require(lent == 0, "all memory comes back");
    if (client_.close_code() == 3999U) {
        judge_.require(received_ == up_.substr(0, client_.sent()),
                       "a clean answer is a receipt for all legs");
    }
    if (client_.close_code() == 1000U) {
        judge_.require(client_.received() == down_.size(), "a clean end comes behind all bytes");
    }
    if (client_.close_code().has_value() && !settings_.poor && !settings_.service_resets) {
        judge_.require(client_.close_code() == 3999U || client_.close_code() == 1000U ||
                           client_.close_code() == 1011U,
                       "nobody gives a session up that can go on");
    }
    if (!service_reset_ && !settings_.poor && relay_over_ && !from_service_.is_reset()) {
        judge_.require(received_.size() >= client_.told(), "what was told was true");
    }
}

}  // namespace sim
