// One direction of a session: the account of its bytes, and those that its destination did not
// take.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/flow_ledger.hpp"
#include "ngx_ws_filter/ws_relay/endpoint.hpp"
#include "ngx_ws_filter/ws_relay/host.hpp"

namespace ws {

// How far a direction has come, as another process goes on with it.
struct Flow {
    std::uint64_t taken;
    std::uint64_t written;
    std::uint64_t acknowledged;
    bool finished;
    bool lost;
};

class Lane {
public:
    // Both outlive the object, but for a host that is replaced. `window` and `at`: see FlowLedger.
    Lane(Endpoint &destination, Host &host, std::uint64_t window, std::uint64_t at = 0) noexcept
        : destination_(&destination), host_(&host), ledger_(window, at) {}

    // Another host lends from now on.
    void move_to(Host &host) noexcept { host_ = &host; }
    // The destination is gone, and this is in its place.
    void leave_to(Endpoint &nobody) noexcept { destination_ = &nobody; }

    [[nodiscard]] FlowLedger &ledger() noexcept { return ledger_; }
    [[nodiscard]] const FlowLedger &ledger() const noexcept { return ledger_; }

    // How many bytes, at most `most`, to read for this lane.
    [[nodiscard]] std::size_t room(std::size_t most) noexcept { return destination_->room(most); }
    // See Endpoint. full() is what was found when this was last asked, until flush().
    [[nodiscard]] bool is_full() noexcept {
        full_ = !lost_ && destination_->is_full();
        return full_;
    }
    [[nodiscard]] bool full() const noexcept { return full_; }

    // Writes what the destination takes and holds the rest; behind what is held already, it is held
    // too, in a buffer that grows. The last `payload` bytes are data, those
    // before them a header or control frames. Without memory to hold them the lane is lost. A lost
    // lane takes bytes, which go nowhere.
    void write(std::span<std::uint8_t> bytes, std::size_t payload) noexcept;
    // Writes a header and a payload that is in the worker's pipe, which is empty afterwards.
    void forward(std::span<std::uint8_t> header, std::size_t payload) noexcept;
    // Writes what is held, as much as is taken.
    void flush() noexcept;
    // Writes what is held for the last time, past every bound of ours.
    void flush_at_last() noexcept;

    // Ends the stream to the destination. If there is no room for that, flush() tries it again.
    void finish() noexcept;
    [[nodiscard]] bool finished() const noexcept { return finish_ == Finish::done; }

    // What the destination did not take yet.
    [[nodiscard]] std::span<const std::uint8_t> held() const noexcept {
        return held_ == nullptr ? std::span<const std::uint8_t>{} : held_->content();
    }
    // The lane takes nothing but data.
    [[nodiscard]] Flow flow() const noexcept {
        return {.taken = ledger_.taken(),
                .written = ledger_.written(),
                .acknowledged = ledger_.acknowledged(),
                .finished = finish_ != Finish::not_wanted,
                .lost = lost_};
    }
    // Before anything is written here. False if there is no memory for what was `held`.
    [[nodiscard]] bool go_on(const Flow &flow, std::span<const std::uint8_t> held) noexcept;
    // Another process goes on with it: what is held is given back, and nobody is told anything.
    void hand_over() noexcept;

    // The destination is gone: what is held is dropped.
    void lose() noexcept;
    // Resets the destination, which is then gone.
    void abort() noexcept;

    [[nodiscard]] bool blocked() const noexcept {
        return held_ != nullptr || finish_ == Finish::wanted;
    }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    // Somebody waits for the destination, or has.
    [[nodiscard]] bool waits() const noexcept {
        return lost_ || full_ || waiting_ || blocked() || paused();
    }
    [[nodiscard]] bool paused() const noexcept { return ledger_.paused(); }

    // The payload that the destination's transport has acknowledged. What stands behind
    // the payload on the wire counts as the last to be acknowledged.
    [[nodiscard]] std::uint64_t acknowledged() noexcept;
    // See Endpoint.
    [[nodiscard]] bool knows_exactly() const noexcept { return destination_->knows_exactly(); }
    [[nodiscard]] std::uint64_t moved() noexcept { return destination_->moved(); }

    // Milliseconds in all for which the destination kept the source waiting.
    [[nodiscard]] Millis stalled(Millis now) const noexcept {
        return stalled_ + (waiting_ ? now - stalled_since_ : 0);
    }
    void note_stall(Millis now) noexcept;
    // The destination did so when the last turn ended.
    [[nodiscard]] bool stalls() const noexcept { return waiting_; }

private:
    enum class Finish : std::uint8_t { not_wanted, wanted, done };

    [[nodiscard]] std::size_t send(std::span<std::uint8_t> bytes) noexcept;
    template <typename Give>
    [[nodiscard]] std::size_t send(std::size_t size, Give give) noexcept;
    void hold_pipe(std::span<std::uint8_t> header, std::size_t payload) noexcept;
    void hold(std::span<std::uint8_t> bytes) noexcept;
    [[nodiscard]] bool add_to_held(std::span<const std::uint8_t> bytes) noexcept;
    void fail(bool breaks) noexcept;
    void note_written() noexcept;
    void release() noexcept;

    Endpoint *destination_;
    Host *host_;
    [[no_unique_address]] FlowLedger ledger_;  // the next four fill its last bytes
    bool waiting_ = false;
    bool lost_ = false;
    bool full_ = false;
    Finish finish_ = Finish::not_wanted;
    HeldBuffer *held_ = nullptr;
    std::uint64_t wire_ = 0;     // bytes taken, data and all others
    std::uint64_t sent_ = 0;     // of these, written
    std::uint64_t data_at_ = 0;  // wire_ at the end of the last data
    Millis stalled_ = 0;
    Millis stalled_since_ = 0;
};

}  // namespace ws
