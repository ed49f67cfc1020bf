// Framings of the tests.
#pragma once

#include "ngx_ws_filter/ws_framing/framing.hpp"

namespace unit {

[[nodiscard]] inline ws::FramingSettings with_max(ws::FramingSettings settings, std::uint64_t max) {
    settings.max = max;
    return settings;
}

}  // namespace unit
