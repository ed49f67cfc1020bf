// What may be said of the client's bytes only once the backend has them: pongs, and the answer to a
// Close.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/flow_ledger.hpp"
#include "ngx_ws_filter/ws_life/ping_receipts.hpp"
#include "ngx_ws_filter/ws_life/witness.hpp"
#include "ngx_ws_filter/ws_messages/session.hpp"

namespace ws {

class Delivery {
public:
    // `receipts`: ws_receipts. The ledger is that of the bytes to the backend; both references
    // outlive the object.
    Delivery(bool receipts, FlowLedger &ledger, Deadlines &deadlines) noexcept
        : ledger_(&ledger), deadlines_(&deadlines), receipts_(receipts) {}

    // The client's ping, whose payload the session has, stands behind `offset` bytes of the stream.
    // It is answered now or later, and never if bytes before it were dropped. False if there is no
    // memory in which it could wait.
    [[nodiscard]] bool on_ping(Session &session, std::uint64_t offset, Witness &witness) noexcept;

    [[nodiscard]] bool owes_pong() const noexcept { return pings_.waiting(); }
    // Makes the pong due that may be given now. False if there is none.
    [[nodiscard]] bool give_pong(Session &session, Witness &witness, Millis now) noexcept;

    // Asks how far the stream to the backend has come; sets a deadline for asking again.
    void ask(Witness &witness) noexcept;
    void ask_again(Millis now) noexcept;

    // Payload of the client that was taken from it and goes nowhere.
    void drop(std::uint64_t bytes) noexcept { dropped_ += bytes; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

    // No pong is owed any more: the client's connection is gone, or the session is over.
    void forget_pings(Witness &witness) noexcept;

    // Whether the backend has acknowledged every byte that was taken for it. Asks if it has to, and
    // sets a deadline for asking again.
    [[nodiscard]] bool complete(Witness &witness, Millis now) noexcept;
    // Whether there is nothing to wait for before a Close is answered: the same, but that with
    // ws_receipts off every byte need only be written.
    [[nodiscard]] bool may_answer(Witness &witness, Millis now) noexcept {
        return receipts_ ? complete(witness, now) : !witness.standing().to_backend_blocked;
    }
    // Whether the answer may be clean.
    [[nodiscard]] bool is_receipt() const noexcept {
        return receipts_ ? ledger_->in_flight() == 0 : ledger_->unwritten() == 0;
    }

    // Taken from the client for the backend and not acknowledged by it, when it was last asked.
    [[nodiscard]] std::uint64_t undelivered() const noexcept { return ledger_->in_flight(); }

    [[nodiscard]] std::uint64_t unwritten() const noexcept { return ledger_->unwritten(); }

private:
    [[nodiscard]] bool is_delivered(std::uint64_t offset, Witness &witness) noexcept;

    FlowLedger *ledger_;
    Deadlines *deadlines_;
    PingReceipts pings_;
    std::uint64_t dropped_ = 0;
    std::uint8_t wait_ = 0;  // ms between the last two questions
    bool receipts_;
};

}  // namespace ws
