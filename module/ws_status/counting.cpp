#include "module/ws_status/counting.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/owner.hpp"

#include <optional>

namespace ngx_ws {

namespace {

// Where this process sits.
struct Here {
    const u_char *memory;  // of the zone
    SharedBoard shared;
    ws::Seat *seat;
    ws::Places places;
    ws::Counters *counters;
    bool told_full = false;

    Here(const ngx_shm_zone_t &zone, const SharedBoard &board, ws::Seat &taken) noexcept
        : memory(zone.shm.addr),
          shared(board),
          seat(&taken),
          places(shared.board(), taken, shared),
          counters(shared.board().counters(taken, nullptr, shared)) {}
    Here(const Here &) = delete;
    Here &operator=(const Here &) = delete;
};

std::optional<Here> here;
bool tried;

void tell_full(const char *what) noexcept {
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "ws: ws_zone is full: %s", what);
}

void take_seat(ngx_shm_zone_t &zone) noexcept {
    tried = true;
    SharedBoard shared(reinterpret_cast<ngx_slab_pool_t *>(zone.shm.addr));
    ws::Seat *seat = shared.board().sit(this_process(), shared);
    if (seat == nullptr) {
        tell_full("this worker counts nothing");
        return;
    }
    here.emplace(zone, shared, *seat);
}

// A process without a master comes to another zone, or to the same one by another name, at a
// reload.
Here *find_here() noexcept {
    const MainConf *conf = find_main_conf(const_cast<const ngx_cycle_t *>(ngx_cycle));
    if (conf == nullptr || conf->zone == nullptr) {
        return nullptr;
    }
    if (here.has_value() && here->memory != conf->zone->shm.addr) {
        here.reset();
        tried = false;
    }
    if (!here.has_value() && !tried) {
        take_seat(*conf->zone);
    }
    return here.has_value() ? &*here : nullptr;
}

}  // namespace

ws::Counters *counters_of(StatusZone *zone) noexcept {
    if (zone == nullptr || zone->counters != nullptr) {
        return zone == nullptr ? nullptr : zone->counters;
    }
    Here *at = find_here();
    if (at == nullptr || !at->shared.has(zone->on_board)) {
        return nullptr;
    }
    zone->counters = at->shared.board().counters(*at->seat, zone->on_board, at->shared);
    if (zone->counters == nullptr && !at->told_full) {
        at->told_full = true;
        tell_full("some sessions are not counted");
    }
    return zone->counters;
}

ws::Counters *counters_of_worker() noexcept {
    Here *at = find_here();
    return at == nullptr ? nullptr : at->counters;
}

ws::Shelf::Place *take_place() noexcept {
    Here *at = find_here();
    if (at == nullptr) {
        return nullptr;
    }
    ws::Shelf::Place *place = at->places.take();
    if (place == nullptr && at->counters != nullptr) {
        at->counters->count(ws::Metric::unlisted_sessions);
    }
    return place;
}

void give_back(ws::Shelf::Place &place) noexcept {
    if (here.has_value() && here->shared.has(&place)) {
        here->places.give_back(place);
    }
}

bool is_list_looked_at() noexcept {
    return here.has_value() && here->shared.board().is_looked_at(ngx_current_msec);
}

void count_held_buffers(size_t held) noexcept {
    ws::Counters *counters = counters_of_worker();
    if (counters != nullptr) {
        counters->set(ws::Metric::held_buffers, held);
        counters->set_most(ws::Metric::most_held_buffers, held);
    }
}

void count_replay_bytes(size_t lent) noexcept {
    if (ws::Counters *counters = counters_of_worker(); counters != nullptr) {
        counters->set(ws::Metric::replay_bytes, lent);
    }
}

void sit_down(const MainConf &conf) noexcept {
    if (conf.zone != nullptr) {
        take_seat(*conf.zone);
    }
}

void stand_up() noexcept {
    if (here.has_value()) {
        here->shared.board().leave(*here->seat, here->shared);
        here.reset();
    }
}

}  // namespace ngx_ws
