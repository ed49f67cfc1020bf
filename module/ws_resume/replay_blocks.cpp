#include "module/ws_resume/replay_blocks.hpp"

#include "module/ws_status/counting.hpp"

#include <sys/mman.h>

namespace ngx_ws {

namespace {

// A message of a dialogue fits the smallest; a flood has the largest, which are mapped, so that
// what it took is really gone after it.
constexpr size_t smallest = 256;
constexpr size_t largest = smallest << (ReplayBlocks::sizes - 1);

// So many of each size outlive a burst in each worker.
constexpr unsigned max_spare = 16;

ReplayBlocks the_blocks;

size_t size_of(const ws::ReplayBlock &block) noexcept {
    return sizeof(ws::ReplayBlock) + block.capacity;
}

// The index of the first size that has room, or of the largest.
size_t size_for(size_t wanted) noexcept {
    size_t index = 0;
    while (index + 1 < ReplayBlocks::sizes &&
           wanted > (smallest << index) - sizeof(ws::ReplayBlock)) {
        ++index;
    }
    return index;
}

void *take(size_t size) noexcept {
    if (size < largest) {
        return ngx_alloc(size, ngx_cycle->log);
    }
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno, "mmap(%uz) failed", size);
        return nullptr;
    }
    return memory;
}

void drop(ws::ReplayBlock *block, size_t size) noexcept {
    if (size < largest) {
        ngx_free(block);
    } else {
        (void)munmap(block, size);
    }
}

}  // namespace

ReplayBlocks &replay_blocks() noexcept {
    return the_blocks;
}

ws::ReplayBlock *ReplayBlocks::lend_block(size_t wanted) noexcept {
    const size_t size = smallest << size_for(wanted);
    return lent_ > limit_ || size > limit_ - lent_ ? nullptr : lend_briefly(wanted);
}

ws::ReplayBlock *ReplayBlocks::lend_briefly(size_t wanted) noexcept {
    const size_t index = size_for(wanted);
    const size_t size = smallest << index;
    Spare &spare = spare_[index];
    ws::ReplayBlock *block = spare.first;
    if (block != nullptr) {
        spare.first = block->next;
        --spare.count;
    } else {
        void *memory = take(size);
        if (memory == nullptr) {
            return nullptr;
        }
        block = new (memory) ws::ReplayBlock;
        block->capacity = static_cast<uint32_t>(size - sizeof(ws::ReplayBlock));
    }
    lent_ += size;
    count_replay_bytes(lent_);
    return block;
}

void ReplayBlocks::give_back(ws::ReplayBlock *block) noexcept {
    const size_t size = size_of(*block);
    Spare &spare = spare_[size_for(block->capacity)];
    lent_ -= size;
    count_replay_bytes(lent_);
    if (spare.count == max_spare) {
        drop(block, size);
        return;
    }
    block->next = spare.first;
    spare.first = block;
    ++spare.count;
}

}  // namespace ngx_ws
