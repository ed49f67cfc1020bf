// What a session's life orders its driver to do.
#pragma once

#include <cstdint>
#include <string_view>

namespace ws {

// The one thing to be done next.
enum class Order : std::uint8_t {
    none,            // nothing, until there is a new fact or wake_at() has come
    write_due,       // write the session's control frames that are due to the client
    write_last,      // the same, and finish_client follows: both can go out in one segment
    finish_backend,  // end our side of the backend's connection behind what was written
    finish_client,   // the same towards the client
    drop_client,     // the client is gone: what is held for it is of no use
    drop_backend,    // the backend takes nothing: what is held for it is of no use. What the
                     // client's kernel has is read, to be counted, before backend_lost()
    reset_backend,   // reset the backend's connection
    part,            // close the client's connection alone: the session waits for the next one
    end,             // close both connections
};

inline constexpr std::string_view order_names[] = {
    "none",        "write what is due", "write the last", "finish backend", "finish client",
    "drop client", "drop backend",      "reset backend",  "part",           "end"};

[[nodiscard]] constexpr std::string_view name(Order order) noexcept {
    return order_names[static_cast<unsigned>(order)];
}

// What becomes of the bytes that a side sends.
enum class Use : std::uint8_t { relay, drop, leave };

}  // namespace ws
