#include "ngx_ws_filter/ws_status/counters.hpp"

namespace ws {

void Counters::observe(Metric metric, Millis value) noexcept {
    const std::span<const Bound> bounds = family(metric).bounds;
    std::size_t bucket = 0;
    while (bucket < bounds.size() && value > bounds[bucket].millis) {
        ++bucket;
    }
    count(metric, bucket);
    add(metric, bounds.size() + 1, value);
}

void Counters::clear_gauges() noexcept {
    for (const Family &family : families) {
        for (std::size_t i = 0; family.type == Family::Type::gauge && i < family.cells(); ++i) {
            cells_[family.first + i].set(0);
        }
    }
}

void Counters::add_to(Sums &sums, bool with_gauges) const noexcept {
    for (const Family &family : families) {
        if (family.type == Family::Type::gauge && !with_gauges) {
            continue;
        }
        for (std::size_t i = 0; i < family.cells(); ++i) {
            sums.add(family, i, cells_[family.first + i].get());
        }
    }
}

void Counters::adopt(const Counters &others) noexcept {
    Sums sums;
    others.add_to(sums, false);
    for (const Family &family : families) {
        for (std::size_t i = 0; i < family.cells(); ++i) {
            cells_[family.first + i].add(sums.at(family, i));
        }
    }
}

}  // namespace ws
