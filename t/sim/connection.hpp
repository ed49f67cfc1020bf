// The relay's end of a simulated connection, and the process that it lives in.
#pragma once

#include <utility>

#include "ngx_ws_filter/ws_relay/relay.hpp"
#include "t/sim/pipe.hpp"

namespace sim {

// What one worker has once.
struct Worker {
    std::string received;
    std::string wrapped;
    std::string pipe;
};

class Connection final : public ws::Endpoint {
public:
    Connection(Random &random, Worker &worker, Pipe &in, Pipe &out)
        : random_(random),
          worker_(worker),
          in_(in),
          out_(out),
          window_(random.one_in(2) ? 4096 + random.size(100'000) : 0) {}

    [[nodiscard]] bool readable() const noexcept override {
        return in_.readable() != 0 || (!told_end_ && (in_.ended() || in_.is_reset() || broken_));
    }
    [[nodiscard]] ws::Read read(std::span<std::uint8_t> to) noexcept override;
    [[nodiscard]] std::size_t fill_pipe(std::size_t most) noexcept override;
    [[nodiscard]] bool is_full() noexcept override {
        return window_ != 0 && out_.written() - out_.acknowledged() >= window_;
    }
    [[nodiscard]] std::size_t room(std::size_t most) noexcept override {
        return 1 + random_.below(most);
    }
    [[nodiscard]] ws::Written write(std::span<std::uint8_t> bytes) noexcept override;
    [[nodiscard]] ws::Written drain_pipe(std::size_t size) noexcept override;
    [[nodiscard]] bool finish() noexcept override;
    void abort() noexcept override;
    void lose(bool breaks) noexcept override { broken_ = broken_ || breaks; }
    [[nodiscard]] bool drained() const noexcept override {
        return out_.acknowledged() == out_.written();
    }
    [[nodiscard]] bool has_unread() const noexcept override { return in_.readable() != 0; }
    [[nodiscard]] bool is_broken() const noexcept override { return in_.is_reset(); }
    [[nodiscard]] bool may_have_broken() noexcept override { return true; }
    [[nodiscard]] bool takes_pipe() const noexcept override { return true; }
    [[nodiscard]] std::uint64_t acknowledged() noexcept override;

    // The gateway closes the connection.
    void close();

    // Whether the kernel has something to tell: each thing once, and that there is room, or there
    // are bytes, only to who asked in vain.
    [[nodiscard]] bool has_event();
    // Whether such an event stays out.
    [[nodiscard]] bool owes_event() const {
        return (wants_room_ && out_.takes()) || (wants_bytes_ && in_.gives());
    }

private:
    Random &random_;
    Worker &worker_;
    Pipe &in_;
    Pipe &out_;
    std::size_t window_;      // 0: none
    std::uint64_t seen_ = 0;  // changes that were told
    std::uint64_t told_ = 0;  // acknowledged
    bool told_end_ = false;
    bool wants_bytes_ = false;
    bool wants_room_ = false;
    bool broken_ = false;  // for want of memory
};

class House final : public ws::Host {
public:
    House(Random &random, const Clock &clock, Worker &worker, bool poor)
        : random_(random),
          clock_(clock),
          scratch_{.received = writable(worker.received), .wrapped = writable(worker.wrapped)},
          worker_(worker),
          poor_(poor) {}

    [[nodiscard]] const ws::Scratch &scratch() const noexcept override { return scratch_; }
    [[nodiscard]] ws::HeldBuffer *lend() noexcept override;
    void give_back(ws::HeldBuffer *buffer) noexcept override;
    [[nodiscard]] ws::HeldBuffer *enlarge(ws::HeldBuffer *buffer) noexcept override;
    [[nodiscard]] std::size_t empty_pipe(std::span<std::uint8_t> to) noexcept override;
    [[nodiscard]] ws::Answer send_answer() noexcept override {
        comes_back_ = random_.one_in(3);
        return comes_back_ ? ws::Answer::pending : ws::Answer::sent;
    }
    void come_back() noexcept override { comes_back_ = true; }
    void tell(ws::Order order, ws::Phase phase) noexcept override;
    void tell_phase(ws::Phase from, ws::Phase to) noexcept override;

    [[nodiscard]] bool take_come_back() { return std::exchange(comes_back_, false); }
    [[nodiscard]] std::size_t lent() const { return lent_; }
    // Whether each order and each change of the phase is printed.
    static inline bool talks = false;
    // Memory was refused.
    [[nodiscard]] bool was_poor() const { return was_poor_; }
    [[nodiscard]] std::uint64_t orders() const { return orders_; }

private:
    void say(std::string_view when, std::string_view what) const;

    Random &random_;
    const Clock &clock_;
    ws::Scratch scratch_;
    Worker &worker_;
    std::size_t lent_ = 0;
    std::uint64_t orders_ = 0;
    bool poor_;
    bool was_poor_ = false;
    bool comes_back_ = false;
};

}  // namespace sim
