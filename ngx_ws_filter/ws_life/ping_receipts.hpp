// Pings whose pong has to wait until the data before them is acknowledged.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// Keeps two pings: the one that has waited longest, so that an answer comes however fast new ones
// follow, and the newest. Those between need no answer of their own (RFC 6455, section 5.5.3).
class PingReceipts {
public:
    // `payload`: at most max_control_payload bytes, which are copied. `offset`: bytes of the stream
    // before the ping; it never goes back.
    void add(std::span<const std::uint8_t> payload, std::uint64_t offset) noexcept;

    [[nodiscard]] bool waiting() const noexcept { return oldest_.waits; }

    // Where in the stream the ping stands that has waited longest, while one is waiting.
    [[nodiscard]] std::uint64_t offset() const noexcept { return oldest_.offset; }

    // Whether the ping that has waited longest may be answered, with payload().
    [[nodiscard]] bool ripe(std::uint64_t acknowledged) const noexcept {
        return oldest_.waits && acknowledged >= oldest_.offset;
    }

    // While one is waiting; in the object, until pop().
    [[nodiscard]] std::span<const std::uint8_t> payload() const noexcept {
        return {oldest_.payload.data(), oldest_.size};
    }

    // It is answered: now the newest has waited longest, if there is one.
    void pop() noexcept {
        oldest_ = newest_;
        newest_.waits = false;
    }

private:
    struct Ping {
        bool waits = false;
        std::uint8_t size = 0;
        std::array<std::uint8_t, max_control_payload> payload;
        std::uint64_t offset = 0;
    };

    Ping oldest_;
    Ping newest_;
};

}  // namespace ws
