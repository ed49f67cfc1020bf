// The phases of a session's life, and which may follow which.
#pragma once

#include <cstdint>
#include <string_view>

namespace ws {

// Within one leg, which is one connection of the client, a phase is never entered twice and none
// comes back. A session that outlives its leg is detached until the next one begins.
enum class Phase : std::uint8_t {
    connecting,   // the 101 is not yet through to the client
    open,         // data goes both ways
    half_closed,  // one side has said its last, and the session waits for the other (ws_half_close)
    detached,     // the client's connection is gone, and the session waits for the next (ws_resume)
    delivering,   // the end is known; our Close waits for what the backend acknowledges
    closing,      // our Close and its code are settled, and on their way to the client
    draining,     // the client is told nothing more; both connections come to their ends
    over,         // nothing is left to do
};

inline constexpr unsigned phases = 8;

// The table of docs/lifecycle.md.
[[nodiscard]] constexpr bool may_follow(Phase from, Phase to) noexcept {
    constexpr auto bit = [](Phase phase) { return 1U << static_cast<unsigned>(phase); };
    constexpr unsigned ends = bit(Phase::detached) | bit(Phase::closing) | bit(Phase::draining);
    constexpr unsigned followers[phases] = {
        bit(Phase::open) | ends,                                         // connecting
        bit(Phase::half_closed) | bit(Phase::delivering) | ends,         // open
        bit(Phase::delivering) | ends,                                   // half_closed
        bit(Phase::connecting) | bit(Phase::draining),                   // detached
        ends,                                                            // delivering
        bit(Phase::detached) | bit(Phase::draining) | bit(Phase::over),  // closing
        bit(Phase::over),                                                // draining
        0,                                                               // over
    };
    return (followers[static_cast<unsigned>(from)] & bit(to)) != 0;
}

inline constexpr std::string_view phase_names[phases] = {
    "connecting", "open", "half-closed", "detached", "delivering", "closing", "draining", "over"};

[[nodiscard]] constexpr std::string_view name(Phase phase) noexcept {
    return phase_names[static_cast<unsigned>(phase)];
}

// The sides of a session, for whose doing something is.
enum class Side : std::uint8_t { nobody, client, backend, gateway };

inline constexpr std::string_view side_names[] = {"nobody", "client", "backend", "gateway"};

[[nodiscard]] constexpr std::string_view name(Side side) noexcept {
    return side_names[static_cast<unsigned>(side)];
}

}  // namespace ws
