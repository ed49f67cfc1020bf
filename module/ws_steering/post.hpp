// Where this process is told that sessions of its own are to end, and where it tells others.
#pragma once

#include "module/ws_status/zone.hpp"

namespace ngx_ws {

struct Post {
    explicit Post(const ngx_shm_zone_t &zone) noexcept;
    Post(const Post &) = delete;
    Post &operator=(const Post &) = delete;

    [[nodiscard]] ws::Quota &quota() const noexcept { return shared.desk().quota; }
    [[nodiscard]] ws::Orders &orders() const noexcept { return shared.desk().orders; }

    const u_char *memory;  // of the zone
    SharedBoard shared;
    ws::Owner owner;         // this process
    ws::Listener *listener;  // null: the zone has no memory for it
};

// Null without ws_zone.
[[nodiscard]] Post *find_post() noexcept;

// A worker begins, and ends. Without a descriptor for the first, which the log then tells, others
// cannot wake it.
void open_post(ngx_cycle_t *cycle) noexcept;
void close_post() noexcept;

// The process calls obey() soon. This one does so in an event of its own.
void wake(const ws::Owner &owner) noexcept;
void wake_all() noexcept;

// Does what others have left to be done. See steered.cpp.
void obey() noexcept;

}  // namespace ngx_ws
