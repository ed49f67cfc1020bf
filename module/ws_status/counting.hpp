// This process's own places on the board: what it counts, and how many sessions it can list.
#pragma once

#include "module/ws_status/zone.hpp"

#include "ngx_ws_filter/ws_status/places.hpp"

namespace ngx_ws {

// Null if nobody counts, or if there is no memory for it.
[[nodiscard]] ws::Counters *counters_of(StatusZone *zone) noexcept;
// Counts what this process does as a whole; null as above.
[[nodiscard]] ws::Counters *counters_of_worker() noexcept;

// A place in the list of sessions; null if there is none.
[[nodiscard]] ws::Shelf::Place *take_place() noexcept;
void give_back(ws::Shelf::Place &place) noexcept;

// Somebody has looked at the list a short time ago.
[[nodiscard]] bool is_list_looked_at() noexcept;

// So many buffers are held now.
void count_held_buffers(size_t held) noexcept;

// So many bytes may have to be sent again.
void count_replay_bytes(size_t lent) noexcept;

// This process begins with a configuration, whether or not that counts; and ends.
void sit_down(const MainConf &conf) noexcept;
void stand_up() noexcept;

}  // namespace ngx_ws
