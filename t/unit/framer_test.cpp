#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using ws::BackendFault;
using ws::Event;
using ws::Framer;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Part;
using ws::PartStatus;
using ws::Session;

namespace {

constexpr FramingSettings line{.kind = FramingKind::line};
constexpr FramingSettings typed{.kind = FramingKind::typed};

PartStatus read_all(Framer &framer, std::string_view text) {
    Bytes bytes = unit::bytes(text);
    Part part;
    PartStatus status;
    do {
        status = framer.next(bytes, part);
    } while (status == PartStatus::part);
    return status;
}

void takes_a_cut_inside_a_line_for_a_fault(void **) {
    Framer framer(line);
    unit::check(read_all(framer, "half") == PartStatus::need_more);
    framer.cut();
    Part part;
    unit::check(framer.finish(part) == PartStatus::fault);
    unit::equal(ws::words(framer.fault()), "backend was cut off inside a line"sv);
    framer.cut();
    unit::check(framer.fault() == BackendFault::line_cut);
}

void takes_a_cut_between_lines_for_none(void **) {
    Framer framer(line);
    unit::check(read_all(framer, "whole\n") == PartStatus::need_more);
    framer.cut();
    Part part;
    unit::check(framer.finish(part) == PartStatus::need_more);
    unit::check(framer.fault() == BackendFault::none);
}

void tells_the_place_in_the_stream_of_what_is_held(void **) {
    Framer framer(typed);
    std::array<std::uint8_t, 20> memory;
    framer.hold_in(memory);
    std::array<std::uint8_t, 20> bytes;
    ws::Room room{bytes.data(), bytes.data() + bytes.size()};
    framer.begin(ws::Opcode::binary, Framer::unknown, room);
    unit::equal(framer.held_in_stream(), 0);
    const ws::Room space = framer.space(room);
    unit::check(framer.take({space.filled, 3}, false, room) == ws::Violation::none);
    unit::equal(framer.held_in_stream(), 5 + 3);
    // The header of a message that is whole stands in the stream already.
    unit::check(framer.take({framer.space(room).filled, 12}, true, room) == ws::Violation::none);
    unit::equal(framer.held_in_stream(), 15);
}

// The first room has place for the header, the others for a few bytes each.
void session_writes_what_was_held_to_as_many_rooms_as_it_takes(void **) {
    Framer framer(typed);
    Session session({.framer = &framer});
    std::array<std::uint8_t, 100> memory;
    framer.hold_in(memory);
    unit::ClientStream stream;
    const std::string_view half = "a message of so many bytes"sv;
    stream.frame(0x02, half).frame(0x80, half);
    std::array<std::uint8_t, 100> received;
    std::ranges::copy(stream.bytes(), received.begin());
    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + stream.size()};
    unit::Transcript transcript;
    unsigned rooms = 0;
    for (Event event = Event::room_full; event == Event::room_full; ++rooms) {
        std::array<std::uint8_t, Session::min_room> bytes;
        ws::Room room{bytes.data(), bytes.data() + bytes.size()};
        event = session.receive(buffer, room);
        unit::check(event == Event::room_full || event == Event::exhausted);
        transcript.add(Bytes{bytes.data(), room.filled});
    }
    unit::check(rooms > 3 && !session.inside_message());
    transcript.add("end");
    unit::equal(transcript.text(),
                "\0\0\0\x34\2a message of so many bytesa message of so many bytesend"sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_cut_inside_a_line_for_a_fault),
        cmocka_unit_test(takes_a_cut_between_lines_for_none),
        cmocka_unit_test(tells_the_place_in_the_stream_of_what_is_held),
        cmocka_unit_test(session_writes_what_was_held_to_as_many_rooms_as_it_takes),
    };
    return unit::run("framer", tests);
}
