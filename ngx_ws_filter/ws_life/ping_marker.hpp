// What a ping of ours carries, so that its pong tells how far the client has come. RFC 6455,
// sections 5.5.2 and 5.5.3: a pong has the payload of its ping, and comes behind all frames before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// Numbers the pings of one session, and believes no pong that cannot be the answer to one of them.
class PingMarkers {
public:
    static constexpr std::size_t size = 12;  // bytes of payload
    using Payload = std::array<std::uint8_t, size>;

    // The payload of a ping that stands behind the first `offset` bytes of the stream. Offsets
    // never go back.
    [[nodiscard]] Payload mark(std::uint64_t offset) noexcept;

    struct Answer {
        bool believed;         // otherwise unsolicited, altered, or from the future: to be ignored
        bool newest;           // the last ping is answered, so that a round trip can be measured
        std::uint64_t offset;  // all bytes before it have been read by the client
    };
    [[nodiscard]] Answer answer(std::span<const std::uint8_t> payload) const noexcept;

    // Where in the stream the last ping stands.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

private:
    std::uint64_t offset_ = 0;
    std::uint32_t number_ = 0;
};

}  // namespace ws
