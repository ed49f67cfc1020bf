// A session's life whose outside a test plays: a client that sends frames, buffers and kernels that
// stand as the test says, and a driver that carries out each order and writes it down.
#pragma once

#include "t/unit/client_stream.hpp"

#include "ngx_ws_filter/ws_life/tunnel.hpp"
#include "t/unit/server_frames.hpp"

namespace unit {

// What the buffers and the kernels say when they are asked.
class Outside final : public ws::Witness {
public:
    struct Connection {
        std::uint64_t acknowledged = 0;
        std::uint64_t moved = 0;
        bool under_way = false;
    };

    ws::Standing stands;
    Connection client;
    Connection backend;
    bool exact = true;
    bool backend_has_it_all = true;
    bool client_has_unread = false;
    unsigned questions = 0;  // about what the backend has acknowledged
    bool has_memory = true;
    unsigned lent = 0;
    mutable std::string told;
    mutable std::string phases;

    [[nodiscard]] ws::Standing standing() const noexcept override { return stands; }
    [[nodiscard]] std::uint64_t acknowledged(ws::Side side) noexcept override {
        questions += side == ws::Side::backend ? 1 : 0;
        return of(side).acknowledged;
    }
    [[nodiscard]] bool knows_exactly() const noexcept override { return exact; }
    [[nodiscard]] std::uint64_t moved(ws::Side side) noexcept override { return of(side).moved; }
    [[nodiscard]] bool is_under_way(ws::Side side) noexcept override { return of(side).under_way; }
    [[nodiscard]] bool backend_has_all() noexcept override { return backend_has_it_all; }
    [[nodiscard]] bool client_has_more() const noexcept override { return client_has_unread; }
    [[nodiscard]] ws::WaitingPings *lend_pings() noexcept override {
        lent += has_memory ? 1 : 0;
        return has_memory ? new (&pings_) ws::WaitingPings : nullptr;
    }
    void give_back(ws::WaitingPings &pings) noexcept override {
        check(&pings == &pings_ && lent != 0);
        --lent;
    }
    void tell_phase(ws::Phase from, ws::Phase to) const noexcept override {
        phases += std::string(name(from)) + " > " + std::string(name(to)) + "; ";
    }
    void tell_ping(ws::Millis silence) const noexcept override { tell("ping", silence); }
    void tell_pong(ws::Millis round_trip) const noexcept override { tell("pong", round_trip); }
    void tell_late(ws::Deadline, ws::Millis waited, ws::Millis silence) const noexcept override {
        tell("late", waited);
        tell("silent", silence);
    }

private:
    ws::WaitingPings pings_;

    [[nodiscard]] Connection &of(ws::Side side) {
        return side == ws::Side::client ? client : backend;
    }
    void tell(std::string_view what, ws::Millis time) const {
        told += std::string(what) + ' ' + std::to_string(time) + "; ";
    }
};

// No deadline but those of the end.
[[nodiscard]] inline ws::TunnelOptions calm() {
    return {.liveness = {.ping_interval = 0,
                         .pong_timeout = 300,
                         .idle_timeout = 0,
                         .pongs_acknowledge = false,
                         .marker_interval = 0},
            .receipts = true,
            .half_close = false,
            .needs_close_notify = false,
            .send_timeout = 1000,
            .close_timeout = 100,
            .close_time = 5000};
}

class Life {
public:
    explicit Life(const ws::TunnelOptions &options = calm(), std::uint64_t window = 0)
        : to_client(window),
          options_(options),
          tunnel(options_, session, to_client, to_backend, outside) {}

    ws::Session session{{}};
    ws::FlowLedger to_client;
    ws::FlowLedger to_backend;
    Outside outside;
    ws::Millis now = 1'000'000;

private:
    ws::TunnelOptions options_;

public:
    ws::Tunnel tunnel;
    std::string orders;  // carried out so far
    std::string said;    // to the client
    std::string last_ping;

    // The 101 is through.
    Life &open() {
        tunnel.answered(now);
        return *this;
    }

