#include "ngx_ws_filter/ws_status/tally.hpp"

#include <utility>

namespace ws {

Tally::Tally(Counters &counters, Millis now) noexcept : counters_(&counters), begun_at_(now) {
    counters_->raise(Metric::sessions);
}

void Tally::add(Metric metric, Side side, std::uint64_t now, std::uint64_t &counted) noexcept {
    if (now != counted) {
        counters_->add(metric, label_of(side), now - std::exchange(counted, now));
    }
}

void Tally::take_stall(Side side, bool stalls, bool &counted) noexcept {
    if (stalls == counted) {
        return;
    }
    counted = stalls;
    if (stalls) {
        counters_->raise(Metric::stalled_sessions, label_of(side));
    } else {
        counters_->lower(Metric::stalled_sessions, label_of(side));
    }
}

void Tally::take_phase(bool detached) noexcept {
    if (detached != detached_) {
        detached_ = detached;
        counters_->add(Metric::detached_sessions, 0, detached ? 1 : UINT64_MAX);
    }
}

void Tally::take_compressed(const CompressionCounts &now) noexcept {
    add(Metric::plain_bytes, Side::client, now.plain_in, compressed_.plain_in);
    add(Metric::compressed_bytes, Side::client, now.compressed_in, compressed_.compressed_in);
    add(Metric::plain_bytes, Side::backend, now.plain_out, compressed_.plain_out);
    add(Metric::compressed_bytes, Side::backend, now.compressed_out, compressed_.compressed_out);
}

void Tally::take(const Facts &facts) noexcept {
    add(Metric::payload_bytes, Side::client, facts.bytes_in, bytes_in_);
    add(Metric::payload_bytes, Side::backend, facts.bytes_out, bytes_out_);
    add(Metric::frames, Side::client, facts.frames_in, frames_in_);
    add(Metric::frames, Side::backend, facts.frames_out, frames_out_);
    if (facts.compressed != nullptr) {
        take_compressed(*facts.compressed);
    }
    take_phase(facts.phase == Phase::detached);
    add(Metric::stalls, Side::client, facts.stalled_by_client, stalled_by_client_);
    add(Metric::stalls, Side::backend, facts.stalled_by_backend, stalled_by_backend_);
    take_stall(Side::client, facts.client_stalls, client_stalls_);
    take_stall(Side::backend, facts.backend_stalls, backend_stalls_);
}

void Tally::go_on(const Facts &facts, Millis age) noexcept {
    begun_at_ -= age;
    bytes_in_ = facts.bytes_in;
    bytes_out_ = facts.bytes_out;
    frames_in_ = facts.frames_in;
    frames_out_ = facts.frames_out;
}

void Tally::hand_over(const Facts &facts) noexcept {
    take(facts);
    take_phase(false);
    take_stall(Side::client, false, client_stalls_);
    take_stall(Side::backend, false, backend_stalls_);
    counters_->lower(Metric::sessions);
}

void Tally::end(const Facts &facts, Millis now) noexcept {
    hand_over(facts);
    counters_->observe(Metric::durations, now - begun_at_);
    counters_->add(Metric::undelivered_bytes, label_of(Side::client), facts.undelivered_to_client);
    counters_->add(Metric::undelivered_bytes, label_of(Side::backend),
                   facts.undelivered_to_backend);
    if (facts.receipt != Receipt::none) {
        counters_->count(Metric::receipts, facts.receipt == Receipt::given ? 0 : 1);
    }
    if (facts.ended_by != Side::nobody) {
        const std::size_t code = close_label(static_cast<unsigned>(facts.close_code));
        counters_->count(Metric::closes,
                         code * family(Metric::closes).inners() + label_of(facts.ended_by));
    }
}

void Tally::pong(Millis round_trip) noexcept {
    counters_->count(Metric::pongs);
    counters_->observe(Metric::round_trips, round_trip);
}

void Tally::late(Deadline which) noexcept {
    if (which == Deadline::pong || which == Deadline::acknowledgement) {
        counters_->count(Metric::pong_timeouts);
    }
}

}  // namespace ws
