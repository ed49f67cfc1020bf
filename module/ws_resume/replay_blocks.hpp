// The worker's memory for what may have to be sent again: ws_resume_memory.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_resume/replay.hpp"

#include <array>

namespace ngx_ws {

class ReplayBlocks final : public ws::ReplayLender {
public:
    // Each block is twice as large as one of the size before.
    static constexpr size_t sizes = 9;

    // Bytes that may be lent; what is lent already stays.
    void limit(size_t bytes) noexcept { limit_ = bytes; }
    [[nodiscard]] size_t lent() const noexcept { return lent_; }

    [[nodiscard]] ws::ReplayBlock *lend_block(size_t wanted) noexcept override;
    // Beyond the limit, too.
    [[nodiscard]] ws::ReplayBlock *lend_briefly(size_t wanted) noexcept override;
    void give_back(ws::ReplayBlock *block) noexcept override;

private:
    struct Spare {
        ws::ReplayBlock *first = nullptr;
        unsigned count = 0;
    };

    size_t limit_ = 0;
    size_t lent_ = 0;
    std::array<Spare, sizes> spare_;
};

[[nodiscard]] ReplayBlocks &replay_blocks() noexcept;

}  // namespace ngx_ws
