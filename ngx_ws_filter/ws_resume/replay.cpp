#include "ngx_ws_filter/ws_resume/replay.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

bool Replay::append(std::span<const std::uint8_t> bytes) noexcept {
    if (!reserve(bytes.size())) {
        return false;
    }
    end_ += bytes.size();
    ReplayBlock *block = last_ == nullptr ? first_ : last_;
    for (; block != nullptr; block = block->next) {
        const std::size_t size = std::min<std::size_t>(bytes.size(), block->free());
        std::copy_n(bytes.begin(), size, block->bytes() + block->end);
        block->end += static_cast<std::uint32_t>(size);
        bytes = bytes.subspan(size);
        last_ = block;
    }
    return true;
}

// Lends behind the last block what is missing, or nothing at all.
bool Replay::reserve(std::size_t size) noexcept {
    ReplayBlock **const lent = last_ == nullptr ? &first_ : &last_->next;
    ReplayBlock **link = lent;
    std::size_t room = last_ == nullptr ? 0 : last_->free();
    while (room < size) {
        *link = lend(size - room);
        if (*link == nullptr) {
            give_back(*lent);
            *lent = nullptr;
            return false;
        }
        (*link)->next = nullptr;
        (*link)->begin = (*link)->end = 0;
        room += (*link)->capacity;
        link = &(*link)->next;
    }
    return true;
}

// As much as is kept already, so that a dialogue has small blocks and a flood few; or what is
// needed if that is too much.
ReplayBlock *Replay::lend(std::size_t needed) noexcept {
    const std::size_t wanted = std::max<std::size_t>(needed, end_ - begin_);
    ReplayBlock *const block = lender_->lend_block(wanted);
    return block != nullptr || wanted == needed ? block : lender_->lend_block(needed);
}

void Replay::acknowledge(std::uint64_t position) noexcept {
    assert(position >= begin_ && position <= end_);
    while (begin_ < position) {
        const std::uint64_t size = std::min<std::uint64_t>(position - begin_, first_->size());
        first_->begin += static_cast<std::uint32_t>(size);
        begin_ += size;
        if (first_->begin == first_->end) {
            drop_first();
        }
    }
}

void Replay::drop_first() noexcept {
    ReplayBlock *const rest = first_->next;
    lender_->give_back(first_);
    first_ = rest;
    last_ = rest == nullptr ? nullptr : last_;
}

// The block with the byte `skip` bytes behind the first, which becomes an offset into it; null if
// there are no more bytes.
ReplayBlock *Replay::find(std::uint64_t &skip) const noexcept {
    ReplayBlock *block = first_;
    while (block != nullptr && skip >= block->size()) {
        skip -= block->size();
        block = block->next;
    }
    return block;
}

std::span<const std::uint8_t> Replay::at(std::uint64_t position) const noexcept {
    assert(position >= begin_ && position <= end_);
    std::uint64_t skip = position - begin_;
    ReplayBlock *const block = find(skip);
    return block == nullptr ? std::span<const std::uint8_t>{} : block->content().subspan(skip);
}

std::size_t Replay::read(std::uint64_t position, std::span<std::uint8_t> to) const noexcept {
    assert(position >= begin_ && position <= end_);
    std::uint64_t skip = position - begin_;
    std::size_t size = 0;
    for (ReplayBlock *block = find(skip); block != nullptr && size < to.size();
         block = block->next) {
        const std::span<const std::uint8_t> bytes = block->content().subspan(skip);
        const std::size_t part = std::min(bytes.size(), to.size() - size);
        std::copy_n(bytes.begin(), part, to.begin() + static_cast<std::ptrdiff_t>(size));
        size += part;
        skip = 0;
    }
    return size;
}

void Replay::clear() noexcept {
    give_back(first_);
    first_ = last_ = nullptr;
    begin_ = end_;
}

void Replay::give_back(ReplayBlock *block) noexcept {
    while (block != nullptr) {
        ReplayBlock *const rest = block->next;
        lender_->give_back(block);
        block = rest;
    }
}

}  // namespace ws
