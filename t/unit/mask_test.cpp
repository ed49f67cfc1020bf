#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "ngx_ws_filter/ws_frames/mask.hpp"

namespace {

constexpr ws::MaskingKey key{0x37, 0xfa, 0x21, 0x3d};

std::uint8_t pattern(std::size_t i) {
    return static_cast<std::uint8_t>(i * 7 + (i >> 8U) * 13 + 1);
}

// A payload with `before` bytes in front of it, in a block that ends with it.
struct Block {
    Block(std::size_t before, std::size_t size)
        : size_(before + size), bytes_(static_cast<std::uint8_t *>(std::malloc(size_ + 1))) {
        unit::check(bytes_ != nullptr);
        // The sanitizer watches the byte behind the block, not the one in front of it: there it is
        // the block's own first byte that must not change.
        ++bytes_;
        bytes_[-1] = 0xee;
        for (std::size_t i = 0; i < size_; ++i) {
            bytes_[i] = pattern(i);
        }
    }
    ~Block() { std::free(bytes_ - 1); }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;

    std::size_t size_;
    std::uint8_t *bytes_;
};

void unmasks_down_by(std::size_t distance, std::size_t size, unsigned phase) {
    const Block block(distance, size);
    const unsigned next = ws::unmask(block.bytes_, block.bytes_ + distance, size, key, phase);

    unit::equal(next, static_cast<unsigned>((phase + size) % 4));
    unit::equal(block.bytes_[-1], 0xee);
    for (std::size_t i = 0; i < size; ++i) {
        if (block.bytes_[i] != (pattern(distance + i) ^ key[(phase + i) % 4])) {
            fail_msg("byte %zu of %zu, moved by %zu, phase %u", i, size, distance, phase);
        }
    }
    for (std::size_t i = size; i < distance + size; ++i) {
        if (block.bytes_[i] != pattern(i)) {
            fail_msg("byte %zu behind %zu, moved by %zu, phase %u", i, size, distance, phase);
        }
    }
}

void unmasks_every_size_phase_and_distance(void **) {
    for (std::size_t size = 0; size <= 300; ++size) {
        for (std::size_t distance = 0; distance <= 40; ++distance) {
            for (unsigned phase = 0; phase < 4; ++phase) {
                unmasks_down_by(distance, size, phase);
            }
        }
    }
}

// From here on there are wider vectors, which are stored to aligned addresses alone.
void unmasks_at_every_alignment(void **) {
    for (const std::size_t size : {511U, 512U, 513U, 543U, 544U, 639U, 640U, 700U}) {
        for (std::size_t begin = 0; begin < 32; ++begin) {
            for (std::size_t distance = 0; distance <= 33; ++distance) {
                const Block block(begin + distance, size);
                std::uint8_t *to = block.bytes_ + begin;
                ws::unmask(to, to + distance, size, key, 1);
                for (std::size_t i = 0; i < begin; ++i) {
                    unit::check(block.bytes_[i] == pattern(i));
                }
                for (std::size_t i = 0; i < size; ++i) {
                    const unsigned wanted = pattern(begin + distance + i) ^ key[(1 + i) % 4];
                    if (to[i] != wanted) {
                        fail_msg("byte %zu of %zu at %zu, moved by %zu", i, size, begin, distance);
                    }
                }
            }
        }
    }
}

void unmasks_large_payloads(void **) {
    for (const std::size_t size : {65'535U, 65'536U, 100'003U}) {
        for (const std::size_t distance : {0U, 1U, 6U, 14U, 16U, 63U, 64U, 65U, 4096U}) {
            unmasks_down_by(distance, size, 0);
        }
    }
}

void continues_where_the_last_piece_ended(void **) {
    constexpr std::size_t size = 100;
    for (std::size_t first = 0; first <= size; ++first) {
        for (std::size_t second = first; second <= size; ++second) {
            const Block block(0, size);
            unsigned phase = ws::unmask(block.bytes_, block.bytes_, first, key, 0);
            phase =
                ws::unmask(block.bytes_ + first, block.bytes_ + first, second - first, key, phase);
            ws::unmask(block.bytes_ + second, block.bytes_ + second, size - second, key, phase);
            for (std::size_t i = 0; i < size; ++i) {
                unit::equal(block.bytes_[i], pattern(i) ^ key[i % 4]);
            }
        }
    }
}

void twice_gives_back_what_was(void **) {
    const Block block(0, 77);
    ws::unmask(block.bytes_, block.bytes_, 77, key, 3);
    ws::unmask(block.bytes_, block.bytes_, 77, key, 3);
    for (std::size_t i = 0; i < 77; ++i) {
        unit::equal(block.bytes_[i], pattern(i));
    }
}

void takes_nothing_from_nowhere(void **) {
    unit::equal(ws::unmask(nullptr, nullptr, 0, key, 2), 2);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(unmasks_every_size_phase_and_distance),
        cmocka_unit_test(unmasks_at_every_alignment),
        cmocka_unit_test(unmasks_large_payloads),
        cmocka_unit_test(continues_where_the_last_piece_ended),
        cmocka_unit_test(twice_gives_back_what_was),
        cmocka_unit_test(takes_nothing_from_nowhere),
    };
    return unit::run("mask", tests);
}
