// zlib's states for one simulated session, lent as the module lends them.
#pragma once

#include "ngx_ws_filter/ws_relay/translator.hpp"
#include "t/sim/world.hpp"

namespace sim {

class Zlib final : public ws::Lender {
public:
    Zlib(const ws::DeflateParameters &agreed, const Judge &judge)
        : inflater_memory_(ws::Inflater::memory_size(15), '\0'),
          deflater_memory_(ws::Deflater::memory_size(agreed.server_bits, 2), '\0') {
        const bool ready = inflater_.begin(writable(inflater_memory_), 15) &&
                           deflater_.begin(writable(deflater_memory_),
                                           {.bits = agreed.server_bits, .memory_level = 2});
        judge.require(ready, "the memory is enough for zlib");
    }

    void serve(ws::Compression &compression) { compression_ = &compression; }

    [[nodiscard]] bool lend_inflater() noexcept override {
        compression_->lend(&inflater_);
        return true;
    }
    void lend_deflater() noexcept override { compression_->lend(&deflater_); }

private:
    std::string inflater_memory_;
    std::string deflater_memory_;
    ws::Inflater inflater_;
    ws::Deflater deflater_;
    ws::Compression *compression_ = nullptr;
};

}  // namespace sim
