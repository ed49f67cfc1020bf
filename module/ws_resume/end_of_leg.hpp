// A leg has ended, and its session goes on: this tells who has ended it, and how.
#pragma once

#include "ngx_ws_filter/ws_relay/relay.hpp"

#include <string_view>

namespace ngx_ws {

struct EndOfLeg {
    ws::Side by;
    ws::CloseCode code;
    std::string_view why;
};

// The relay has parted from it by itself.
[[nodiscard]] EndOfLeg end_of_leg(const ws::Session &session, const ws::Relay &relay) noexcept;

}  // namespace ngx_ws
