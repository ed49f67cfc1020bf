#include "ngx_ws_filter/ws_framing/open_message.hpp"

namespace ws {

PartStatus OpenMessage::give(std::span<const std::uint8_t> payload, bool ends,
                             BackendFault too_long, Part &part) noexcept {
    const std::uint64_t left = settings_->max - size_;
    if (settings_->max != 0 && payload.size() > left) {
        fault_ = too_long;
        payload = payload.first(static_cast<std::size_t>(left));
        ends = false;
        if (payload.empty()) {
            return PartStatus::fault;
        }
    }
    part = {.opcode = Opcode::continuation,
            .starts_message = !open_,
            .ends_message = ends,
            .payload = payload};
    open_ = !ends;
    size_ = ends ? 0 : size_ + payload.size();
    return PartStatus::part;
}

}  // namespace ws
