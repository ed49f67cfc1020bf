// Bytes that may have to be sent again: those that were sent, or are to be sent, and are not
// acknowledged. docs/resume-protocol.md, section 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// Memory of a replay, in front of its `capacity` bytes.
struct ReplayBlock {
    ReplayBlock *next;
    std::uint32_t begin;  // offsets into bytes()
    std::uint32_t end;
    std::uint32_t capacity;

    [[nodiscard]] std::uint8_t *bytes() noexcept {
        return reinterpret_cast<std::uint8_t *>(this + 1);
    }
    [[nodiscard]] std::span<const std::uint8_t> content() noexcept {
        return {bytes() + begin, size()};
    }
    [[nodiscard]] std::uint32_t size() const noexcept { return end - begin; }
    [[nodiscard]] std::uint32_t free() const noexcept { return capacity - end; }
};

class ReplayLender {
public:
    // A block for so many bytes, which are there now or may come soon: its capacity, not 0, is the
    // lender's choice, and everything else is the replay's. Null if there is no memory.
    [[nodiscard]] virtual ReplayBlock *lend_block(std::size_t /*wanted*/) noexcept {
        return nullptr;
    }
    // One beyond what is meant for replays, for bytes that are sent at once.
    [[nodiscard]] virtual ReplayBlock *lend_briefly(std::size_t wanted) noexcept {
        return lend_block(wanted);
    }
    virtual void give_back(ReplayBlock *) noexcept {}

protected:
    ReplayLender() = default;
    ~ReplayLender() = default;
};

// The bytes of a stream from begin() to end(). Without any it holds no memory.
class Replay {
public:
    // The lender outlives the object.
    explicit Replay(ReplayLender &lender) noexcept : lender_(&lender) {}
    ~Replay() { clear(); }
    Replay(const Replay &) = delete;
    Replay &operator=(const Replay &) = delete;

    // The first byte that is appended has this position. Only while there is none.
    void begin_at(std::uint64_t position) noexcept { begin_ = end_ = position; }
    // Copies bytes to the end. False if there is no memory for all of them: then none was added.
    [[nodiscard]] bool append(std::span<const std::uint8_t> bytes) noexcept;

    // The bytes before `position`, which is between begin() and end(), are not needed any more.
    void acknowledge(std::uint64_t position) noexcept;

    // Bytes from `position` on, as many as stand together in memory; none at end(). They stay as
    // long as they are not acknowledged.
    [[nodiscard]] std::span<const std::uint8_t> at(std::uint64_t position) const noexcept;
    // Copies bytes from `position` on, as many as there are and fit; returns how many.
    [[nodiscard]] std::size_t read(std::uint64_t position,
                                   std::span<std::uint8_t> to) const noexcept;

    // Gives all memory back. The positions stay, and no byte is left.
    void clear() noexcept;

    [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
    [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }

private:
    [[nodiscard]] bool reserve(std::size_t size) noexcept;
    [[nodiscard]] ReplayBlock *lend(std::size_t needed) noexcept;
    [[nodiscard]] ReplayBlock *find(std::uint64_t &skip) const noexcept;
    void drop_first() noexcept;
    void give_back(ReplayBlock *block) noexcept;

    ReplayLender *lender_;
    ReplayBlock *first_ = nullptr;
    ReplayBlock *last_ = nullptr;  // all before it are full
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
};

}  // namespace ws
