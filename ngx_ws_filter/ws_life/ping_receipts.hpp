// Pings whose pong has to wait until the data before them is acknowledged.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ws {

// A ping of the client.
struct WaitingPing {
    bool waits = false;
    std::uint8_t size = 0;
    std::array<std::uint8_t, max_control_payload> payload;
    std::uint64_t offset = 0;
};

// The memory for two of them, which few sessions need, and those not for long.
struct WaitingPings {
    WaitingPing oldest;
    WaitingPing newest;
};

// Keeps two pings: the one that has waited longest, so that an answer comes however fast new ones
// follow, and the newest. Those between need no answer of their own (RFC 6455, section 5.5.3).
class PingReceipts {
public:
    [[nodiscard]] bool has_memory() const noexcept { return pings_ != nullptr; }
    // No ping waits in the memory yet. It is lent until it is taken back, with all that wait.
    void keep_in(WaitingPings &memory) noexcept { pings_ = &memory; }
    [[nodiscard]] WaitingPings *take_back() noexcept { return std::exchange(pings_, nullptr); }

    // With memory. `payload`: at most max_control_payload bytes, which are copied. `offset`: bytes
    // of the stream before the ping; it never goes back.
    void add(std::span<const std::uint8_t> payload, std::uint64_t offset) noexcept;

    [[nodiscard]] bool waiting() const noexcept {
        return pings_ != nullptr && pings_->oldest.waits;
    }

    // Where in the stream the ping stands that has waited longest, while one is waiting.
    [[nodiscard]] std::uint64_t offset() const noexcept { return pings_->oldest.offset; }

    // Whether the ping that has waited longest may be answered, with payload().
    [[nodiscard]] bool ripe(std::uint64_t acknowledged) const noexcept {
        return waiting() && acknowledged >= pings_->oldest.offset;
    }

    // While one is waiting; in the memory, until pop().
    [[nodiscard]] std::span<const std::uint8_t> payload() const noexcept {
        return {pings_->oldest.payload.data(), pings_->oldest.size};
    }

    // It is answered: now the newest has waited longest, if there is one.
    void pop() noexcept {
        pings_->oldest = pings_->newest;
        pings_->newest.waits = false;
    }

private:
    WaitingPings *pings_ = nullptr;
};

}  // namespace ws
