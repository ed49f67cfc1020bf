// What a relay needs of the process that it lives in.
#pragma once

#include "ngx_ws_filter/ws_life/tunnel.hpp"
#include "ngx_ws_filter/ws_relay/held_buffer.hpp"

#include <cstdint>
#include <span>

namespace ws {

// Memory that all relays of a worker use in turn. What is in it is lost with the end of a turn.
struct Scratch {
    std::span<std::uint8_t> received;  // a read, or what frames and compression make of one
    std::span<std::uint8_t> wrapped;  // the same, with room before for a frame's header, and behind
                                      // for control frames
};

enum class Answer : std::uint8_t { pending, sent, failed };

// See Endpoint for the functions' bodies.
class Host {
public:
    [[nodiscard]] virtual const Scratch &scratch() const noexcept {
        static constexpr Scratch nothing;
        return nothing;
    }
    // Empty; null if there is no memory.
    [[nodiscard]] virtual HeldBuffer *lend() noexcept { return nullptr; }
    virtual void give_back(HeldBuffer *) noexcept {}
    // Moves a buffer to another place, with the same content and about twice the room. Null if
    // there is no memory; then the buffer is as it was.
    [[nodiscard]] virtual HeldBuffer *enlarge(HeldBuffer *) noexcept { return nullptr; }

    // Takes all that is left in the worker's pipe, at most as much as there is room for.
    [[nodiscard]] virtual std::size_t empty_pipe(std::span<std::uint8_t>) noexcept { return 0; }

    // Sends what is left of the 101.
    [[nodiscard]] virtual Answer send_answer() noexcept { return Answer::sent; }
    // There is more to do than one turn allows: advance() is to be called again soon.
    virtual void come_back() noexcept {}
    // For a log at the level debug. See Witness for all but the first.
    virtual void tell(Order, Phase) noexcept {}
    virtual void tell_phase(Phase /*from*/, Phase /*to*/) noexcept {}
    virtual void tell_ping(Millis) noexcept {}
    virtual void tell_pong(Millis) noexcept {}
    virtual void tell_late(Deadline, Millis, Millis) noexcept {}

protected:
    Host() = default;
    ~Host() = default;
};

}  // namespace ws
