// What the fuzz targets share: an input that also makes choices, and the ways to feed a parser.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace fuzz {

using Bytes = std::span<const std::uint8_t>;

// What must hold for every input. The line is that of the caller.
inline void require(bool held, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (!held) {
        std::fprintf(stderr, "%s:%d: does not hold\n", file, line);
        std::abort();
    }
}

[[nodiscard]] inline std::string_view text(Bytes bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline Bytes bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

// The first byte tells how many of the next ones (up to 15) are choices, made again and again in
// turn; everything behind them is the content.
class Input {
public:
    explicit Input(Bytes all) {
        if (!all.empty()) {
            const std::size_t count = std::min<std::size_t>(all[0] % 16, all.size() - 1);
            choices_ = all.subspan(1, count);
            content_ = all.subspan(1 + count);
        }
    }

    [[nodiscard]] Bytes content() const { return content_; }

    // 0 to 255; always 0 without choices.
    [[nodiscard]] std::size_t choice() {
        if (choices_.empty()) {
            return 0;
        }
        const std::uint8_t chosen = choices_[next_];
        next_ = (next_ + 1) % choices_.size();
        return chosen;
    }

    // Takes the front of the content.
    [[nodiscard]] Bytes take(std::size_t size) {
        const Bytes taken = content_.first(std::min(size, content_.size()));
        content_ = content_.subspan(taken.size());
        return taken;
    }

    [[nodiscard]] std::uint8_t take_byte() {
        const Bytes taken = take(1);
        return taken.empty() ? std::uint8_t{0} : taken[0];
    }

private:
    Bytes choices_;
    Bytes content_;
    std::size_t next_ = 0;
};

// A copy on the heap of exactly its size, so that the address sanitizer sees each step beyond.
class Block {
public:
    explicit Block(std::size_t size)
        : bytes_(static_cast<std::uint8_t *>(std::malloc(size))), size_(size) {
        require(bytes_ != nullptr || size == 0);
    }
    explicit Block(Bytes from) : Block(from.size()) { std::ranges::copy(from, bytes_); }
    ~Block() { std::free(bytes_); }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;

    [[nodiscard]] std::span<std::uint8_t> span() const { return {bytes_, size_}; }

private:
    std::uint8_t *bytes_;
    std::size_t size_;
};

// Gives the content in parts, whose sizes are chosen by the input.
template <typename Take>
void in_parts(Input input, Take take) {
    while (!input.content().empty()) {
        const Block part(input.take(input.choice() + 1));
        take(part.span());
    }
}

template <typename Take>
void whole(const Input &input, Take take) {
    const Block all(input.content());
    take(all.span());
}

// Calls `take` with each line of the content, of which none is changed or terminated.
template <typename Take>
void for_each_line(Bytes content, Take take) {
    while (!content.empty()) {
        const auto end = std::ranges::find(content, std::uint8_t{'\n'});
        const auto size = static_cast<std::size_t>(end - content.begin());
        const Block line(content.first(size));
        take(text(line.span()));
        content = content.subspan(std::min(size + 1, content.size()));
    }
}

}  // namespace fuzz
