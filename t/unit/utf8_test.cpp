#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ngx_ws_filter/ws_messages/utf8.hpp"

using ws::Utf8Validator;

namespace {

struct Encoded {
    std::array<std::uint8_t, 4> bytes;
    std::size_t size;

    [[nodiscard]] unit::Bytes all() const { return {bytes.data(), size}; }
};

Encoded encode(std::uint32_t point) {
    const auto last = [point](unsigned shift) {
        return static_cast<std::uint8_t>(0x80U | (point >> shift & 0x3fU));
    };
    const auto first = [point](unsigned mark, unsigned shift) {
        return static_cast<std::uint8_t>(mark | point >> shift);
    };
    if (point < 0x80) {
        return {{first(0, 0)}, 1};
    }
    if (point < 0x800) {
        return {{first(0xc0, 6), last(0)}, 2};
    }
    if (point < 0x10000) {
        return {{first(0xe0, 12), last(6), last(0)}, 3};
    }
    return {{first(0xf0, 18), last(12), last(6), last(0)}, 4};
}

template <typename Take>
void for_every_code_point(Take take) {
    for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
        if (point < 0xd800 || point > 0xdfff) {
            take(encode(point));
        }
    }
}

enum class Part : std::uint8_t { none, cut, whole };

// What each sequence of up to three bytes is of a code point. Filled from the encodings of all code
// points, it knows nothing of the ranges that the validator goes by.
class Parts {
public:
    Parts() {
        for_every_code_point([this](const Encoded &encoded) {
            for (std::size_t size = 1; size <= std::min<std::size_t>(encoded.size, 3); ++size) {
                at(encoded.all().first(size)) = size == encoded.size ? Part::whole : Part::cut;
            }
        });
    }

    [[nodiscard]] Part &at(unit::Bytes bytes) {
        std::size_t number = 0;
        for (const std::uint8_t byte : bytes) {
            number = number << 8U | byte;
        }
        switch (bytes.size()) {
            case 1:
                return of_one_[number];
            case 2:
                return of_two_[number];
            default:
                return of_three_[number];
        }
    }

private:
    std::array<Part, 1U << 8U> of_one_{};
    std::array<Part, 1U << 16U> of_two_{};
    std::array<Part, 1U << 24U> of_three_{};
};

Parts parts;

struct Wanted {
    std::size_t valid;    // bytes before the first impossible one
    std::size_t pending;  // of them, those of a code point that is not finished
};

// For three bytes at most.
Wanted wanted(unit::Bytes bytes) {
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= bytes.size(); ++end) {
        const Part part = parts.at(bytes.subspan(begin, end - begin));
        if (part == Part::none) {
            return {end - 1, end - 1 - begin};
        }
        if (part == Part::whole) {
            begin = end;
        }
    }
    return {bytes.size(), bytes.size() - begin};
}

// Takes the bytes whole and one by one, and compares with the table.
bool is_judged_as_wanted(unit::Bytes bytes) {
    const auto [valid, pending] = wanted(bytes);
    Utf8Validator whole;
    if (whole.take(bytes) != (valid == bytes.size()) || whole.valid() != valid ||
        whole.pending() != pending || whole.complete() != (valid == bytes.size() && pending == 0)) {
        return false;
    }
    Utf8Validator cut;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (cut.take(bytes.subspan(i, 1)) != (i < valid) || cut.valid() != (i < valid ? 1 : 0)) {
            return false;
        }
    }
    return cut.complete() == whole.complete() && cut.pending() == pending;
}

void takes_every_code_point_cut_anywhere(void **) {
    for_every_code_point([](const Encoded &encoded) {
        for (std::size_t cut = 0; cut < encoded.size; ++cut) {
            Utf8Validator validator;
            bool good = validator.take(encoded.all().first(cut)) && validator.pending() == cut &&
                        validator.complete() == (cut == 0);
            good = good && validator.take(encoded.all().subspan(cut)) && validator.complete() &&
                   validator.pending() == 0 && validator.valid() == encoded.size - cut;
            unit::check(good);
        }
    });
}

void judges_every_sequence_of_one_or_two_bytes(void **) {
    for (unsigned first = 0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            const std::array bytes{static_cast<std::uint8_t>(first),
                                   static_cast<std::uint8_t>(second)};
            unit::check(is_judged_as_wanted(unit::Bytes{bytes}.first(1)));
            unit::check(is_judged_as_wanted(bytes));
        }
    }
}

// Behind ASCII the other two bytes are one of the sequences above.
void judges_every_sequence_of_three_bytes_that_begins_beyond_ascii(void **) {
    for (unsigned number = 0x800000; number <= 0xffffff; ++number) {
        const std::array bytes{static_cast<std::uint8_t>(number >> 16U),
                               static_cast<std::uint8_t>(number >> 8U),
                               static_cast<std::uint8_t>(number)};
        if (!is_judged_as_wanted(bytes)) {
            fail_msg("%06x", number);
        }
    }
}

void ends_every_code_point_of_four_bytes_with_a_continuation(void **) {
    for_every_code_point([](const Encoded &encoded) {
        if (encoded.size < 4 || encoded.bytes[3] != 0x80) {
            return;
        }
        Encoded changed = encoded;
        for (unsigned last = 0; last < 256; ++last) {
            changed.bytes[3] = static_cast<std::uint8_t>(last);
            const bool good = last >= 0x80 && last <= 0xbf;
            Utf8Validator validator;
            unit::check(validator.take(changed.all()) == good && validator.complete() == good &&
                        validator.valid() == (good ? 4 : 3));
        }
    });
}

