#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "ngx_ws_filter/ws_messages/utf8.hpp"
#include "ngx_ws_filter/ws_messages/utf8_blocks.hpp"
#include "t/unit/random_text.hpp"

using namespace std::string_view_literals;
using ws::Utf8Validator;

namespace {

struct Judgement {
    std::size_t valid;
    std::size_t pending;
    bool complete;

    bool operator==(const Judgement &) const = default;
};

// Of one byte after the other, in which no block can be seen.
Judgement one_by_one(unit::Bytes text) {
    Utf8Validator validator;
    std::size_t valid = 0;
    while (valid < text.size() && validator.take(text.subspan(valid, 1))) {
        ++valid;
    }
    return {valid, validator.pending(), validator.complete()};
}

// In two parts.
Judgement in_blocks(unit::Bytes text, std::size_t cut) {
    Utf8Validator validator;
    std::size_t valid = 0;
    if (validator.take(text.first(cut))) {
        valid = cut;
        static_cast<void>(validator.take(text.subspan(cut)));
    }
    return {valid + validator.valid(), validator.pending(), validator.complete()};
}

void agrees(unit::Bytes text, std::size_t cut) {
    const Judgement wanted = one_by_one(text);
    const Judgement got = in_blocks(text, cut);
    if (got != wanted) {
        for (const std::uint8_t byte : text) {
            print_error("%02x ", byte);
        }
        fail_msg("\ncut at %zu: valid %zu, not %zu; pending %zu, not %zu", cut, got.valid,
                 wanted.valid, got.pending, wanted.pending);
    }
}

constexpr std::array pieces{
    "a"sv,
    "some words of plain ASCII, more than thirty-two bytes "sv,
    "\x7f"sv,
    "\xc2\x80"sv,
    "\xdf\xbf"sv,
    "\xe0\xa0\x80"sv,
    "\xe3\x81\x82\xe3\x81\x84\xe3\x81\x86"sv,
    "\xed\x9f\xbf"sv,
    "\xee\x80\x80"sv,
    "\xef\xbf\xbf"sv,
    "\xf0\x90\x80\x80"sv,
    "\xf0\x9f\x98\x80"sv,
    "\xf4\x8f\xbf\xbf"sv,
};

void agrees_on_valid_texts_cut_anywhere(void **) {
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        const unit::RandomText text(random, pieces, 80);
        const unit::Bytes bytes = unit::bytes(text.view());
        unit::check(one_by_one(bytes).complete);
        agrees(bytes, random() % (bytes.size() + 1));
    }
}

void agrees_on_texts_with_one_changed_byte(void **) {
    std::mt19937 random(2);
    for (int i = 0; i < 50'000; ++i) {
        const unit::RandomText text(random, pieces, 40);
        std::array<std::uint8_t, 4096> changed;
        const std::size_t size = text.view().size();
        std::ranges::copy(unit::bytes(text.view()), changed.begin());
        if (size != 0) {
            changed[random() % size] = static_cast<std::uint8_t>(random());
        }
        agrees(unit::Bytes{changed}.first(size), random() % (size + 1));
    }
}

void agrees_on_random_bytes(void **) {
    std::mt19937 random(3);
    for (int i = 0; i < 20'000; ++i) {
        std::array<std::uint8_t, 200> bytes;
        // Few of them are continuations by chance, so most of them are made so.
        for (std::uint8_t &byte : bytes) {
            byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0x80 | random() % 0x40);
        }
        bytes[0] = 0xe3;
        agrees(bytes, random() % bytes.size());
    }
}

// All sequences of bytes next to a border between two ranges, over the border between two vectors
// and over that of two rounds, as well as at the beginning and at the end.
void agrees_on_sequences_at_every_border(void **) {
    constexpr auto bytes = std::to_array<std::uint8_t>(
        {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
         0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff});
    constexpr std::size_t at[] = {0, 28, 29, 30, 31, 61, 94, 156};
    std::array<std::uint8_t, 160> text;
    std::size_t next = 0;
    for (const std::uint8_t first : bytes) {
        for (const std::uint8_t second : bytes) {
            for (const std::uint8_t third : bytes) {
                for (const std::uint8_t fourth : bytes) {
                    const std::array sequence{first, second, third, fourth};
                    text.fill('a');
                    std::ranges::copy(sequence,
                                      text.begin() + static_cast<std::ptrdiff_t>(at[next]));
                    const Judgement wanted = one_by_one(sequence);
                    const bool whole = wanted.complete;
                    const bool last = at[next] + 4 == text.size();
                    const Judgement got = in_blocks(text, 0);
                    // What is only cut in itself is wrong at the letter that follows.
                    const std::size_t valid =
                        whole && !last ? text.size() : at[next] + wanted.valid;
                    if (got != Judgement{valid, last || !whole ? wanted.pending : 0, whole}) {
                        fail_msg("%02x %02x %02x %02x at %zu", first, second, third, fourth,
                                 at[next]);
                    }
                    next = (next + 1) % std::size(at);
                }
            }
        }
    }
}

void judges_texts_of_every_length(void **) {
    constexpr std::string_view unit = "\xe3\x81\x82"sv;
    std::array<std::uint8_t, 300> text;
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<std::uint8_t>(unit[i % unit.size()]);
    }
    for (std::size_t size = 0; size <= text.size(); ++size) {
        agrees(unit::Bytes{text}.first(size), 0);
    }
}

// So that the tests above test blocks at all.
void leaves_little_of_a_valid_text(void **) {
    if (__builtin_cpu_supports("avx2") == 0) {
        skip();
    }
    std::mt19937 random(4);
    for (int i = 0; i < 1000; ++i) {
        const unit::RandomText text(random, pieces, 80);
        const unit::Bytes bytes = unit::bytes(text.view());
        for (std::size_t cut = 0; cut <= std::min<std::size_t>(3, bytes.size()); ++cut) {
            const unit::Bytes part = bytes.first(bytes.size() - cut);
            const std::size_t whole = ws::whole_code_points(part.data(), part.size());
            unit::check(whole == (part.size() < 64 ? 0 : part.size() - ws::cut_code_point(part)));
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_valid_texts_cut_anywhere),
        cmocka_unit_test(agrees_on_texts_with_one_changed_byte),
        cmocka_unit_test(agrees_on_random_bytes),
        cmocka_unit_test(agrees_on_sequences_at_every_border),
        cmocka_unit_test(judges_texts_of_every_length),
        cmocka_unit_test(leaves_little_of_a_valid_text),
    };
    return unit::run("utf8_blocks", tests);
}
