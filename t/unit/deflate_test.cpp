#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "t/unit/inflating.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::hello;
using unit::hello_again;
using unit::hello_final;
using unit::inflates;
using unit::OwnDeflater;
using unit::OwnInflater;
using unit::refuses;
using ws::Deflater;
using ws::Inflater;
using ws::InflateStatus;

namespace {

// RFC 7692, section 7.2.3.
constexpr auto hello_stored = "\x00\x05\x00\xfa\xffHello\x00"sv;
constexpr auto hello_in_two_blocks = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"sv;

constexpr std::size_t largest = 70'000;

void inflates_whole(Inflater &inflater, Bytes message, Bytes wanted) {
    static std::array<std::uint8_t, largest + 1> to;
    const unit::Inflated result =
        unit::inflate(inflater, message, to, {message.size(), 1}, to.size());
    unit::equal(result.status, InflateStatus::needs_more);
    unit::equal(Bytes{to.data(), result.size}, wanted);
}

// Text that repeats itself over short and long distances.
void fill_with_words(std::span<std::uint8_t> bytes, std::mt19937 &random) {
    constexpr std::array words{"{\"price\": "sv, "\"name\": "sv, "12.50"sv, ", "sv,
                               "\xe6\xb5\xb7"sv, "true}"sv,      "\n"sv};
    for (std::size_t at = 0; at < bytes.size();) {
        const std::string_view word = words[random() % words.size()];
        const std::size_t size = std::min(word.size(), bytes.size() - at);
        std::copy_n(word.begin(), size, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        at += size;
    }
}

void fill_with_noise(std::span<std::uint8_t> bytes, std::mt19937 &random) {
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
}

Bytes deflate(Deflater &deflater, Bytes message) {
    static std::array<std::uint8_t, Deflater::max_size(largest)> room;
    const auto given = std::span{room}.first(Deflater::max_size(message.size()));
    const std::size_t size = deflater.deflate(message, given);
    unit::check(size != 0 && size <= given.size());
    return given.first(size);
}

void inflates_the_examples_of_the_rfc(void **) {
    inflates(hello, "Hello");
    inflates(hello_stored, "Hello");
    inflates(hello_final, "Hello");
    inflates(hello_in_two_blocks, "Hello");
    inflates("\x00"sv, "");
}

void refers_to_messages_before(void **) {
    OwnInflater inflater;
    inflates_whole(inflater, unit::bytes(hello), unit::bytes("Hello"));
    inflates_whole(inflater, unit::bytes(hello_again), unit::bytes("Hello"));
    inflates_whole(inflater, {}, {});
    inflates_whole(inflater, unit::bytes("\x00"sv), {});
    inflates_whole(inflater, unit::bytes(hello_final), unit::bytes("Hello"));
    inflates_whole(inflater, unit::bytes(hello_again), unit::bytes("Hello"));
}

void refuses_to_refer_to_forgotten_messages(void **) {
    refuses(hello_again);
    OwnInflater inflater;
    inflates_whole(inflater, unit::bytes(hello), unit::bytes("Hello"));
    inflater.reset();
    std::array<std::uint8_t, 20> to;
    const auto message = unit::bytes(hello_again);
    unit::equal(unit::inflate(inflater, message, to, {1, 1}, 20).status, InflateStatus::broken);
    inflater.reset();
    inflates_whole(inflater, unit::bytes(hello), unit::bytes("Hello"));
}

void refuses_broken_blocks(void **) {
    refuses("\x06");                                // the block type that does not exist
    refuses("\x00\x05\x00\xfa\xfeHello\x00"sv);     // a length that is not its complement
    refuses("\xf2\x48\xcd\xc9\xc9\x07\x00\x07"sv);  // behind a good block
    refuses("\xfe\xff", hello);
}

// After every broken message the state is good for the next one.
void survives_noise(void **) {
    std::mt19937 random(1951);
    OwnInflater inflater(9);
    std::array<std::uint8_t, 40> message;
    std::array<std::uint8_t, largest> to;
    unsigned broken = 0;
    for (unsigned i = 0; i < 20'000; ++i) {
        fill_with_noise(message, random);
        inflater.reset();
        const auto part = std::span{message}.first(random() % message.size());
        const unit::Inflated result =
            unit::inflate(inflater, part, to, {1 + random() % 20, 3}, to.size());
        broken += result.status == InflateStatus::broken ? 1U : 0U;
    }
    unit::check(broken > 10'000 && broken < 20'000);
    inflater.reset();
    inflates_whole(inflater, unit::bytes(hello), unit::bytes("Hello"));
}

void gives_a_bomb_no_more_than_its_room(void **) {
    static std::array<std::uint8_t, largest> zeros{};
    OwnDeflater deflater({.level = 9});
    OwnInflater inflater;
    const Bytes bomb = deflate(deflater, zeros);
    unit::check(bomb.size() < 100);
    Bytes from = bomb;
    std::size_t total = 0;
    std::array<std::uint8_t, 1'000> to;
    InflateStatus status = InflateStatus::room_full;
    while (status == InflateStatus::room_full) {
        to.fill(0xee);
        std::span<std::uint8_t> room = std::span{to}.first(999);
        status = inflater.inflate(from, room, true);
        total += 999 - room.size();
        unit::equal(to[999], 0xee);
        unit::check(std::all_of(to.data(), room.data(), [](std::uint8_t b) { return b == 0; }));
    }
    unit::equal(status, InflateStatus::needs_more);
    unit::equal(total, largest);
}

void writes_nothing_into_no_room(void **) {
    OwnInflater inflater;
    Bytes from = unit::bytes(hello);
    std::span<std::uint8_t> room;
    unit::equal(inflater.inflate(from, room, true), InflateStatus::room_full);
    unit::equal(from.size(), hello.size());
    inflates_whole(inflater, from, unit::bytes("Hello"));
}

void deflates_as_the_rfc_shows(void **) {
    OwnDeflater deflater;
    unit::equal(unit::text(deflate(deflater, unit::bytes("Hello"))), hello);
    unit::equal(unit::text(deflate(deflater, unit::bytes("Hello"))), hello_again);
    unit::equal(unit::text(deflate(deflater, {})), "\x00"sv);
    unit::equal(unit::text(deflate(deflater, {})), "\x00"sv);
    unit::equal(unit::text(deflate(deflater, unit::bytes("Hello"))), "\x02\x13\x00\x00"sv);
    deflater.reset();
    unit::equal(unit::text(deflate(deflater, unit::bytes("Hello"))), hello);
}

// Parts of any size, of which the last may be empty.
void stores_what_an_inflater_reads(void **) {
    static std::array<std::uint8_t, largest> noise;
    static std::array<std::uint8_t, 2 * Deflater::max_size(largest)> room;
    std::mt19937 random(3);
    fill_with_noise(noise, random);
    OwnInflater inflater;
    for (const std::size_t size : {0U, 1U, 100U, 65'535U, 65'536U, 70'000U}) {
        const Bytes message = Bytes{noise}.first(size);
        for (const std::size_t cut : {std::size_t{0}, size / 3, size}) {
            std::size_t written = Deflater::store(message.first(cut), room, false);
            const std::size_t needed = Deflater::max_size(size - cut);
            const auto left = std::span{room}.subspan(written, needed);
            written += Deflater::store(message.subspan(cut), left, true);
            inflates_whole(inflater, Bytes{room}.first(written), message);
        }
    }
}

// What a deflater of each kind writes, an inflater with the same window reads.
void inflates_what_was_deflated(void **) {
    static std::array<std::uint8_t, largest> words;
    static std::array<std::uint8_t, largest> noise;
    std::mt19937 random(7692);
    fill_with_words(words, random);
    fill_with_noise(noise, random);
    for (unsigned bits = 9; bits <= 15; ++bits) {
        const auto memory_level = static_cast<unsigned>(1 + random() % 9);
        OwnDeflater deflater({.level = 16 - bits, .bits = bits, .memory_level = memory_level});
        OwnInflater inflater(bits);
        const bool takeover = bits % 2 == 0;
        for (const std::size_t size : {1U, 2U, 100U, 511U, 513U, 5'000U, 65'536U, 70'000U}) {
            for (const Bytes all : {Bytes{words}, Bytes{noise}}) {
                const Bytes message = all.last(size);
                if (!takeover) {
                    deflater.reset();
                    inflater.reset();
                }
                inflates_whole(inflater, deflate(deflater, message), message);
            }
        }
    }
}

void uses_takeover(void **) {
    static std::array<std::uint8_t, 20'000> noise;
    std::mt19937 random(1);
    fill_with_noise(noise, random);
    OwnDeflater deflater({.level = 6});
    unit::check(deflate(deflater, noise).size() > noise.size());
    unit::check(deflate(deflater, noise).size() < noise.size() / 50);
    deflater.reset();
    unit::check(deflate(deflater, noise).size() > noise.size());
}

void never_needs_more_room_than_it_said(void **) {
    static std::array<std::uint8_t, largest> noise;
    std::mt19937 random(2);
    fill_with_noise(noise, random);
    for (unsigned memory_level = 1; memory_level <= 9; ++memory_level) {
        for (const unsigned level : {1U, 4U, 9U}) {
            OwnDeflater deflater({.level = level, .bits = 9, .memory_level = memory_level});
            for (std::size_t size = 0; size < 300; size += 7) {
                (void)deflate(deflater, Bytes{noise}.first(size));
            }
            (void)deflate(deflater, noise);
        }
    }
}

void knows_the_largest_message_for_a_room(void **) {
    unit::equal(Deflater::max_message(0), 0);
    for (std::size_t room = 1; room < 200'000; room += 31) {
        const std::size_t size = Deflater::max_message(room);
        unit::check(size == 0 || Deflater::max_size(size) <= room);
        unit::check(Deflater::max_size(size + 150) > room);
    }
}

// The sizes are bounds that hold, and not far from what zlib takes.
void needs_the_memory_it_said(void **) {
    for (unsigned bits = 9; bits <= 15; ++bits) {
        OwnInflater inflater(bits);
        unit::check(inflater.used() <= Inflater::memory_size(bits));
        unit::check(inflater.used() > Inflater::memory_size(bits) * 9 / 10);
        for (unsigned memory_level = 1; memory_level <= 9; ++memory_level) {
            OwnDeflater deflater({.bits = bits, .memory_level = memory_level});
            unit::check(deflater.used() <= Deflater::memory_size(bits, memory_level));
            unit::check(deflater.used() > Deflater::memory_size(bits, memory_level) * 8 / 10);
        }
    }
}

void refuses_too_little_memory(void **) {
    const unit::Memory memory(Deflater::memory_size(15, 9));
    Inflater inflater;
    Deflater deflater;
    for (const std::size_t size : {0U, 1'000U, 7'500U, 20'000U}) {
        unit::check(!inflater.begin(memory.first(size), 15));
        unit::check(!deflater.begin(memory.first(size), {}));
    }
    unit::check(inflater.begin(memory.first(Inflater::memory_size(15)), 15));
    inflates_whole(inflater, unit::bytes(hello), unit::bytes("Hello"));
}

void begins_again_in_the_same_memory(void **) {
    const unit::Memory memory(Deflater::memory_size(15, 9));
    Deflater deflater;
    for (const unsigned bits : {15U, 9U, 12U}) {
        unit::check(deflater.begin(memory.bytes(), {.bits = bits}));
        unit::check(deflater.settings() == ws::DeflateSettings{.bits = bits});
        unit::equal(unit::text(deflate(deflater, unit::bytes("Hello"))), hello);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(inflates_the_examples_of_the_rfc),
        cmocka_unit_test(refers_to_messages_before),
        cmocka_unit_test(refuses_to_refer_to_forgotten_messages),
        cmocka_unit_test(refuses_broken_blocks),
        cmocka_unit_test(survives_noise),
        cmocka_unit_test(gives_a_bomb_no_more_than_its_room),
        cmocka_unit_test(writes_nothing_into_no_room),
        cmocka_unit_test(deflates_as_the_rfc_shows),
        cmocka_unit_test(stores_what_an_inflater_reads),
        cmocka_unit_test(inflates_what_was_deflated),
        cmocka_unit_test(uses_takeover),
        cmocka_unit_test(never_needs_more_room_than_it_said),
        cmocka_unit_test(knows_the_largest_message_for_a_room),
        cmocka_unit_test(needs_the_memory_it_said),
        cmocka_unit_test(refuses_too_little_memory),
        cmocka_unit_test(begins_again_in_the_same_memory),
    };
    return unit::run("deflate", tests);
}