// The same byte, good or bad, at every place of a longer text, in all two-way cuts.
void finds_the_first_impossible_byte_at_every_place(void **) {
    std::array<std::uint8_t, 40> text;
    for (const std::uint8_t byte : std::to_array<std::uint8_t>({0x80, 0xc0, 0xf5, 0xff})) {
        for (std::size_t at = 0; at < text.size(); ++at) {
            text.fill('a');
            text[at] = byte;
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                const auto [begin, end] =
                    std::pair{unit::Bytes{text}.first(cut), unit::Bytes{text}.subspan(cut)};
                Utf8Validator validator;
                unit::equal(validator.take(begin), at >= cut);
                unit::equal(validator.valid(), std::min(at, cut));
                unit::check(!validator.take(end));
                unit::equal(validator.valid(), at >= cut ? at - cut : 0);
                unit::check(!validator.complete());
            }
        }
    }
}

void takes_a_code_point_at_every_place_of_a_text(void **) {
    std::array<std::uint8_t, 40> text;
    for (const std::uint32_t point : {0xe9U, 0x20acU, 0x1f600U}) {
        const Encoded encoded = encode(point);
        for (std::size_t at = 0; at + encoded.size <= text.size(); ++at) {
            text.fill('a');
            std::ranges::copy(encoded.all(), text.begin() + static_cast<std::ptrdiff_t>(at));
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                Utf8Validator validator;
                unit::check(validator.take(unit::Bytes{text}.first(cut)));
                unit::equal(validator.pending(),
                            cut > at && cut < at + encoded.size ? cut - at : 0);
                unit::check(validator.take(unit::Bytes{text}.subspan(cut)));
                unit::check(validator.complete());
            }
        }
    }
}

void stays_failed_until_reset(void **) {
    Utf8Validator validator;
    unit::check(!validator.take(unit::bytes("ab\xff")));
    unit::equal(validator.valid(), 2);
    unit::check(!validator.take(unit::bytes("ab")));
    unit::equal(validator.valid(), 0);
    unit::check(!validator.complete());
    validator.reset();
    unit::check(validator.take(unit::bytes("ab")));
    unit::check(validator.complete());
}

void reset_forgets_a_cut_code_point(void **) {
    Utf8Validator validator;
    unit::check(validator.take(unit::bytes("\xed")));
    validator.reset();
    unit::equal(validator.pending(), 0);
    unit::check(validator.take(unit::bytes("\xc2\xbf")));
    unit::check(validator.complete());
}

void takes_an_empty_text(void **) {
    Utf8Validator validator;
    unit::check(validator.take({}));
    unit::check(validator.complete());
    unit::equal(validator.valid(), 0);
}

// Of any three bytes, valid or not, those at the end that begin a code point.
void finds_the_cut_code_point_behind_anything(void **) {
    constexpr std::array<std::uint8_t, 12> others{'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                                  0xa0, 0xbf, 0xc0, 0xc3, 0xe2, 0xff};
    for (const std::uint8_t first : others) {
        for (unsigned number = 0; number <= 0xffff; ++number) {
            for (const std::uint8_t last : others) {
                const std::array bytes{first, static_cast<std::uint8_t>(number >> 8U),
                                       static_cast<std::uint8_t>(number), last};
                std::size_t cut = 0;
                for (std::size_t size = 1; size <= 3; ++size) {
                    cut = parts.at(unit::Bytes{bytes}.last(size)) == Part::cut ? size : cut;
                }
                if (ws::cut_code_point(bytes) != cut) {
                    fail_msg("%02x %04x %02x", first, number, last);
                }
            }
        }
    }
}

void finds_the_cut_code_point_in_short_texts(void **) {
    unit::equal(ws::cut_code_point({}), 0);
    unit::equal(ws::cut_code_point(unit::bytes("a")), 0);
    unit::equal(ws::cut_code_point(unit::bytes("\xc3")), 1);
    unit::equal(ws::cut_code_point(unit::bytes("\xc3\xa9")), 0);
    unit::equal(ws::cut_code_point(unit::bytes("\xf0\x9f")), 2);
    unit::equal(ws::cut_code_point(unit::bytes("\xf0\x9f\x98")), 3);
    unit::equal(ws::cut_code_point(unit::bytes("\xf0\x9f\x98\x80")), 0);
    unit::equal(ws::cut_code_point(unit::bytes("\x80\x80\x80\x80")), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_code_point_cut_anywhere),
        cmocka_unit_test(judges_every_sequence_of_one_or_two_bytes),
        cmocka_unit_test(judges_every_sequence_of_three_bytes_that_begins_beyond_ascii),
        cmocka_unit_test(ends_every_code_point_of_four_bytes_with_a_continuation),
        cmocka_unit_test(finds_the_first_impossible_byte_at_every_place),
        cmocka_unit_test(takes_a_code_point_at_every_place_of_a_text),
        cmocka_unit_test(stays_failed_until_reset),
        cmocka_unit_test(reset_forgets_a_cut_code_point),
        cmocka_unit_test(takes_an_empty_text),
        cmocka_unit_test(finds_the_cut_code_point_behind_anything),
        cmocka_unit_test(finds_the_cut_code_point_in_short_texts),
    };
    return unit::run("utf8", tests);
}
