// ws_zone and ws_status_zone: the shared memory in which sessions are counted, and the names under
// which that is done.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_status/board.hpp"

namespace ngx_ws {

struct LocConf;
struct MainConf;

// The board as it lies in a zone of nginx.
class SharedBoard final : public ws::BoardHost {
public:
    explicit SharedBoard(ngx_slab_pool_t *pool) noexcept : pool_(pool) {}

    [[nodiscard]] ws::Board &board() const noexcept {
        return *static_cast<ws::Board *>(pool_->data);
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

// A name of the configuration.
struct StatusZone {
    ngx_str_t name;
    const ws::ZoneName *on_board;  // once the memory stands
    ws::Counters *counters;        // of this process; null before they are asked for first
};

// Settles which name a location counts under, once it is known what it serves. False if there is no
// memory.
[[nodiscard]] bool name_status_zone(ngx_conf_t *cf, LocConf &conf) noexcept;

// What can be said only when the whole configuration has been read; false after an error.
[[nodiscard]] bool check_status(ngx_conf_t *cf) noexcept;

// The configuration is put to use.
void begin_generation(const MainConf &conf) noexcept;

extern "C" char *ngx_http_ws_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws
