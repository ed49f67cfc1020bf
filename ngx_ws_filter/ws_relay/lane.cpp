#include "ngx_ws_filter/ws_relay/lane.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

void Lane::write(std::span<std::uint8_t> bytes, std::size_t payload) noexcept {
    assert(payload <= bytes.size());
    ledger_.took(payload);
    wire_ += bytes.size();
    data_at_ = payload == 0 ? data_at_ : wire_;
    if (lost_) {
        return;
    }
    const std::size_t sent = blocked() ? 0 : send(bytes);
    note_written();
    if (sent < bytes.size() && !lost_) {
        hold(bytes.subspan(sent));
    }
}

void Lane::forward(std::span<std::uint8_t> header, std::size_t payload) noexcept {
    ledger_.took(payload);
    wire_ += header.size() + payload;
    data_at_ = wire_;
    const auto write_header = [&](std::size_t sent) {
        return destination_->write_header(header.subspan(sent));
    };
    const auto drain_pipe = [&](std::size_t sent) {
        return destination_->drain_pipe(payload - sent);
    };
    const std::size_t head = lost_ ? 0 : send(header.size(), write_header);
    const std::size_t body = lost_ || head < header.size() ? 0 : send(payload, drain_pipe);
    note_written();
    if (body < payload) {
        hold_pipe(header.subspan(head), payload - body);
    }
}

// What the destination did not take of the pipe is put together with the header in the scratch
// buffer that it would otherwise have come through.
void Lane::hold_pipe(std::span<std::uint8_t> header, std::size_t payload) noexcept {
    const std::span<std::uint8_t> rest = host_->scratch().wrapped;
    std::copy(header.begin(), header.end(), rest.begin());
    const std::size_t got = host_->empty_pipe(rest.subspan(header.size()));
    if (!lost_ && got == payload) {
        hold(rest.first(header.size() + got));
    } else if (!lost_) {
        fail(true);
    }
}

void Lane::flush() noexcept {
    full_ = false;
    if (held_ != nullptr) {
        const std::size_t sent = send(held_->content());
        note_written();
        if (held_ != nullptr) {
            held_->begin += sent;
            if (held_->begin == held_->end) {
                release();
            }
        }
    }
    if (finish_ == Finish::wanted && held_ == nullptr) {
        finish();
    }
}

void Lane::flush_at_last() noexcept {
    destination_->lift_bounds();
    flush();
}

void Lane::finish() noexcept {
    finish_ = lost_ || destination_->finish() ? Finish::done : Finish::wanted;
}

// An end that waits for room is tried again at the next flush().
bool Lane::go_on(const Flow &flow, std::span<const std::uint8_t> held) noexcept {
    ledger_ = FlowLedger(0, flow.acknowledged);
    ledger_.took(flow.taken - flow.acknowledged);
    ledger_.wrote(flow.written - flow.acknowledged);
    wire_ = data_at_ = flow.taken;
    sent_ = flow.written;
    lost_ = flow.lost;
    const bool is_whole = held.empty() && flow.finished;
    finish_ = is_whole ? Finish::done : flow.finished ? Finish::wanted : Finish::not_wanted;
    if (held.empty()) {
        return true;
    }
    held_ = host_->lend();
    if (held_ != nullptr && add_to_held(held)) {
        return true;
    }
    release();
    return false;
}

void Lane::hand_over() noexcept {
    lost_ = true;
    release();
}

void Lane::lose() noexcept {
    fail(false);
}

void Lane::fail(bool breaks) noexcept {
    lost_ = true;
    finish_ = finish_ == Finish::wanted ? Finish::done : finish_;
    destination_->lose(breaks);
    release();
}

void Lane::abort() noexcept {
    destination_->abort();
    lose();
}

std::uint64_t Lane::acknowledged() noexcept {
    if (ledger_.taken() == 0) {
        return 0;
    }
    const std::uint64_t wire = destination_->acknowledged();
    const std::uint64_t behind_data = wire_ - data_at_;
    const std::uint64_t missing = sent_ > wire ? sent_ - wire : 0;
    const std::uint64_t data_missing = missing > behind_data ? missing - behind_data : 0;
    return ledger_.written() > data_missing ? ledger_.written() - data_missing : 0;
}

void Lane::note_stall(Millis now) noexcept {
    const bool waiting = !lost_ && (blocked() || full_ || paused());
    if (waiting == waiting_) {
        return;
    }
    if (waiting) {
        stalled_since_ = now;
    } else {
        stalled_ += now - stalled_since_;
    }
    waiting_ = waiting;
}

std::size_t Lane::send(std::span<std::uint8_t> bytes) noexcept {
    return send(bytes.size(),
                [&](std::size_t sent) { return destination_->write(bytes.subspan(sent)); });
}

// `give` is called with what was taken so far.
template <typename Give>
std::size_t Lane::send(std::size_t size, Give give) noexcept {
    std::size_t sent = 0;
    while (sent < size) {
        const Written written = give(sent);
        sent += written.size;
        if (written.lost) {
            fail(true);
        }
        if (lost_ || written.size == 0) {
            break;
        }
    }
    sent_ += sent;
    return sent;
}

// Data is the last of what is under way: what is not yet written on the wire is data first.
void Lane::note_written() noexcept {
    const std::uint64_t missing = data_at_ > sent_ ? data_at_ - sent_ : 0;
    const std::uint64_t written = ledger_.taken() > missing ? ledger_.taken() - missing : 0;
    ledger_.wrote(written - std::min(written, ledger_.written()));
}

void Lane::hold(std::span<std::uint8_t> bytes) noexcept {
    if (held_ == nullptr) {
        held_ = host_->lend();
    }
    if (held_ == nullptr || !add_to_held(bytes)) {
        fail(true);
    }
}

bool Lane::add_to_held(std::span<const std::uint8_t> bytes) noexcept {
    while (!held_->add(bytes)) {
        HeldBuffer *const larger = host_->enlarge(held_);
        if (larger == nullptr) {
            return false;
        }
        held_ = larger;
    }
    return true;
}

void Lane::release() noexcept {
    if (held_ != nullptr) {
        host_->give_back(held_);
        held_ = nullptr;
    }
}

}  // namespace ws
