#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_framing/framing_length.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/framing_reading.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Transcript;
using unit::with_max;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Opcode;
using ws::Part;
using ws::PartStatus;
using ws::RecordReader;
using ws::RecordWriter;

namespace {

constexpr FramingSettings u8{.kind = FramingKind::length, .length_size = 1};
constexpr FramingSettings u16{.kind = FramingKind::length, .length_size = 2};
constexpr FramingSettings u32{.kind = FramingKind::length, .length_size = 4};
constexpr FramingSettings u16_little{
    .kind = FramingKind::length, .little_endian = true, .length_size = 2};
constexpr FramingSettings u32_little{
    .kind = FramingKind::length, .little_endian = true, .length_size = 4};
constexpr FramingSettings typed{.kind = FramingKind::typed, .length_size = 4};

// Writes to rooms of one size, and holds in memory that grows by a few bytes.
class Writing {
public:
    Writing(const FramingSettings &settings, std::size_t room_size)
        : writer_(settings), room_size_(room_size) {
        empty_room();
    }

    void begin(Opcode opcode, std::uint64_t length) {
        lend(true, length);
        writer_.begin(opcode, length, room_);
    }

    void take(Bytes bytes, bool ends) {
        do {
            empty_room();
            lend(false, 0);
            const ws::Room space = writer_.space(room_);
            const std::size_t size = std::min(bytes.size(), ws::free_in(space));
            std::ranges::copy(bytes.first(size), space.filled);
            bytes = bytes.subspan(size);
            writer_.take({space.filled, size}, ends && bytes.empty(), room_);
            empty_room();
            while (!writer_.drain(room_)) {
                unit::check(ws::free_in(room_) == 0 && writer_.holds());
                empty_room();
            }
        } while (!bytes.empty());
        empty_room();
    }

    [[nodiscard]] std::string_view text() const { return transcript_.text(); }
    [[nodiscard]] const RecordWriter &writer() const { return writer_; }

private:
    void empty_room() {
        if (room_.filled != nullptr) {
            transcript_.add(Bytes{memory_.data(), room_.filled});
        }
        room_ = {memory_.data(), memory_.data() + room_size_};
    }

    void lend(bool begins, std::uint64_t length) {
        while (writer_.wants_memory(begins, length)) {
            lent_ += 5;
            writer_.hold_in(std::span{held_}.first(lent_));
        }
    }

