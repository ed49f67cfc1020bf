#include "t/unit/unit.hpp"

#include <array>
#include <string>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Cut;
using unit::Transcript;
using ws::Session;
using ws::Utf8Repair;

namespace {

constexpr auto bad = "\xef\xbf\xbd"sv;

std::string with_bad(std::string_view text) {
    std::string wanted;
    for (const char c : text) {
        wanted.append(c == '?' ? bad : std::string_view(&c, 1));
    }
    return wanted;
}

// In the wanted text "?" is U+FFFD.
void repairs(std::string_view text, std::string_view wanted) {
    unit::for_every_cut(text.size(), [&](Cut cut) {
        Utf8Repair repair;
        Transcript transcript;
        std::array<std::uint8_t, 400> room;
        unit::receive(unit::bytes(text), cut, [&](Bytes bytes) {
            transcript.add(
                repair.take(bytes, std::span{room}.first(Utf8Repair::max_size(bytes.size()))));
        });
        transcript.add(repair.finish(room));
        unit::equal(transcript.text(), std::string_view(with_bad(wanted)));
        unit::equal(repair.finish(room).size(), 0);
    });
}

void leaves_good_text_alone(void **) {
    repairs("", "");
    repairs("plain", "plain");
    repairs(
        "gr\xc3\xbc\xc3\x9f"
        "e \xe2\x82\xac \xf0\x9f\x98\x80",
        "gr\xc3\xbc\xc3\x9f"
        "e \xe2\x82\xac \xf0\x9f\x98\x80");
}

void replaces_what_begins_nothing(void **) {
    repairs("\x80", "?");
    repairs("caf\xe9", "caf?");
    repairs("caf\xe9 au lait", "caf? au lait");
    repairs("\xff\xfe\xc0\xaf\xf5", "?????");
}

// Unicode 15, tables 3-8 to 3-11.
void replaces_the_longest_part_that_could_have_become_one(void **) {
    repairs("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "????????A");
    repairs("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "????????A");
    repairs("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "?????A??B");
    repairs("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "????A");
}

void replaces_what_the_end_cuts(void **) {
    repairs("a\xc3", "a?");
    repairs("a\xf0\x9f\x98", "a?");
    repairs("\xe2\x82", "?");
}

void tells_how_much_room_it_needs(void **) {
    for (std::size_t size = 0; size < 10; ++size) {
        unit::equal(Utf8Repair::max_taken(Utf8Repair::max_size(size)), size);
        unit::equal(Utf8Repair::max_taken(Utf8Repair::max_size(size) + 2), size);
    }
    unit::equal(Utf8Repair::max_taken(2), 0);
}

void session_wraps_repaired_text(void **) {
    Session session({.outgoing = ws::Opcode::text, .repairs_text = true});
    unit::check(session.repairs_text());
    std::array<std::uint8_t, 100> room;
    const auto text = session.repair(unit::bytes("\xff\xe2\x82"), room);
    unit::equal(unit::text(text), bad);
    const Session::Wrapped wrapped = session.wrap(text);
    unit::check(wrapped.valid);
    unit::equal(unit::text(wrapped.frame), std::string_view("\x81\3\xef\xbf\xbd"));
    unit::check(session.repair(unit::bytes("\x82").first(0), room).empty());
    unit::equal(unit::text(session.repair_end(room)), bad);
    unit::equal(session.held_back(), 0);
    unit::check(!Session({.outgoing = ws::Opcode::binary, .repairs_text = true}).repairs_text());
    unit::check(!Session({.outgoing = ws::Opcode::text}).repairs_text());
}

void session_repairs_each_message_of_a_framing(void **) {
    constexpr ws::FramingSettings line{.kind = ws::FramingKind::line};
    ws::Framer framer(line);
    Session session({.outgoing = ws::Opcode::text, .framer = &framer, .repairs_text = true});
    unit::check(!session.repairs_text());
    std::array<std::uint8_t, 400> room;
    unit::check(Session::max_framed(room.size(), true) >= 8);
    unit::equal(unit::text(session.wrap_messages(unit::bytes("\xe2\n\x82"), room).frames),
                std::string_view("\x81\3\xef\xbf\xbd\1\3\xef\xbf\xbd"));
    unit::check(session.wrap_messages(unit::bytes("\xe2"), room).frames.empty());
    unit::equal(unit::text(session.wrap_messages(unit::bytes("\x82\xac"), room).frames),
                std::string_view("\0\3\xe2\x82\xac", 5));
    unit::equal(unit::text(session.wrap_messages(unit::bytes("\n\xe2"), room).frames),
                std::string_view("\x80\0\1\0", 4));
    const Session::Framed end = session.wrap_end(room);
    unit::check(end.fault == ws::BackendFault::none);
    unit::equal(unit::text(end.frames), std::string_view("\x80\3\xef\xbf\xbd"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(leaves_good_text_alone),
        cmocka_unit_test(replaces_what_begins_nothing),
        cmocka_unit_test(replaces_the_longest_part_that_could_have_become_one),
        cmocka_unit_test(replaces_what_the_end_cuts),
        cmocka_unit_test(tells_how_much_room_it_needs),
        cmocka_unit_test(session_wraps_repaired_text),
        cmocka_unit_test(session_repairs_each_message_of_a_framing),
    };
    return unit::run("utf8 repair", tests);
}
