#include "t/sim/gateway.hpp"

#include <utility>

namespace sim {
namespace {

[[nodiscard]] std::span<std::uint8_t> writable(std::string &text) {
    return {reinterpret_cast<std::uint8_t *>(text.data()), text.size()};
}

}  // namespace

Gateway::Gateway(Random &random, const Judge &judge, const GatewayOptions &options)
    : random_(random),
      judge_(judge),
      options_(options),
      inflater_memory_(ws::Inflater::memory_size(15), '\0'),
      deflater_memory_(ws::Deflater::memory_size(options.agreed.server_bits, 2), '\0'),
      compression_(options.agreed, random.below(60)),
      session_({.outgoing = options.text ? ws::Opcode::text : ws::Opcode::binary,
                .compression = options.compression ? &compression_ : nullptr}),
      inward_(options.window),
      outward_(options.window) {
    const bool ready = inflater_.begin(writable(inflater_memory_), 15) &&
                       deflater_.begin(writable(deflater_memory_),
                                       {.bits = options.agreed.server_bits, .memory_level = 2});
    judge_.require(ready, "the memory is enough for zlib");
    compression_.lend(&inflater_);
    compression_.lend(&deflater_);
}

void Gateway::turn(Pipe &from_client, Pipe &to_client, Pipe &from_backend, Pipe &to_backend) {
    if (to_backend.is_reset() && random_.one_in(20)) {
        lose(to_backend);
    }
    switch (random_.below(5)) {
        case 0:
            read_client(from_client);
            break;
        case 1:
            write_backend(to_backend);
            break;
        case 2:
            read_backend(from_backend);
            break;
        case 3:
            write_client(to_client);
            break;
        default:
            hear_of_confirmations(to_backend);
    }
    answer_pings();
    check_ledger(inward_);
    check_ledger(outward_);
    finish(from_client, to_client, to_backend);
}

// --- from the client ---

void Gateway::read_client(Pipe &from_client) {
    const bool waits = !backend_lost_ && (!for_backend_.empty() || inward_.paused());
    if (client_ended_ || waits) {
        return;
    }
    if (inflating_ && !backend_lost_) {
        receive_compressed(std::move(for_inflating_));
        return;
    }
    std::string received = from_client.read(1 + random_.size(20'000));
    if (!received.empty() && backend_lost_) {
        drop(std::move(received));
        return;
    }
    if (!received.empty()) {
        options_.compression ? receive_compressed(std::move(received))
                             : receive(std::move(received));
        return;
    }
    if (from_client.ended()) {
        client_ended_ = true;
        end(Cause::client_vanished);
    }
}

void Gateway::receive(std::string received) {
    const std::span<std::uint8_t> part = writable(received);
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    ws::Event event;
    do {
        const std::uint8_t *packed = buffer.packed;
        event = session_.receive(buffer);
        took(text({packed, buffer.packed}));
        meet(event);
    } while (event != ws::Event::exhausted);
}

// Reads until nothing is left or one room is full.
void Gateway::receive_compressed(std::string received) {
    const std::span<std::uint8_t> part = writable(received);
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    std::string written(1 + random_.size(10'000), '\0');
    ws::Room room{writable(written).data(), writable(written).data() + written.size()};
    ws::Event event;
    do {
        const std::uint8_t *filled = room.filled;
        event = session_.receive(buffer, room);
        took(text({filled, room.filled}));
        meet(event);
    } while (event != ws::Event::exhausted && event != ws::Event::room_full);
    inflating_ = event == ws::Event::room_full;
    for_inflating_ = text({buffer.unread, buffer.end});
}

// What is left of a message that was being inflated comes first.
void Gateway::drop(std::string received) {
    received.insert(0, std::exchange(for_inflating_, {}));
    const std::span<std::uint8_t> part = writable(received);
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    ws::Event event;
    do {
        event = session_.drop_data(buffer);
        meet(event);
    } while (event != ws::Event::exhausted);
}

void Gateway::took(std::string_view data) {
    inward_.took(data.size());
    for_backend_ += data;
}

void Gateway::meet(ws::Event event) {
    if (event == ws::Event::ping) {
        newest_ping_ = inward_.taken();
        oldest_ping_ = oldest_ping_.value_or(newest_ping_);
        receipts_.add(session_.control_payload(), newest_ping_);
    }
    if (event == ws::Event::pong) {
        meet_pong(session_.control_payload());
    }
    if (event == ws::Event::close) {
        end(Cause::client_closed);
    }
    if (event == ws::Event::violation) {
        end(Cause::rule_broken);
    }
}

void Gateway::meet_pong(Bytes payload) {
    const ws::PingMarkers::Answer answer = markers_.answer(payload);
    const auto same = [&](Bytes mark) { return std::ranges::equal(mark, payload); };
    judge_.require(answer.believed == std::ranges::any_of(marks_, same),
                   "a pong is believed if its ping was sent");
    if (answer.believed) {
        judge_.require(answer.newest == same(marks_.back()), "the last ping is the newest");
        confirm(outward_, answer.offset);
        unanswered_ = unanswered_ && !answer.newest;
    }
}

void Gateway::end(Cause cause) {
    if (cause_ != Cause::none) {
        return;
    }
    cause_ = cause;
    if (cause == Cause::rule_broken) {
        session_.close(close_code(session_.violation()), words(session_.violation()));
    }
    if (cause == Cause::backend_ended) {
        session_.close(ws::CloseCode::normal, {});
    }
    if (cause == Cause::no_text) {
        session_.close(ws::CloseCode::internal_error, "not text");
    }
}

void Gateway::write_backend(Pipe &to_backend) {
    const std::size_t written = to_backend.write(for_backend_);
    for_backend_.erase(0, written);
    inward_.wrote(written);
    const bool over =
        client_ended_ || session_.close_received() || session_.violation() != ws::Violation::none;
    if (over && !inflating_ && for_backend_.empty()) {
        to_backend.shut();
    }
}

// --- to the client ---

void Gateway::read_backend(Pipe &from_backend) {
    const bool goes_on =
        cause_ == Cause::none || (cause_ == Cause::client_closed && !session_.anything_due());
    if (!goes_on || session_.close_sent() || !for_client_.empty() || outward_.paused() ||
        backend_ended_) {
        return;
    }
    const std::string payload = from_backend.read(1 + random_.size(20'000));
    if (!payload.empty()) {
        wrap(payload);
        return;
    }
    if (from_backend.ended()) {
        backend_ended_ = true;
        end(session_.held_back() == 0 ? Cause::backend_ended : Cause::no_text);
    }
}

void Gateway::wrap(const std::string &payload) {
    std::string block(ws::Session::headroom, '\0');
    block += payload;
    std::string room(payload.size() + payload.size() / 4 + 200, '\0');
    judge_.require(ws::Session::max_payload(room.size()) >= payload.size(), "the room is enough");
    const auto given = writable(block).subspan(ws::Session::headroom);
    const ws::Session::Wrapped wrapped =
        options_.compression ? session_.wrap(given, writable(room)) : session_.wrap(given);
    for_client_ = text(wrapped.frame);
    data_for_client_ = true;
    outward_.took(for_client_.size());
    if (!wrapped.valid) {
        end(Cause::no_text);
    }
}

void Gateway::write_client(Pipe &to_client) {
    if (for_client_.empty()) {
        mark();
        std::string due(random_.one_in(2) ? ws::Session::max_due_size : random_.below(200), '\0');
        due.resize(session_.write_due(writable(due)));
        for_client_ = due;
        data_for_client_ = false;
    }
    const std::size_t written = to_client.write(for_client_);
    for_client_.erase(0, written);
    if (data_for_client_) {
        outward_.wrote(written);
    }
}

// A ping that carries how far the stream has come: often enough that the window never closes for
// want of one, and again where the last one may have been passed over.
void Gateway::mark() {
    if (options_.window == 0) {
        return;
    }
    const bool far = outward_.written() - marked_ >= options_.window / 4;
    if (far || (outward_.paused() && !unanswered_)) {
        marked_ = outward_.written();
        marks_.push_back(markers_.mark(marked_));
        session_.ping(marks_.back());
        unanswered_ = true;
    }
}

// --- confirmations ---

// The kernel is asked now and then; what it says may be heard late, again, or never.
void Gateway::hear_of_confirmations(Pipe &to_backend) {
    const std::uint64_t total = to_backend.acknowledged();
    switch (random_.below(4)) {
        case 0:
            return;
        case 1:
            late_.push_back(total);
            break;
        default:
            confirm(inward_, total);
    }
    if (!late_.empty() && random_.one_in(2)) {
        confirm(inward_, late_[random_.below(late_.size())]);
    }
    if (random_.one_in(10)) {
        const ws::FlowLedger before = inward_;
        judge_.require(!inward_.confirm(inward_.written() + 1 + random_.size(1000)),
                       "nobody confirms what was not written");
        judge_.require(
            inward_.confirmed() == before.confirmed() && inward_.paused() == before.paused(),
            "a false confirmation changes nothing");
    }
}

void Gateway::confirm(ws::FlowLedger &ledger, std::uint64_t total) {
    const std::uint64_t before = ledger.confirmed();
    judge_.require(ledger.confirm(total), "what was written can be confirmed");
    judge_.require(ledger.confirmed() == std::max(before, total), "the highest total counts");
    if (total > before) {
        judge_.require(!ledger.paused() || ledger.in_flight() > options_.window / 2,
                       "half a window lets the source go on");
    }
}

void Gateway::answer_pings() {
    while (receipts_.ripe(inward_.confirmed())) {
        session_.pong(receipts_.payload());
        receipts_.pop();
        oldest_ping_.reset();
        if (receipts_.waiting()) {
            oldest_ping_ = newest_ping_;
        }
    }
    judge_.require(!oldest_ping_.has_value() || inward_.confirmed() < *oldest_ping_,
                   "a ping waits no longer than for the data before it, whatever comes behind it");
}

void Gateway::check_ledger(const ws::FlowLedger &ledger) {
    judge_.require(ledger.confirmed() <= ledger.written() && ledger.written() <= ledger.taken(),
                   "confirmed <= written <= taken");
    judge_.require(ledger.paused() || options_.window == 0 || ledger.in_flight() < options_.window,
                   "a window that is used up pauses the source");
    judge_.require(!ledger.paused() || options_.window != 0, "no window, no pause");
    // One read is taken beyond the window at most, compressed or not.
    judge_.require(options_.window == 0 || ledger.in_flight() < options_.window + 40'000,
                   "what is in flight is bounded");
}

// The backend takes nothing more. How much it did not confirm is told to the client; the last that
// the kernel had to say may be lost.
void Gateway::lose(Pipe &to_backend) {
    if (backend_lost_) {
        return;
    }
    backend_lost_ = true;
    if (random_.one_in(2)) {
        confirm(inward_, to_backend.acknowledged());
    }
    for_backend_.clear();
    to_backend.shut();
    const bool no_receipt = cause_ == Cause::client_closed && inward_.in_flight() != 0;
    if (cause_ == Cause::none || no_receipt) {
        cause_ = no_receipt ? Cause::no_receipt : Cause::backend_vanished;
        session_.close(ws::CloseCode::internal_error, std::to_string(inward_.in_flight()));
    }
}

void Gateway::finish(Pipe &from_client, Pipe &to_client, Pipe &to_backend) {
    if (cause_ == Cause::client_closed && inward_.in_flight() != 0 && !options_.patient &&
        random_.one_in(100)) {
        lose(to_backend);
    }
    // The answer to a Close is a receipt for all that came before it.
    if (cause_ == Cause::client_closed && for_backend_.empty() && inward_.in_flight() == 0 &&
        !receipts_.waiting()) {
        session_.answer_close();
    }
    if ((session_.close_sent() && for_client_.empty()) || cause_ == Cause::client_vanished) {
        to_client.shut();
    }
    done_ = to_client.is_shut() && to_backend.is_shut() && (client_ended_ || from_client.ended());
}

}  // namespace sim
