#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::ClientStream;
using unit::Cut;
using ws::FrameReader;
using ws::Violation;

namespace {

struct Options {
    bool compression = false;
    std::uint64_t max_message_size = 0;
};

void read(FrameReader &reader, std::span<std::uint8_t> part) {
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    ws::Piece piece{};
    while (reader.next(buffer, piece) == ws::ReadStatus::piece) {
    }
}

// The rule is named when the last byte of the stream has come, and not before.
void refuses(const ClientStream &stream, Violation wanted, const Options &options = {}) {
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        FrameReader reader(options.compression, options.max_message_size);
        std::size_t taken = 0;
        unit::receive(stream.bytes(), cut, [&](std::span<std::uint8_t> part) {
            read(reader, part);
            taken += part.size();
            unit::equal(reader.violation(), taken == stream.size() ? wanted : Violation::none);
        });
    });
}

// What the first byte of a frame breaks, given those that are legal there.
Violation broken_by(unsigned byte, std::string_view legal, bool compression) {
    if (legal.find(static_cast<char>(byte)) != std::string_view::npos) {
        return Violation::none;
    }
    const unsigned opcode = byte & 0x0fU;
    const bool starts_message = opcode == 1 || opcode == 2;
    const unsigned defined = compression && starts_message ? 0x40 : 0;
    if ((byte & 0x70U & ~defined) != 0) {
        return Violation::reserved_bit;
    }
    if ((opcode > 2 && opcode < 8) || opcode > 10) {
        return Violation::unknown_opcode;
    }
    if (opcode >= 8) {
        return Violation::control_fragmented;
    }
    return starts_message ? Violation::message_unfinished : Violation::continuation_unexpected;
}

void judges_first_bytes(const ClientStream &before, std::string_view legal,
                        const Options &options = {}) {
    for (unsigned byte = 0; byte < 256; ++byte) {
        const char as_char = static_cast<char>(byte);
        ClientStream stream = before;
        refuses(stream.raw({&as_char, 1}), broken_by(byte, legal, options.compression), options);
    }
}

void judges_every_opcode_and_bit_between_messages(void **) {
    constexpr std::string_view legal = "\x01\x02\x81\x82\x88\x89\x8a";
    judges_first_bytes(ClientStream{}, legal);
    judges_first_bytes(ClientStream{}.frame(0x01, "a").frame(0x80, "b"), legal);
    judges_first_bytes(ClientStream{}.frame(0x82, "a").frame(0x89, "b"), legal);
}

void judges_every_opcode_and_bit_inside_a_message(void **) {
    constexpr std::string_view legal = "\x00\x80\x88\x89\x8a"sv;
    judges_first_bytes(ClientStream{}.frame(0x01, ""), legal);
    judges_first_bytes(ClientStream{}.frame(0x02, "a").frame(0x8a, "b"), legal);
    judges_first_bytes(ClientStream{}.frame(0x01, "a").frame(0x00, ""), legal);
}

void judges_every_opcode_and_bit_with_compression(void **) {
    judges_first_bytes(ClientStream{}, "\x01\x02\x81\x82\x41\x42\xc1\xc2\x88\x89\x8a",
                       {.compression = true});
    judges_first_bytes(ClientStream{}.frame(0x41, ""), "\x00\x80\x88\x89\x8a"sv,
                       {.compression = true});
}

void refuses_frames_without_mask_at_the_second_byte(void **) {
    for (unsigned length = 0; length < 128; ++length) {
        const std::array<char, 2> header{'\x82', static_cast<char>(length)};
        refuses(ClientStream{}.raw({header.data(), 2}), Violation::mask_missing);
    }
    refuses(ClientStream{}.raw("\x89\x7f"), Violation::mask_missing);
}

void refuses_control_frames_longer_than_125_at_the_second_byte(void **) {
    for (const std::string_view header :
         {"\x88\xfe"sv, "\x88\xff"sv, "\x89\xfe"sv, "\x89\xff"sv, "\x8a\xfe"sv, "\x8a\xff"sv}) {
        refuses(ClientStream{}.raw(header), Violation::control_too_long);
    }
}

void refuses_lengths_that_are_not_minimal_when_they_are_whole(void **) {
    for (char length = 0; length < 126; ++length) {
        refuses(ClientStream{}.raw("\x82\xfe\x00"sv).raw({&length, 1}),
                Violation::length_not_minimal);
    }
    for (const std::string_view length :
         {"\x00\x00"sv, "\x00\x01"sv, "\x00\x7d"sv, "\x00\x7e"sv, "\x01\x00"sv, "\xff\xff"sv}) {
        refuses(ClientStream{}.raw("\x82\xff\x00\x00\x00\x00\x00\x00"sv).raw(length),
                Violation::length_not_minimal);
    }
}

void refuses_lengths_with_the_top_bit(void **) {
    refuses(ClientStream{}.raw("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00"sv),
            Violation::length_top_bit);
    refuses(ClientStream{}.raw("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv),
            Violation::length_top_bit);
    refuses(ClientStream{}.raw("\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00"sv),
            Violation::length_top_bit);
}

void refuses_a_message_that_is_too_big_at_its_length(void **) {
    const Options ten{.max_message_size = 10};
    refuses(ClientStream{}.raw("\x82\x8b"), Violation::message_too_big, ten);
    refuses(ClientStream{}.raw("\x82\xfe\x00\x7e"sv), Violation::message_too_big, ten);
    refuses(ClientStream{}.raw("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
            Violation::message_too_big, ten);
    refuses(ClientStream{}.frame(0x02, "123456").raw("\x80\x85"), Violation::message_too_big, ten);
}

void refuses_fragments_whose_sum_would_wrap(void **) {
    refuses(ClientStream{}.frame(0x02, "12345").raw("\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
            Violation::message_too_big, {.max_message_size = 0x7fffffffffffffff});
}

void reads_nothing_after_a_violation(void **) {
    ClientStream stream;
    stream.raw("\xf1").frame(0x82, "late").frame(0x89, "later");
    std::array<std::uint8_t, 64> bytes;
    std::ranges::copy(stream.bytes(), bytes.begin());
    ws::ReadBuffer buffer{bytes.data(), bytes.data(), bytes.data() + stream.size()};
    FrameReader reader;
    for (int i = 0; i < 3; ++i) {
        ws::Piece piece{};
        unit::equal(reader.next(buffer, piece), ws::ReadStatus::violation);
        unit::equal(reader.violation(), Violation::reserved_bit);
        buffer.unread = bytes.data() + 1;
    }
    unit::equal(reader.frames(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_opcode_and_bit_between_messages),
        cmocka_unit_test(judges_every_opcode_and_bit_inside_a_message),
        cmocka_unit_test(judges_every_opcode_and_bit_with_compression),
        cmocka_unit_test(refuses_frames_without_mask_at_the_second_byte),
        cmocka_unit_test(refuses_control_frames_longer_than_125_at_the_second_byte),
        cmocka_unit_test(refuses_lengths_that_are_not_minimal_when_they_are_whole),
        cmocka_unit_test(refuses_lengths_with_the_top_bit),
        cmocka_unit_test(refuses_a_message_that_is_too_big_at_its_length),
        cmocka_unit_test(refuses_fragments_whose_sum_would_wrap),
        cmocka_unit_test(reads_nothing_after_a_violation),
    };
    return unit::run("frame_reader_rules", tests);
}
