#include "ngx_ws_filter/ws_life/ping_receipts.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

void PingReceipts::add(std::span<const std::uint8_t> payload, std::uint64_t offset) noexcept {
    assert(payload.size() <= max_control_payload);
    Ping &ping = oldest_.waits ? newest_ : oldest_;
    ping.waits = true;
    ping.size = static_cast<std::uint8_t>(payload.size());
    std::copy(payload.begin(), payload.end(), ping.payload.begin());
    ping.offset = offset;
}

}  // namespace ws
