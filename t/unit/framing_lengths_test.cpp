// Lengths that count themselves, and varints.
#include "t/unit/unit.hpp"

#include <array>
#include <string>

#include "ngx_ws_filter/ws_framing/framing_length.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/framing_reading.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::with_max;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Opcode;
using ws::RecordReader;
using ws::RecordWriter;

namespace {

constexpr FramingSettings self_u8{
    .kind = FramingKind::length, .counts_itself = true, .length_size = 1};
constexpr FramingSettings self_u16_little{
    .kind = FramingKind::length, .little_endian = true, .counts_itself = true, .length_size = 2};
constexpr FramingSettings self_u32{
    .kind = FramingKind::length, .counts_itself = true, .length_size = 4};
constexpr FramingSettings varint{.kind = FramingKind::length, .varint = true};

void writes(std::string_view message, std::string_view wanted, const FramingSettings &settings) {
    std::array<std::uint8_t, 400> memory;
    std::array<std::uint8_t, 400> held;
    for (const std::uint64_t length : {std::uint64_t{message.size()}, RecordWriter::unknown}) {
        RecordWriter writer(settings);
        writer.hold_in(held);
        ws::Room room{memory.data(), memory.data() + memory.size()};
        writer.begin(Opcode::binary, length, room);
        const ws::Room space = writer.space(room);
        std::ranges::copy(unit::bytes(message), space.filled);
        if (length == RecordWriter::unknown && !message.empty()) {
            writer.take({space.filled, message.size()}, false, room);
            unit::equal(writer.held_in_stream(), wanted.size());
            writer.take({}, true, room);
        } else {
            writer.take({space.filled, message.size()}, true, room);
        }
        unit::check(writer.drain(room));
        unit::equal(unit::text({memory.data(), room.filled}), wanted);
    }
}

void counts_the_length_itself(void **) {
    writes("hello", "\x06hello", self_u8);
    writes("hello", "\7\0hello"sv, self_u16_little);
    writes("hello", "\0\0\0\x09hello"sv, self_u32);
    writes("", "\1", self_u8);
    writes("", "\0\0\0\4"sv, self_u32);
}

void writes_the_shortest_varint(void **) {
    writes("hello", "\5hello", varint);
    writes("", "\0"sv, varint);
    writes(std::string(127, 'x'), "\x7f" + std::string(127, 'x'), varint);
    writes(std::string(128, 'x'), "\x80\1" + std::string(128, 'x'), varint);
    writes(std::string(300, 'x'), "\xac\2" + std::string(300, 'x'), varint);

    RecordWriter writer(varint);
    std::array<std::uint8_t, RecordWriter::min_room> memory;
    ws::Room room{memory.data(), memory.data() + memory.size()};
    writer.begin(Opcode::binary, varint.max_record(), room);
    unit::equal(unit::text({memory.data(), room.filled}), "\xff\xff\xff\xff\x0f");
}

void knows_the_longest_record(void **) {
    unit::equal(self_u8.max_record(), 254);
    unit::equal(self_u16_little.max_record(), 65'533);
    unit::equal(self_u32.max_record(), 4'294'967'291);
    unit::equal(varint.max_record(), 4'294'967'295);
    unit::equal(with_max(self_u8, 255).max_record(), 254);
    unit::equal(with_max(varint, 100).max_message(0), 100);
}

void reads(std::string_view stream, std::string_view wanted, const FramingSettings &settings) {
    unit::reads<RecordReader>(stream, wanted, settings);
}

void reads_lengths_that_count_themselves(void **) {
    reads("\x06hello\1\2x", "<hello><><x>", self_u8);
    reads("\7\0hello\2\0\3\0x"sv, "<hello><><x>", self_u16_little);
    reads("\0\0\0\x09hello\0\0\0\4"sv, "<hello><>", self_u32);
}

void refuses_a_length_less_than_its_own(void **) {
    constexpr auto wrong = "[backend sent a record that is shorter than its length]"sv;
    reads("\2x\0"sv, std::string("<x>").append(wrong), self_u8);
    reads("\1\0"sv, wrong, self_u16_little);
    reads("\0\0\0\3x"sv, wrong, self_u32);
    reads("\0\0\0\0"sv, wrong, self_u32);
}

void limits_a_record_without_its_length(void **) {
    constexpr auto wrong = "[backend sent a record that is too long]"sv;
    reads("\0\0\0\x09hello"sv, "<hello>", with_max(self_u32, 5));
    reads("\0\0\0\x0ahello!"sv, wrong, with_max(self_u32, 5));
    reads("\5hello\6hello!", std::string("<hello>").append(wrong), with_max(varint, 5));
}

void reads_varints_of_any_size(void **) {
    reads("\5hello\0\1x"sv, "<hello><><x>", varint);
    reads("\x85\x80\x80\x80\0hello"sv, "<hello>", varint);
    const std::string long_one(300, 'x');
    reads("\xac\2" + long_one + "\1y", "<" + long_one + "><y>", varint);
}

void refuses_a_varint_of_more_than_32_bits(void **) {
    constexpr auto wrong = "[backend sent a record that is too long]"sv;
    reads("\xff\xff\xff\xff\x10", wrong, varint);
    reads("\x80\x80\x80\x80\x80", wrong, varint);
    reads("\x80\x80\x80\x80\x80\1", wrong, varint);
    reads("\xff\xff\xff\xff\x0fx", "<x[backend closed inside a record]", varint);
}

void takes_the_end_of_the_stream_for_a_cut(void **) {
    constexpr auto cut = "[backend closed inside a record]"sv;
    reads("\x80", cut, varint);
    reads("\5hell", std::string("<hell").append(cut), varint);
    reads("\0\0"sv, cut, self_u32);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_length_itself),
        cmocka_unit_test(writes_the_shortest_varint),
        cmocka_unit_test(knows_the_longest_record),
        cmocka_unit_test(reads_lengths_that_count_themselves),
        cmocka_unit_test(refuses_a_length_less_than_its_own),
        cmocka_unit_test(limits_a_record_without_its_length),
        cmocka_unit_test(reads_varints_of_any_size),
        cmocka_unit_test(refuses_a_varint_of_more_than_32_bits),
        cmocka_unit_test(takes_the_end_of_the_stream_for_a_cut),
    };
    return unit::run("framing lengths", tests);
}
