#include "t/unit/unit.hpp"

#include <array>
#include <string>

#include "ngx_ws_filter/ws_framing/framer.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/framing_reading.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Cut;
using unit::Transcript;
using unit::with_max;
using ws::BackendFault;
using ws::DelimiterReader;
using ws::DelimiterWriter;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Part;
using ws::PartStatus;
using ws::Violation;

namespace {

FramingSettings with(std::string_view delimiter) {
    return {.kind = FramingKind::delimiter, .delimiter = ws::Delimiter(unit::bytes(delimiter))};
}

const FramingSettings nul = with("\0"sv);
const FramingSettings hl7 = with("\x1c\r");
const FramingSettings dot = with("\r\n.\r\n");
const FramingSettings twin = with("aab");

constexpr auto inside = "[message holds a delimiter]"sv;

void writes_in(std::string_view message, std::string_view wanted, const FramingSettings &settings,
               std::size_t room_size, Cut cut) {
    DelimiterWriter writer(settings);
    writer.begin();
    std::array<std::uint8_t, 100> memory;
    Transcript transcript;
    std::size_t at = 0;
    std::size_t most = cut.first;
    do {
        ws::Room room{memory.data(), memory.data() + room_size};
        const ws::Room space = writer.space(room);
        unit::check(space.filled == room.filled && ws::free_in(space) != 0);
        const std::size_t size = std::min({message.size() - at, most, ws::free_in(space)});
        std::ranges::copy(unit::bytes(message.substr(at, size)), space.filled);
        at += size;
        most = cut.rest;
        const Violation violation = writer.take({space.filled, size}, at == message.size(), room);
        unit::check(room.filled <= room.end);
        transcript.add(Bytes{memory.data(), room.filled});
        if (violation != Violation::none) {
            transcript.add("[").add(ws::words(violation)).add("]");
            break;
        }
    } while (at < message.size());
    unit::equal(transcript.text(), wanted);
}

void writes(std::string_view message, std::string_view wanted, const FramingSettings &settings) {
    unit::for_every_cut(message.size(), [&](Cut cut) {
        for (const std::size_t room_size : {DelimiterWriter::min_room, 100UL}) {
            writes_in(message, wanted, settings, room_size, cut);
        }
    });
}

void ends_each_message_with_the_delimiter(void **) {
    writes("SEND\n\nbody", "SEND\n\nbody\0"sv, nul);
    writes("", "\0"sv, nul);
    writes("\x0bMSH|", "\x0bMSH|\x1c\r", hl7);
    writes("a\x1c\nb\r\x1c\x1c", "a\x1c\nb\r\x1c\x1c\x1c\r", hl7);
    writes("a\r\n.b\r\n", "a\r\n.b\r\n\r\n.\r\n", dot);
    writes("aaa", "aaaaab", twin);
}

void refuses_a_delimiter_inside(void **) {
    unit::check(ws::close_code(Violation::delimiter_inside) == ws::CloseCode::invalid_payload);
    writes("a\0b"sv, std::string("a").append(inside), nul);
    writes("\0"sv, inside, nul);
    writes("a\x1c\rb", std::string("a\x1c").append(inside), hl7);
    writes("a\r\n.\r\nb", std::string("a\r\n.\r").append(inside), dot);
    writes("aaab", std::string("aaa").append(inside), twin);
}

// The backend would see the end of this message earlier, and of the next one later.
void refuses_a_message_whose_end_makes_one(void **) {
    writes("a\r\n.", std::string("a\r\n.").append(inside), dot);
    writes("xa", std::string("xa").append(inside), with("aa"));
    writes("xaba", "xabaabab", with("abab"));
    writes("xab", std::string("xab").append(inside), with("abab"));
}

void begins_anew_with_each_message(void **) {
    DelimiterWriter writer(hl7);
    std::array<std::uint8_t, 20> memory;
    for (const auto message : {"a\x1c"sv, "\rb"sv}) {
        writer.begin();
        ws::Room room{memory.data(), memory.data() + memory.size()};
        std::ranges::copy(unit::bytes(message), room.filled);
        unit::check(writer.take({room.filled, 2}, true, room) == Violation::none);
        unit::equal(unit::text({memory.data(), room.filled}),
                    std::string(message).append("\x1c\r"));
    }
}

void reads(std::string_view stream, std::string_view wanted, const FramingSettings &settings,
           bool cut_off = false) {
    unit::reads<DelimiterReader>(stream, wanted, settings, cut_off);
}

void reads_a_message_before_each_delimiter(void **) {
    reads("one\0two\0\0"sv, "<one><two><>", nul);
    reads("\x0bone\x1c\r\x0btwo\x1c\r", "<\x0bone><\x0btwo>", hl7);
    reads("a\r\n.\r\n\r\n.\r\n", "<a><>", dot);
}

void gives_back_what_began_as_a_delimiter(void **) {
    reads("\x1c\x1c\r\x1c\x1c\x1c\n\r\x1c\r", "<\x1c><\x1c\x1c\x1c\n\r>", hl7);
    reads("\r\n.\r\r\n.\r\n", "<\r\n.\r>", dot);
    reads("\r\n\r\n.\r\n", "<\r\n>", dot);
    reads("aaaabaab", "<aa><>", twin);
    reads("ababcabab", "<><c>", with("abab"));
}

void takes_the_end_of_the_stream_for_a_cut(void **) {
    constexpr auto cut = "[backend closed inside a message]"sv;
    reads("one\0two"sv, std::string("<one><two").append(cut), nul);
    reads("one\x1c", std::string("<one\x1c").append(cut), hl7);
    reads("\x1c", std::string("<\x1c").append(cut), hl7);
    reads("one\0"sv, "<one>", nul);
    reads("", "", nul);
}

void allows_line_ends_behind_the_last_message(void **) {
    reads("CONNECTED\n\n\0\n"sv, "<CONNECTED\n\n><\n>", nul);
    reads("one\0\r\n\r\n"sv, "<one><\r\n\r\n>", nul);
    reads("\r\n", "<\r\n>", dot);
    reads("one\0\n"sv, "<one><\n[backend closed inside a message]", nul, true);
    reads("\r\n", "<\r\n[backend closed inside a message]", dot, true);
    reads("one\0"sv, "<one>", nul, true);
}

void refuses_a_message_over_the_limit(void **) {
    constexpr auto too_long = "[backend sent a message that is too long]"sv;
    reads("12345\0"sv, "<12345>", with_max(nul, 5));
    reads("12345\0001\000123456\0"sv, std::string("<12345><1><12345").append(too_long),
          with_max(nul, 5));
    reads("1234\x1cx\x1c\r", std::string("<1234\x1c").append(too_long), with_max(hl7, 5));
    reads("12345\x1cx", std::string("<12345").append(too_long), with_max(hl7, 5));
    reads("12345\x1c\r", "<12345>", with_max(hl7, 5));
    reads("12345\x1c", std::string("<12345").append(too_long), with_max(hl7, 5));
}

void is_chosen_by_the_framer(void **) {
    ws::Framer framer(nul);
    unit::check(!framer.holds() && !framer.wants_memory(true, ws::Framer::unknown));
    std::array<std::uint8_t, 20> memory;
    ws::Room room{memory.data(), memory.data() + memory.size()};
    framer.begin(ws::Opcode::text, 2, room);
    const ws::Room space = framer.space(room);
    unit::check(space.filled == memory.data() && ws::free_in(space) == 19);
    memory[0] = memory[1] = 'a';
    unit::check(framer.take({memory.data(), 2}, true, room) == Violation::none);
    unit::equal(unit::text({memory.data(), room.filled}), "aa\0"sv);

    Bytes from = unit::bytes("b\0c"sv);
    Part part;
    unit::check(framer.next(from, part) == PartStatus::part);
    unit::equal(unit::text(part.payload), "b");
    unit::check(framer.next(from, part) == PartStatus::part);
    unit::check(framer.next(from, part) == PartStatus::need_more);
    framer.cut();
    unit::check(framer.finish(part) == PartStatus::fault);
    unit::check(framer.fault() == BackendFault::message_cut);
    unit::check(framer.next(from, part) == PartStatus::fault);
    unit::equal(nul.max_message(0), 0);
    unit::equal(with_max(nul, 9).max_message(0), 9);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_each_message_with_the_delimiter),
        cmocka_unit_test(refuses_a_delimiter_inside),
        cmocka_unit_test(refuses_a_message_whose_end_makes_one),
        cmocka_unit_test(begins_anew_with_each_message),
        cmocka_unit_test(reads_a_message_before_each_delimiter),
        cmocka_unit_test(gives_back_what_began_as_a_delimiter),
        cmocka_unit_test(takes_the_end_of_the_stream_for_a_cut),
        cmocka_unit_test(allows_line_ends_behind_the_last_message),
        cmocka_unit_test(refuses_a_message_over_the_limit),
        cmocka_unit_test(is_chosen_by_the_framer),
    };
    return unit::run("framing delimiter", tests);
}
