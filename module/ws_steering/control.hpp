// Requests to ws_control that wait until all workers have obeyed.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Answers those for which that is so, or for which it takes too long.
void answer_waiting() noexcept;

}  // namespace ngx_ws
