// All counted values as text: for Prometheus and what understands its formats, and as JSON.
#pragma once

#include "ngx_ws_filter/ws_status/counters.hpp"
#include "ngx_ws_filter/ws_status/text.hpp"

namespace ws {

struct StatusZone {
    std::string_view name;
    const Sums *sums;
};

struct Report {
    std::string_view version;  // of the module
    std::span<const StatusZone> zones;
    const Sums *workers;  // those of Family::of_worker, of all workers together
};

enum class Exposition : std::uint8_t {
    text,          // https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
    open_metrics,  // https://prometheus.io/docs/specs/om/open_metrics_spec/, version 1.0.0
};

void write(const Report &report, Exposition format, Text &to) noexcept;
void write_json(const Report &report, Text &to) noexcept;

}  // namespace ws
