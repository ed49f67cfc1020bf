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

template <typename Take>
void each_zone(ngx_cycle_t &cycle, Take take) noexcept {
    ngx_list_part_t *part = &cycle.shared_memory.part;
    for (; part != nullptr; part = part->next) {
        for (ngx_shm_zone_t &zone :
             std::span{static_cast<ngx_shm_zone_t *>(part->elts), part->nelts}) {
            take(zone);
        }
    }
}

// What the zone of this name counted before it got another size. Its old workers go on in that
// memory, where nobody sees them.
const ws::Board *former_board(const ngx_shm_zone_t &zone) noexcept {
    const ws::Board *found = nullptr;
    each_zone(*const_cast<ngx_cycle_t *>(ngx_cycle), [&](const ngx_shm_zone_t &old) {
        if (old.tag == zone.tag && &old != &zone && old.shm.addr != nullptr &&
            ngx::view(old.shm.name) == ngx::view(zone.shm.name)) {
            found = &static_cast<Desk *>(pool_of(old)->data)->board;
        }
    });
    return found;
}

bool goes_on(ngx_cycle_t &cycle, const ngx_shm_zone_t &old) noexcept {
    bool found = false;
    each_zone(cycle,
              [&](const ngx_shm_zone_t &zone) { found = found || zone.shm.addr == old.shm.addr; });
    return found;
}

// By a name that no configuration gives, and no other zone has.
bool keep(ngx_cycle_t &cycle, ngx_shm_zone_t &old) noexcept {
    constexpr size_t most_name = 32;
    auto *name = static_cast<u_char *>(ngx_pnalloc(cycle.pool, most_name));
    if (name == nullptr) {
        return false;
    }
    auto *kept = static_cast<ngx_shm_zone_t *>(ngx_list_push(&cycle.shared_memory));
    if (kept == nullptr) {
        return false;
    }
    const u_char *end = ngx_snprintf(name, most_name, " left at %p", old.shm.addr);
    old.shm.name = {static_cast<size_t>(end - name), name};
    *kept = old;
    return true;
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

void keep_left_zones(ngx_cycle_t *cycle) noexcept {
    if (ngx_process != NGX_PROCESS_SINGLE) {
        return;
    }
    each_zone(*const_cast<ngx_cycle_t *>(ngx_cycle), [&](ngx_shm_zone_t &old) {
        if (old.tag == &ngx_http_ws_module && old.shm.addr != nullptr && !goes_on(*cycle, old) &&
            !keep(*cycle, old)) {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                          "ws: no memory to keep the zone of sessions that go on");
        }
    });
}

void begin_generation(const MainConf &conf) noexcept {
    if (conf.zone != nullptr) {
        SharedBoard(pool_of(*conf.zone)).board().begin_generation();
    }
}

}  // namespace ngx_ws
