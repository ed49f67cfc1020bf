// The message of the backend that is being given in parts, none longer than the settings allow.
#pragma once

#include "ngx_ws_filter/ws_framing/framing.hpp"

namespace ws {

class OpenMessage {
public:
    explicit OpenMessage(const FramingSettings &settings) noexcept : settings_(&settings) {}

    // Gives the next part. What is over the limit is the fault `too_long` behind what is not.
    [[nodiscard]] PartStatus give(std::span<const std::uint8_t> payload, bool ends,
                                  BackendFault too_long, Part &part) noexcept;

    [[nodiscard]] const FramingSettings &settings() const noexcept { return *settings_; }
    [[nodiscard]] bool is_open() const noexcept { return open_; }

    // The first fault stays.
    void note(BackendFault fault) noexcept {
        if (fault_ == BackendFault::none) {
            fault_ = fault;
        }
    }
    [[nodiscard]] BackendFault fault() const noexcept { return fault_; }

private:
    const FramingSettings *settings_;
    std::uint64_t size_ = 0;  // of this message, so far
    bool open_ = false;       // a part of it was given
    BackendFault fault_ = BackendFault::none;
};

}  // namespace ws
