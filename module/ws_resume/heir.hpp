// A worker that stays takes the sessions of one that leaves. See leaver.hpp.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// A worker begins, in whose configuration sessions can be resumed. Without a socket for it, which
// the log then tells, sessions stay with the workers that have them.
void open_rendezvous(ngx_cycle_t *cycle) noexcept;

// This worker is told to go as well, and has nothing left of what it has taken: those from whom it
// has that, and who still pass clients on to it, get its own heir for theirs.
class Parcels;
void pass_leavers(Parcels &to) noexcept;
[[nodiscard]] bool has_leavers() noexcept;

}  // namespace ngx_ws
