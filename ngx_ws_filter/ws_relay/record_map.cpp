#include "ngx_ws_filter/ws_relay/record_map.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

void RecordMap::note(std::uint64_t wire, std::uint64_t data) noexcept {
    assert(wire >= wire_ && data >= data_);
    if (full()) {
        take_together();
    }
    records_[size_++] = {static_cast<std::uint32_t>(wire - wire_),
                         static_cast<std::uint32_t>(data - data_)};
    wire_ = wire;
    data_ = data;
}

std::uint64_t RecordMap::arrived(std::uint64_t wire) noexcept {
    std::size_t gone = 0;
    while (gone < size_ && arrived_wire_ + records_[gone].wire <= wire) {
        arrived_wire_ += records_[gone].wire;
        arrived_data_ += records_[gone].data;
        ++gone;
    }
    if (gone != 0) {
        std::copy(records_.begin() + gone, records_.begin() + size_, records_.begin());
        size_ -= gone;
    }
    return arrived_data_;
}

// Neighbours are taken together as long as they are no larger than a 16th of what is under way, so
// that nearly half of the room is free afterwards.
void RecordMap::take_together() noexcept {
    const std::uint64_t most = (data_ - arrived_data_) / (capacity / 4);
    std::size_t kept = 0;
    for (std::size_t next = 1; next < size_; ++next) {
        const std::uint64_t together = std::uint64_t{records_[kept].data} + records_[next].data;
        if (together <= most) {
            records_[kept].wire += records_[next].wire;
            records_[kept].data += records_[next].data;
        } else {
            records_[++kept] = records_[next];
        }
    }
    size_ = kept + 1;
    coarse_until_ = data_;
}

}  // namespace ws
