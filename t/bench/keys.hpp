// Masking keys that are the same in each run.
#pragma once

#include "ngx_ws_filter/ws_frames/frame_writer.hpp"

namespace bench {

class OneKey final : public ws::MaskingKeys {
public:
    [[nodiscard]] ws::MaskingKey draw() noexcept override { return {1, 2, 3, 4}; }
};

// No two messages have the same key, so that no server gains from what it did before.
class ManyKeys final : public ws::MaskingKeys {
public:
    [[nodiscard]] ws::MaskingKey draw() noexcept override {
        const std::size_t number = drawn_++ * 2654435761U + 0x9e3779b9U;
        ws::MaskingKey key;
        for (std::size_t i = 0; i < key.size(); ++i) {
            key[i] = static_cast<std::uint8_t>(number >> (8 * i));
        }
        return key;
    }

private:
    std::size_t drawn_ = 0;
};

}  // namespace bench
