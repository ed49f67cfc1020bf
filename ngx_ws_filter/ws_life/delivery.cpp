#include "ngx_ws_filter/ws_life/delivery.hpp"

#include <algorithm>

namespace ws {
namespace {

// The first wait is short enough for a near backend. Each wait is twice the one before, so that no
// answer is late by more than the time it took.
constexpr std::uint8_t first_wait = 1;
constexpr std::uint8_t longest_wait = 64;

}  // namespace

void Delivery::ask(Witness &witness) noexcept {
    (void)ledger_->acknowledge(witness.acknowledged(Side::backend));
}

bool Delivery::is_delivered(std::uint64_t offset, Witness &witness) noexcept {
    if (ledger_->acknowledged() < offset) {
        ask(witness);
    }
    return ledger_->acknowledged() >= offset;
}

void Delivery::ask_again(Millis now) noexcept {
    if (!deadlines_->is_set(Deadline::ask)) {
        wait_ = wait_ == 0 ? first_wait
                           : static_cast<std::uint8_t>(std::min(2 * wait_, int{longest_wait}));
        deadlines_->set(Deadline::ask, now + wait_);
    }
}

bool Delivery::on_ping(Session &session, std::uint64_t offset, Witness &witness) noexcept {
    if (dropped_ != 0) {
        return true;
    }
    if (!receipts_ || (!pings_.waiting() && is_delivered(offset, witness))) {
        session.answer_ping();
        return true;
    }
    if (!pings_.has_memory()) {
        WaitingPings *memory = witness.lend_pings();
        if (memory == nullptr) {
            return false;
        }
        pings_.keep_in(*memory);
    }
    pings_.add(session.control_payload(), offset);
    return true;
}

void Delivery::forget_pings(Witness &witness) noexcept {
    if (pings_.has_memory()) {
        witness.give_back(*pings_.take_back());
    }
}

bool Delivery::give_pong(Session &session, Witness &witness, Millis now) noexcept {
    // What a framing holds cannot be acknowledged before the client has said more.
    if (!pings_.waiting() || pings_.offset() > ledger_->taken()) {
        return false;
    }
    ask(witness);
    if (!pings_.ripe(ledger_->acknowledged())) {
        ask_again(now);
        return false;
    }
    session.pong(pings_.payload());
    pings_.pop();
    if (!pings_.waiting()) {
        forget_pings(witness);
    }
    wait_ = 0;
    deadlines_->clear(Deadline::ask);
    return true;
}

bool Delivery::complete(Witness &witness, Millis now) noexcept {
    if (!witness.standing().to_backend_blocked && is_delivered(ledger_->taken(), witness)) {
        deadlines_->clear(Deadline::ask);
        return true;
    }
    ask_again(now);
    return false;
}

}  // namespace ws
