#include "ngx_ws_filter/ws_life/ping_receipts.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

void PingReceipts::add(std::span<const std::uint8_t> payload, std::uint64_t offset) noexcept {
    assert(has_memory() && payload.size() <= max_control_payload);
    WaitingPing &ping = pings_->oldest.waits ? pings_->newest : pings_->oldest;
    ping.waits = true;
    ping.size = static_cast<std::uint8_t>(payload.size());
    std::copy(payload.begin(), payload.end(), ping.payload.begin());
    ping.offset = offset;
}

}  // namespace ws
