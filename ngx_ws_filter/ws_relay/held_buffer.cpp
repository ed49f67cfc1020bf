#include "ngx_ws_filter/ws_relay/held_buffer.hpp"

#include <algorithm>

namespace ws {

bool HeldBuffer::add(std::span<const std::uint8_t> more) noexcept {
    if (more.size() > capacity - end && begin != 0) {
        std::copy(bytes() + begin, bytes() + end, bytes());
        end -= begin;
        begin = 0;
    }
    if (more.size() > capacity - end) {
        return false;
    }
    std::copy(more.begin(), more.end(), bytes() + end);
    end += more.size();
    return true;
}

}  // namespace ws