    RecordWriter writer_;
    std::size_t room_size_;
    ws::Room room_{};
    std::size_t lent_ = 0;
    std::array<std::uint8_t, 400> memory_;
    std::array<std::uint8_t, 400> held_;
    Transcript transcript_;
};

void writes(std::string_view message, std::string_view wanted, const FramingSettings &settings,
            Opcode opcode = Opcode::binary) {
    for (const std::size_t room_size : {RecordWriter::min_room, 400UL}) {
        for (const std::uint64_t length : {std::uint64_t{message.size()}, RecordWriter::unknown}) {
            for (std::size_t first = 0; first <= message.size(); ++first) {
                Writing writing(settings, room_size);
                writing.begin(opcode, length);
                writing.take(unit::bytes(message.substr(0, first)), false);
                writing.take(unit::bytes(message.substr(first)), true);
                unit::equal(writing.text(), wanted);
                unit::check(!writing.writer().holds());
                unit::equal(writing.writer().held(), 0);
                unit::equal(writing.writer().held_in_stream(), 0);
            }
        }
    }
}

void writes_a_length_in_front_of_each_message(void **) {
    writes("hello", "\x05hello", u8);
    writes("hello", "\0\5hello"sv, u16);
    writes("hello", "\0\0\0\5hello"sv, u32);
    writes("hello", "\5\0hello"sv, u16_little);
    writes("hello", "\5\0\0\0hello"sv, u32_little);
    writes("", "\0"sv, u8);
    writes("", "\0\0\0\0"sv, u32);

    std::array<char, 258> long_message;
    long_message.fill('x');
    std::array<char, 262> wanted;
    wanted.fill('x');
    std::ranges::copy("\1\2"sv, wanted.begin());
    writes({long_message.data(), 258}, {wanted.data(), 260}, u16);
    std::ranges::copy("\2\1"sv, wanted.begin());
    writes({long_message.data(), 258}, {wanted.data(), 260}, u16_little);
    std::ranges::copy("\0\0\1\2"sv, wanted.begin());
    writes({long_message.data(), 258}, {wanted.data(), 262}, u32);
}

void writes_the_opcode_behind_the_length(void **) {
    writes("hello", "\0\0\0\5\1hello"sv, typed, Opcode::text);
    writes("hello", "\0\0\0\5\2hello"sv, typed, Opcode::binary);
    writes("", "\0\0\0\0\1"sv, typed, Opcode::text);
}

void passes_on_what_has_a_known_length(void **) {
    Writing writing(u16, 400);
    writing.begin(Opcode::binary, 9);
    writing.take(unit::bytes("first"), false);
    unit::equal(writing.text(),
                "\0\x09"
                "first"sv);
    unit::check(!writing.writer().holds());
    writing.take(unit::bytes("last"), true);
    unit::equal(writing.text(),
                "\0\x09"
                "firstlast"sv);
}

void holds_what_has_none(void **) {
    Writing writing(u16, 400);
    unit::check(writing.writer().wants_memory(true, RecordWriter::unknown));
    unit::check(!writing.writer().wants_memory(true, 7));
    unit::check(!writing.writer().holds());
    writing.begin(Opcode::binary, RecordWriter::unknown);
    writing.take(unit::bytes("first"), false);
    unit::equal(writing.text(), "");
    unit::check(writing.writer().holds());
    unit::equal(writing.writer().held(), 5);
    unit::equal(writing.writer().held_in_stream(), 7);
    unit::check(writing.writer().wants_memory(false, 0));
    writing.take(unit::bytes("last"), true);
    unit::equal(writing.text(),
                "\0\x09"
                "firstlast"sv);
    unit::check(!writing.writer().holds());
}

void knows_the_longest_record(void **) {
    unit::equal(u8.max_record(), 255);
    unit::equal(u16.max_record(), 65'535);
    unit::equal(u32.max_record(), 4'294'967'295);
    unit::equal(with_max(u16, 70'000).max_record(), 65'535);
    unit::equal(with_max(u16, 100).max_record(), 100);
}

void limits_messages_as_the_framing_does(void **) {
    constexpr FramingSettings stream{};
    constexpr FramingSettings line{.kind = FramingKind::line, .max = 64};
    constexpr FramingSettings lines{.kind = FramingKind::line, .split = true, .max = 64};
    constexpr FramingSettings any_line{.kind = FramingKind::line};
    unit::equal(stream.max_message(0), 0);
    unit::equal(stream.max_message(9), 9);
    unit::equal(line.max_message(0), 64);
    unit::equal(line.max_message(9), 9);
    unit::equal(line.max_message(99), 64);
    unit::equal(lines.max_message(0), 0);
    unit::equal(lines.max_message(99), 99);
    unit::equal(any_line.max_message(0), 0);
    unit::equal(any_line.max_message(9), 9);
    unit::equal(u8.max_message(0), 255);
    unit::equal(u8.max_message(1'000), 255);
    unit::equal(typed.max_message(1'000), 1'000);
}

void reads(std::string_view stream, std::string_view wanted, const FramingSettings &settings) {
    unit::reads<RecordReader>(stream, wanted, settings);
}

void reads_a_message_from_each_record(void **) {
    reads("\5hello\0\3you"sv, "<hello><><you>", u8);
    reads("\0\5hello\0\0\0\3you"sv, "<hello><><you>", u16);
    reads("\5\0hello\0\0\3\0you"sv, "<hello><><you>", u16_little);
    reads("\0\0\0\5hello\0\0\0\3you"sv, "<hello><you>", u32);
    reads("\5\0\0\0hello"sv, "<hello>", u32_little);
    reads("", "", u16);
}

void reads_a_length_of_several_bytes(void **) {
    std::array<char, 262> stream;
    stream.fill('x');
    for (const auto &[header, settings] :
         {std::pair{"\0\0\1\2"sv, u32}, std::pair{"\2\1\0\0"sv, u32_little}}) {
        std::ranges::copy(header, stream.begin());
        RecordReader reader(settings);
        Bytes bytes = unit::bytes({stream.data(), stream.size()});
        Part part;
        unit::check(reader.next(bytes, part) == PartStatus::part);
        unit::equal(part.payload.size(), 258);
        unit::check(part.starts_message && part.ends_message && bytes.empty());
    }
}

void reads_the_opcode_behind_the_length(void **) {
    reads("\0\0\0\5\1hello\0\0\0\0\2\0\0\0\3\2you"sv, "<t hello><b ><b you>", typed);
}

void refuses_any_other_opcode(void **) {
    for (const auto stream : {"\0\0\0\1\2x\0\0\0\1\0y"sv, "\0\0\0\1\2x\0\0\0\1\x08y"sv,
                              "\0\0\0\1\2x\0\0\0\1\x81y"sv, "\0\0\0\1\2x\0\0\0\0\3"sv}) {
        reads(stream, "<b x>[backend sent a record of unknown type]", typed);
    }
}

// As soon as the length says so.
void refuses_a_record_over_the_limit(void **) {
    reads("\0\5hello\0\6a"sv, "<hello>[backend sent a record that is too long]", with_max(u16, 5));
    reads("\0\0\0\5\1hello\0\0\0\6"sv, "<t hello>[backend sent a record that is too long]",
          with_max(typed, 5));
    reads("\xff\xff\xff\xff"sv, "[backend sent a record that is too long]", with_max(u32, 5));
}

void refuses_a_record_that_is_cut(void **) {
    reads("\0\2ok\0\5hell"sv, "<ok><hell[backend closed inside a record]", u16);
    reads("\0\2ok\0"sv, "<ok>[backend closed inside a record]", u16);
    reads("\0\2ok\0\1"sv, "<ok>[backend closed inside a record]", u16);
    reads("\0\0\0\0"sv, "[backend closed inside a record]", typed);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_length_in_front_of_each_message),
        cmocka_unit_test(writes_the_opcode_behind_the_length),
        cmocka_unit_test(passes_on_what_has_a_known_length),
        cmocka_unit_test(holds_what_has_none),
        cmocka_unit_test(knows_the_longest_record),
        cmocka_unit_test(limits_messages_as_the_framing_does),
        cmocka_unit_test(reads_a_message_from_each_record),
        cmocka_unit_test(reads_a_length_of_several_bytes),
        cmocka_unit_test(reads_the_opcode_behind_the_length),
        cmocka_unit_test(refuses_any_other_opcode),
        cmocka_unit_test(refuses_a_record_over_the_limit),
        cmocka_unit_test(refuses_a_record_that_is_cut),
    };
    return unit::run("framing_length", tests);
}
