// A board in memory of a test, and processes that end when the test says so.
#pragma once

#include "ngx_ws_filter/ws_status/board.hpp"

#include <array>
#include <cstddef>

namespace unit {

class Memory final : public ws::BoardHost {
public:
    explicit Memory(std::size_t size = sizeof(Memory::bytes_)) noexcept : left_(size) {}

    void lock() noexcept override { ++locks; }
    void unlock() noexcept override { --locks; }
    void *allocate(std::size_t size) noexcept override {
        constexpr std::size_t line = 64;
        const std::size_t taken = (size + line - 1) / line * line;
        if (taken > left_) {
            return nullptr;
        }
        left_ -= taken;
        void *memory = bytes_.data() + used_;
        used_ += taken;
        return memory;
    }
    bool lives(const ws::Owner &owner) const noexcept override {
        return owner.pid != dead.pid || owner.started != dead.started;
    }

    ws::Owner dead;  // this one, and nobody else
    int locks = 0;

private:
    std::size_t left_;
    std::size_t used_ = 0;
    alignas(64) std::array<std::byte, 65536> bytes_;
};

}  // namespace unit
