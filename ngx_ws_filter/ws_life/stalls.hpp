// How long a side may take nothing: ws_send_timeout.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/witness.hpp"

namespace ws {

// A side that is blocked or full has its time anew with each byte that it takes.
class Stalls {
public:
    // The deadlines outlive the object.
    Stalls(Millis send_timeout, Deadlines &deadlines) noexcept
        : send_timeout_(send_timeout), deadlines_(&deadlines) {}

    // Sets the deadlines of both sides as they stand.
    void watch(const Standing &standing, Witness &witness, Millis now) noexcept;

    // Whether this side's deadline has passed, and nothing has moved since it was set.
    [[nodiscard]] bool is_over(Side side, Witness &witness, Millis now) noexcept;

private:
    // How far a side had come when its deadline was set.
    struct Mark {
        std::uint64_t written = 0;
        std::uint64_t moved = 0;
    };

    void watch(Side side, bool waits, std::uint64_t written, Witness &witness, Millis now) noexcept;
    [[nodiscard]] Mark &mark_of(Side side) noexcept {
        return side == Side::client ? client_ : backend_;
    }

    Millis send_timeout_;
    Deadlines *deadlines_;
    Mark client_;
    Mark backend_;
};

}  // namespace ws
