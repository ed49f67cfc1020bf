// The counted values of one worker and one status zone, in memory that others read; and their sums.
#pragma once

#include "ngx_ws_filter/ws_status/counter.hpp"
#include "ngx_ws_filter/ws_status/families.hpp"

namespace ws {

// What a reader has added up.
class Sums {
public:
    [[nodiscard]] std::uint64_t at(const Family &family, std::size_t label = 0) const noexcept {
        return cells_[family.first + label];
    }
    void add(const Family &family, std::size_t label, std::uint64_t more) noexcept {
        cells_[family.first + label] += more;
    }

private:
    std::array<std::uint64_t, all_cells> cells_{};
};

class Counters {
public:
    void add(Metric metric, std::size_t label, std::uint64_t more) noexcept {
        cell(metric, label).add(more);
    }
    void count(Metric metric, std::size_t label = 0) noexcept { add(metric, label, 1); }
    // The metric is a gauge.
    void set(Metric metric, std::uint64_t value) noexcept { cell(metric, 0).set(value); }
    void set_most(Metric metric, std::uint64_t value) noexcept {
        if (value > cell(metric, 0).get()) {
            set(metric, value);
        }
    }
    void raise(Metric metric, std::size_t label = 0) noexcept { add(metric, label, 1); }
    void lower(Metric metric, std::size_t label = 0) noexcept { add(metric, label, UINT64_MAX); }
    // The metric is a histogram.
    void observe(Metric metric, Millis value) noexcept;

    // Their writer is gone, and what it held with it.
    void clear_gauges() noexcept;
    // Adds all to the sums, or all but the gauges.
    void add_to(Sums &sums, bool with_gauges) const noexcept;
    // Takes over what others, whose memory is given up, have counted.
    void adopt(const Counters &others) noexcept;

private:
    [[nodiscard]] Counter &cell(Metric metric, std::size_t label) noexcept {
        return cells_[family(metric).first + label];
    }

    std::array<Counter, all_cells> cells_;
};

}  // namespace ws
