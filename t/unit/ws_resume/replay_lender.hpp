// Lends memory for a replay, counts it, and says no when it is told to.
#pragma once

#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/replay.hpp"

#include <algorithm>
#include <cstdlib>

namespace unit {

class ReplayLender final : public ws::ReplayLender {
public:
    // Blocks of `capacity` bytes.
    explicit ReplayLender(std::uint32_t capacity) : capacity_(capacity) {}
    ~ReplayLender() { check(lent == 0); }

    // From the heap, so that the address sanitizer sees what is read or written beyond it.
    [[nodiscard]] ws::ReplayBlock *lend_block(std::size_t wanted) noexcept override {
        return lend(wanted, most);
    }
    [[nodiscard]] ws::ReplayBlock *lend_briefly(std::size_t wanted) noexcept override {
        return lend(wanted, most_briefly);
    }
    void give_back(ws::ReplayBlock *block) noexcept override {
        check(lent > 0);
        --lent;
        std::free(block);
    }

    std::size_t lent = 0;
    std::size_t wanted_last = 0;
    std::size_t most_wanted = SIZE_MAX;  // more than that is not lent at a time
    std::size_t most = SIZE_MAX;
    std::size_t most_briefly = SIZE_MAX;

private:
    [[nodiscard]] ws::ReplayBlock *lend(std::size_t wanted, std::size_t bound) noexcept {
        check(wanted != 0);
        wanted_last = wanted;
        if (lent >= bound || wanted > most_wanted) {
            return nullptr;
        }
        ++lent;
        void *memory = std::malloc(sizeof(ws::ReplayBlock) + capacity_);
        check(memory != nullptr);
        auto *block = static_cast<ws::ReplayBlock *>(memory);
        block->capacity = capacity_;
        return block;
    }

    std::uint32_t capacity_;
};

}  // namespace unit
