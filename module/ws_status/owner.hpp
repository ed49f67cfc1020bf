// Which process is this, and does that one still live?
#pragma once

#include "ngx_ws_filter/ws_status/board.hpp"

namespace ngx_ws {

[[nodiscard]] ws::Owner this_process() noexcept;

// No for a process that has ended, also if another one has its number by now.
[[nodiscard]] bool lives(const ws::Owner &owner) noexcept;

}  // namespace ngx_ws