    // The client's bytes, as a relay takes them: data goes on to the backend, and is written.
    void client_sends(unsigned first_byte, std::string_view payload) {
        ClientStream stream;
        stream.frame(first_byte, payload);
        client_sends(stream);
    }
    void client_sends(const ClientStream &stream) {
        std::string bytes(text(stream.bytes()));
        auto *const begin = reinterpret_cast<std::uint8_t *>(bytes.data());
        ws::ReadBuffer buffer{begin, begin, begin + bytes.size()};
        tunnel.heard(now);
        const bool lives = tunnel.use_of_client() == ws::Use::relay;
        std::uint8_t *counted = begin;
        ws::Event event;
        do {
            event = lives ? session.receive(buffer) : session.drop_data(buffer);
            const auto size = static_cast<std::uint64_t>(buffer.packed - counted);
            counted = buffer.packed;
            take(lives, size);
            tunnel.client_said(event, to_backend.taken(), now);
        } while (event != ws::Event::exhausted);
    }
    void client_closes(std::string_view payload = std::string_view("\x03\xe9", 2)) {
        client_sends(close_frame, payload);
    }
    void backend_sends(std::uint64_t bytes) {
        to_client.took(bytes);
        to_client.wrote(bytes);
        tunnel.took_for_client(now);
    }
    // All that was written.
    void backend_acknowledges() { outside.backend.acknowledged = to_backend.written(); }

    // Its connection is reset, and what was held for it is dropped.
    void lose_backend() {
        outside.stands.backend_lost = true;
        outside.stands.to_backend_blocked = false;
        tunnel.backend_lost(now);
    }

    // Carries out what is ordered until there is nothing more. Returns what it was.
    std::string carry_out() {
        std::string done;
        ws::Order order;
        while ((order = tunnel.next(now)) != ws::Order::none) {
            done += std::string(name(order)) + "; ";
            check(done.size() < 1000);
            if (order == ws::Order::end) {
                break;
            }
            carry_out(order);
        }
        orders += done;
        return done;
    }

    // The clock goes on to the next deadline, which has to be there.
    void wait_for_deadline() {
        check(tunnel.wake_at() != ws::Deadlines::never);
        check(tunnel.wake_at() > now);
        now = tunnel.wake_at();
        tunnel.on_time(now);
    }
    void after(ws::Millis time) {
        now += time;
        if (tunnel.wake_at() <= now) {
            tunnel.on_time(now);
        }
    }

    void is_in(ws::Phase phase, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        equal(name(tunnel.phase()), name(phase), file, line);
    }
    // Who ended it, with which code.
    void ended_by(ws::Side side, ws::CloseCode code, std::string_view why,
                  const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        equal(name(tunnel.ended_by()), name(side), file, line);
        equal(tunnel.close_code(), code, file, line);
        equal(tunnel.why(), why, file, line);
    }

private:
    void take(bool lives, std::uint64_t size) {
        if (!lives) {
            tunnel.dropped(size);
        } else if (size != 0) {
            to_backend.took(size);
            to_backend.wrote(outside.stands.to_backend_blocked ? 0 : size);
            tunnel.took_for_backend(now);
        }
    }

    void carry_out(ws::Order order) {
        switch (order) {
            case ws::Order::write_due:
            case ws::Order::write_last:
                write();
                break;
            case ws::Order::finish_backend:
                outside.stands.backend_finished = true;
                break;
            case ws::Order::finish_client:
                outside.stands.client_finished = true;
                break;
            case ws::Order::drop_client:
                outside.stands.client_lost = true;
                break;
            case ws::Order::drop_backend:
                lose_backend();
                break;
            case ws::Order::reset_backend:
                outside.stands.backend_lost = true;
                break;
            case ws::Order::part:
                outside.stands.client_lost = true;
                break;
            case ws::Order::none:
            case ws::Order::end:
                break;
        }
    }

    void write() {
        std::array<std::uint8_t, ws::Session::max_due_size> frames;
        const std::size_t size = session.write_due(frames);
        const std::string_view bytes = text({frames.data(), size});
        if (bytes.starts_with('\x89')) {
            last_ping = bytes.substr(2);
        }
        said += as_text(bytes);
    }
};

}  // namespace unit
