// The shared memory of ws_zone, in which sessions are counted.
#pragma once

#include "module/ws_settings/status_conf.hpp"

#include "ngx_ws_filter/ws_steering/orders.hpp"
#include "ngx_ws_filter/ws_steering/quota.hpp"

namespace ngx_ws {

struct MainConf;

// What lies in the zone.
struct Desk {
    ws::Board board;
    ws::Quota quota;
    ws::Orders orders;
};

// The same, with what it needs of nginx.
class SharedBoard final : public ws::BoardHost {
public:
    explicit SharedBoard(ngx_slab_pool_t *pool) noexcept : pool_(pool) {}

    [[nodiscard]] Desk &desk() const noexcept { return *static_cast<Desk *>(pool_->data); }
    [[nodiscard]] ws::Board &board() const noexcept { return desk().board; }
    // It lies in this memory, and not in that of a zone before a reload.
    [[nodiscard]] bool has(const void *thing) const noexcept {
        const auto *at = static_cast<const u_char *>(thing);
        return at >= pool_->start && at < pool_->end;
    }

    void lock() noexcept override { ngx_shmtx_lock(&pool_->mutex); }
    void unlock() noexcept override { ngx_shmtx_unlock(&pool_->mutex); }
    [[nodiscard]] void *allocate(size_t size) noexcept override {
        return ngx_slab_alloc_locked(pool_, size);
    }
    [[nodiscard]] bool lives(const ws::Owner &owner) const noexcept override;

private:
    ngx_slab_pool_t *pool_;
};

// What can be said and set only when the whole configuration has been read; false after an error.
[[nodiscard]] bool check_status(ngx_conf_t *cf) noexcept;

// The configuration is put to use.
void begin_generation(const MainConf &conf) noexcept;

// A process without a master has sessions that go on in a zone which this configuration does not
// have, or with another size: nginx gives back no memory of it.
void keep_left_zones(ngx_cycle_t *cycle) noexcept;

}  // namespace ngx_ws
