#include "module/ws_status/zone.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/owner.hpp"

namespace ngx_ws {

namespace {

char *conf_error() noexcept {
    return static_cast<char *>(NGX_CONF_ERROR);
}

MainConf &main_conf(ngx_conf_t *cf) noexcept {
    return *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ws_module));
}

ngx_slab_pool_t *pool_of(const ngx_shm_zone_t &zone) noexcept {
    return reinterpret_cast<ngx_slab_pool_t *>(zone.shm.addr);
}

// A worker's seat, its own counters, and for each name one block; some pages are the pool's.
size_t least_pages(const MainConf &conf) noexcept {
    constexpr size_t blocks_in_page = 2;
    const auto *core = reinterpret_cast<const ngx_core_conf_t *>(
        ngx_get_conf(conf.cycle->conf_ctx, ngx_core_module));
    const auto workers = static_cast<size_t>(ngx_max(core->worker_processes, 1));
    return 4 + (workers * (1 + conf.status_zones.nelts)) / blocks_in_page;
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
                return static_cast<ws::Board *>(pool_of(old)->data);
            }
        }
    }
    return nullptr;
}

bool make_board(const ngx_shm_zone_t &zone) noexcept {
    ngx_slab_pool_t *pool = pool_of(zone);
    void *memory = ngx_slab_alloc(pool, sizeof(ws::Board));
    if (memory == nullptr) {
        return false;
    }
    auto *board = new (memory) ws::Board{};
    pool->data = board;
    // The list of sessions may want more than there is, and says so itself.
    pool->log_nomem = 0;
    const ws::Board *former = former_board(zone);
    SharedBoard shared(pool);
    return former == nullptr || board->adopt(*former, shared);
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
    if (!fits || (data == nullptr && !zone->shm.exists && !make_board(*zone)) ||
        !name_zones(conf, pool)) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "ws: zone \"%V\" is too small: %ui names and the workers need at least %uz",
                      &zone->shm.name, conf.status_zones.nelts, needed);
        return NGX_ERROR;
    }
    return NGX_OK;
}

StatusZone *find_or_add(ngx_conf_t *cf, MainConf &conf, const ngx_str_t &name) noexcept {
    for (StatusZone *zone : ngx::elements<StatusZone *>(&conf.status_zones)) {
        if (ngx::view(zone->name) == ngx::view(name)) {
            return zone;
        }
    }
    auto *made = static_cast<StatusZone *>(ngx_pcalloc(cf->pool, sizeof(StatusZone)));
    auto *slot = static_cast<StatusZone **>(ngx_array_push(&conf.status_zones));
    if (made == nullptr || slot == nullptr) {
        return nullptr;
    }
    made->name = name;
    *slot = made;
    return made;
}

ngx_str_t server_name(ngx_conf_t *cf) noexcept {
    const auto *cscf = static_cast<ngx_http_core_srv_conf_t *>(
        ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module));
    return cscf->server_name.len != 0 ? cscf->server_name : ngx_str_t ngx_string("-");
}

}  // namespace

bool SharedBoard::lives(const ws::Owner &owner) const noexcept {
    return ngx_ws::lives(owner);
}

bool name_status_zone(ngx_conf_t *cf, LocConf &conf) noexcept {
    MainConf &main = main_conf(cf);
    const bool counts =
        conf.upstream.upstream != nullptr || conf.target != nullptr || conf.origins_guard != 0;
    if (main.zone == nullptr || !counts) {
        return true;
    }
    const ngx_str_t name = conf.status_zone_name.len != 0 ? conf.status_zone_name : server_name(cf);
    conf.status_zone = find_or_add(cf, main, name);
    return conf.status_zone != nullptr;
}

bool check_status(ngx_conf_t *cf) noexcept {
    const MainConf &conf = main_conf(cf);
    if (conf.status_file.data == nullptr || conf.zone != nullptr) {
        return true;
    }
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"ws_status\" needs \"ws_zone\" in the http block in %V:%ui", &conf.status_file,
                  conf.status_line);
    return false;
}

void begin_generation(const MainConf &conf) noexcept {
    if (conf.zone != nullptr) {
        SharedBoard(pool_of(*conf.zone)).board().begin_generation();
    }
}

extern "C" char *ngx_http_ws_set_zone(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto &conf = *static_cast<MainConf *>(data);
    if (conf.zone != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    const ngx_str_t &value = static_cast<ngx_str_t *>(cf->args->elts)[1];
    const std::string_view text = ngx::view(value);
    const size_t colon = text.find(':');
    ngx_str_t name = value;
    ngx_str_t size_text = ngx_null_string;
    if (colon != std::string_view::npos) {
        name.len = colon;
        size_text = {value.len - colon - 1, value.data + colon + 1};
    }
    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone name \"%V\"", &value);
        return conf_error();
    }
    const ssize_t size = size_text.len == 0 ? NGX_ERROR : ngx_parse_size(&size_text);
    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\" in \"ws_zone\": expected a name and a size "
                           "such as ws:1m",
                           &value);
        return conf_error();
    }
    if (size < static_cast<ssize_t>(8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: expected at least %uz bytes", &value,
                           8 * ngx_pagesize);
        return conf_error();
    }
    conf.zone = ngx_shared_memory_add(cf, &name, static_cast<size_t>(size), &ngx_http_ws_module);
    if (conf.zone == nullptr ||
        ngx_array_init(&conf.status_zones, cf->pool, 4, sizeof(StatusZone *)) != NGX_OK) {
        return conf_error();
    }
    conf.cycle = cf->cycle;
    conf.zone->init = init_zone;
    conf.zone->data = &conf;
    return NGX_CONF_OK;
}

}  // namespace ngx_ws
