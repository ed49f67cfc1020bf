// A family of counted values: its name outside, its help, its labels, and its place among the
// cells. The names follow https://prometheus.io/docs/practices/naming/.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_life/phase.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct Label {
    std::string_view name;                     // empty: there is none
    std::span<const std::string_view> values;  // all that it can have
};

// A histogram counts what has taken at most so many milliseconds, which is `text` seconds.
struct Bound {
    Millis millis;
    std::string_view text;
};

struct Family {
    enum class Type : std::uint8_t { gauge, counter, histogram };

    std::string_view name;  // without the "_total" of a counter
    std::string_view help;  // one sentence, without a full stop
    Type type;
    bool of_worker = false;  // and not of a status zone
    Label outer = {};
    Label inner = {};                    // only with an outer one
    std::span<const Bound> bounds = {};  // of a histogram, ascending
    std::size_t first = 0;               // its first cell

    // Whether its cells count milliseconds, which are told as seconds.
    [[nodiscard]] constexpr bool counts_time() const noexcept { return name.ends_with("_seconds"); }
    [[nodiscard]] constexpr std::size_t inners() const noexcept {
        return inner.values.empty() ? 1 : inner.values.size();
    }
    // A histogram has a cell for each bound, one for what is beyond them, and one for the sum.
    [[nodiscard]] constexpr std::size_t cells() const noexcept {
        if (type == Type::histogram) {
            return bounds.size() + 2;
        }
        return (outer.values.empty() ? 1 : outer.values.size()) * inners();
    }
};

}  // namespace ws
