// Texts put together at random from given pieces, the same in every run, each in a heap block of
// exactly its size: a sanitizer sees the first byte that is read beyond it.
#pragma once

#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string_view>

namespace unit {

class RandomText {
public:
    RandomText(std::mt19937 &random, std::span<const std::string_view> pieces,
               unsigned max_pieces) {
        for (auto left = random() % (max_pieces + 1); left > 0; left--) {
            append(pieces[random() % pieces.size()]);
        }
    }
    ~RandomText() { std::free(block_); }
    RandomText(const RandomText &) = delete;
    RandomText &operator=(const RandomText &) = delete;

    [[nodiscard]] std::string_view view() const { return {block_, size_}; }

private:
    void append(std::string_view piece) {
        block_ = static_cast<char *>(std::realloc(block_, size_ + piece.size()));
        if (block_ == nullptr) {
            std::abort();
        }
        std::memcpy(block_ + size_, piece.data(), piece.size());
        size_ += piece.size();
    }

    char *block_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace unit
