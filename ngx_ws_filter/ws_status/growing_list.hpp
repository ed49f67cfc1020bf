// A list in shared memory to which elements are added and from which none is taken: it is read
// without a lock.
#pragma once

#include <atomic>

namespace ws {

// An element has a member `std::atomic<T *> next`. Writers come one at a time.
template <typename T>
class GrowingList {
public:
    class Iterator {
    public:
        explicit Iterator(T *at) noexcept : at_(at) {}
        T &operator*() const noexcept { return *at_; }
        Iterator &operator++() noexcept {
            at_ = at_->next.load(std::memory_order_acquire);
            return *this;
        }
        bool operator!=(const Iterator &other) const noexcept { return at_ != other.at_; }

    private:
        T *at_;
    };

    // The newest first.
    void add(T &element) noexcept {
        element.next.store(first_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        first_.store(&element, std::memory_order_release);
    }
    [[nodiscard]] Iterator begin() const noexcept {
        return Iterator(first_.load(std::memory_order_acquire));
    }
    [[nodiscard]] Iterator end() const noexcept { return Iterator(nullptr); }

private:
    std::atomic<T *> first_{nullptr};
};

}  // namespace ws
