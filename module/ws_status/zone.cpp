#include "module/ws_status/zone.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/owner.hpp"

namespace ngx_ws {

namespace {

MainConf &main_conf(ngx_conf_t *cf) noexcept {
    return *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ws_module));
}

ngx_slab_pool_t *pool_of(const ngx_shm_zone_t &zone) noexcept {
    return reinterpret_cast<ngx_slab_pool_t *>(zone.shm.addr);
}

size_t worker_count(const MainConf &conf) noexcept {
    const auto *core = reinterpret_cast<const ngx_core_conf_t *>(
        ngx_get_conf(conf.cycle->conf_ctx, ngx_core_module));
    return static_cast<size_t>(ngx_max(core->worker_processes, 1));
}

// A worker's seat, its own counters, and for each name one block; some pages are the pool's.
size_t least_pages(const MainConf &conf) noexcept {
    constexpr size_t blocks_in_page = 2;
    return 4 + (worker_count(conf) * (1 + conf.status_zones.nelts)) / blocks_in_page;
}

// What the zone of this name counted before it got another size. Its old workers go on in that
// memory, where nobody sees them.
const ws::Board *former_board(const ngx_shm_zone_t &zone) noexcept {
    ngx_list_part_t *part = &const_cast<ngx_cycle_t *>(ngx_cycle)->shared_memory.part;
    for (; part != nullptr; part = part->next) {
        for (ngx_shm_zone_t &old :
             std::span{static_cast<ngx_shm_zone_t *>(part->elts), part->nelts}) {
            if (old.tag == zone.tag && &old != &zone && old.shm.addr != nullptr &&
                ngx::view(old.shm.name) == ngx::view(zone.shm.name)) {
                return &static_cast<Desk *>(pool_of(old)->data)->board;
            }
        }
    }
    return nullptr;
}

bool make_board(const ngx_shm_zone_t &zone, const MainConf &conf) noexcept {
    ngx_slab_pool_t *pool = pool_of(zone);
    void *memory = ngx_slab_alloc(pool, sizeof(Desk));
    if (memory == nullptr) {
        return false;
    }
    auto *desk = new (memory) Desk{};
    pool->data = desk;
    // The list of sessions may want more than there is, and says so itself.
    pool->log_nomem = 0;
    const ws::Board *former = former_board(zone);
    SharedBoard shared(pool);
    const size_t two_generations = 2 * worker_count(conf);
    return desk->orders.reserve(two_generations, shared) &&
           (former == nullptr || desk->board.adopt(*former, shared));
}

bool name_zones(const MainConf &conf, ngx_slab_pool_t *pool) noexcept {
    SharedBoard shared(pool);
    for (StatusZone *zone :
         std::span{static_cast<StatusZone **>(conf.status_zones.elts), conf.status_zones.nelts}) {
        zone->on_board = shared.board().zone(ngx::view(zone->name), shared);
        if (zone->on_board == nullptr) {
            return false;
        }
    }
    return true;
}

// `data` is that of the same zone before a reload.
ngx_int_t init_zone(ngx_shm_zone_t *zone, void *data) {
    const auto &conf = *static_cast<MainConf *>(zone->data);
    ngx_slab_pool_t *pool = pool_of(*zone);
    const size_t needed = least_pages(conf) * ngx_pagesize;
    const bool fits = zone->shm.size >= needed;
    if (!fits || (data == nullptr && !zone->shm.exists && !make_board(*zone, conf)) ||
        !name_zones(conf, pool)) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "ws: zone \"%V\" is too small: %ui names and the workers need at least %uz",
                      &zone->shm.name, conf.status_zones.nelts, needed);
        return NGX_ERROR;
    }
    return NGX_OK;
}

}  // namespace

bool SharedBoard::lives(const ws::Owner &owner) const noexcept {
    return ngx_ws::lives(owner);
}

bool check_status(ngx_conf_t *cf) noexcept {
    const MainConf &conf = main_conf(cf);
    if (conf.zone != nullptr) {
        conf.zone->init = init_zone;
        return true;
    }
    if (conf.needs_zone.directive.empty()) {
        return true;
    }
    const ngx_str_t name = ngx::str(conf.needs_zone.directive);
    log_at(cf, conf.needs_zone, NGX_LOG_EMERG, "\"%V\" needs \"ws_zone\" in the http block", &name);
    return false;
}

void begin_generation(const MainConf &conf) noexcept {
    if (conf.zone != nullptr) {
        SharedBoard(pool_of(*conf.zone)).board().begin_generation();
    }
}

}  // namespace ngx_ws
