#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::ClientStream;
using unit::Cut;
using unit::Transcript;
using ws::CloseCode;
using ws::Event;
using ws::Session;
using ws::Violation;

namespace {

void add_status(Transcript &transcript, const Session &session) {
    const ws::CloseStatus status = session.peer_status();
    transcript.add("[close ").add_number(static_cast<unsigned>(status.code));
    transcript.add(" ").add(status.reason).add("]");
}

void add(Transcript &transcript, const Session &session, Event event) {
    switch (event) {
        case Event::ping:
            transcript.add("[ping ").add(session.control_payload()).add("]");
            break;
        case Event::pong:
            transcript.add("[pong ").add(session.control_payload()).add("]");
            break;
        case Event::close:
            add_status(transcript, session);
            break;
        case Event::violation:
            transcript.add("[").add(ws::words(session.violation())).add("]");
            break;
        case Event::exhausted:
        case Event::piece:
        case Event::eof:
        case Event::fault:
        case Event::room_full:
        case Event::memory_full:
            break;
    }
}

// Data as it was packed, events in brackets.
void receive(Session &session, std::span<std::uint8_t> part, Transcript &transcript) {
    std::uint8_t *begin = part.data();
    ws::ReadBuffer buffer{begin, begin, begin + part.size()};
    Event event;
    do {
        const std::uint8_t *packed = buffer.packed;
        event = session.receive(buffer);
        transcript.add(unit::Bytes{packed, buffer.packed});
        add(transcript, session, event);
    } while (event != Event::exhausted);
    unit::check(buffer.unread == buffer.end);
}

// The number of frames ends the transcript.
void receives(const ClientStream &stream, std::string_view wanted,
              const ws::SessionOptions &options = {}) {
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        Session session(options);
        Transcript transcript;
        unit::receive(stream.bytes(), cut,
                      [&](std::span<std::uint8_t> part) { receive(session, part, transcript); });
        transcript.add("#").add_number(session.frames_in());
        if (transcript.text() != wanted) {
            print_error("cut at %zu, then every %zu bytes\n", cut.first, cut.rest);
            unit::equal(transcript.text(), wanted);
        }
    });
}

// Whole, into a session that goes on.
void receive(Session &session, const ClientStream &stream, std::string_view wanted) {
    Transcript transcript;
    unit::receive(stream.bytes(), {stream.size(), 0},
                  [&](std::span<std::uint8_t> part) { receive(session, part, transcript); });
    unit::equal(transcript.text(), wanted);
}

void packs_the_data_of_all_messages(void **) {
    receives(
        ClientStream{}.frame(0x82, "one ").frame(0x81, "two ").frame(0x02, "thr").frame(0x80, "ee"),
        "one two three#4");
}

void stops_at_pings_and_pongs(void **) {
    receives(ClientStream{}
                 .frame(0x01, "a")
                 .frame(0x89, "who")
                 .frame(0x00, "b")
                 .frame(0x8a, "")
                 .frame(0x80, "c")
                 .frame(0x89, ""),
             "a[ping who]b[pong ]c[ping ]#6");
}

void names_a_broken_rule_behind_good_data(void **) {
    receives(ClientStream{}.frame(0x82, "good").frame(0x83, "bad"), "good[opcode is unknown]#1");
    receives(ClientStream{}.frame(0x82, "good").frame(0x82, "bigger"), "good[message is too big]#1",
             {.max_message_size = 4});
    receives(ClientStream{}.frame(0x82, "good").frame(0xc2, "bad"), "good[reserved bit is set]#1");
}

void drops_what_comes_after_a_violation(void **) {
    receives(ClientStream{}.frame(0x80, "").frame(0x82, "late").frame(0x88, ""),
             "[continuation without a message]#0");
}

void takes_text_that_is_utf8(void **) {
    receives(ClientStream{}.frame(0x81, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
             "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80#1");
}

void takes_code_points_cut_by_fragments_and_pings(void **) {
    receives(ClientStream{}
                 .frame(0x01, "\xf0")
                 .frame(0x89, "\xff")
                 .frame(0x00, "\x9f\x98")
                 .frame(0x00, "")
                 .frame(0x80, "\x80"),
             "\xf0[ping \xff]\x9f\x98\x80#5");
}

void takes_anything_as_binary(void **) {
    receives(ClientStream{}.frame(0x82, "\xff\xc0\x80").frame(0x81, "a").frame(0x82, "\xed\xa0"),
             "\xff\xc0\x80"
             "a\xed\xa0#3");
}

void refuses_text_at_the_first_impossible_byte(void **) {
    receives(ClientStream{}
                 .frame(0x81,
                        "ok\xc0"
                        "more")
                 .frame(0x89, ""),
             "ok[text is not UTF-8]#1");
    receives(ClientStream{}.frame(0x81, "ok\xe0\x80more"), "ok\xe0[text is not UTF-8]#1");
    receives(ClientStream{}.frame(0x81, "ok\xed\xa0\x80"), "ok\xed[text is not UTF-8]#1");
    receives(ClientStream{}.frame(0x01, "ok\xf4").frame(0x80, "\x90\x80\x80"),
             "ok\xf4[text is not UTF-8]#2");
    receives(ClientStream{}.frame(0x82, "first").frame(0x81, "ok\xff"),
             "firstok[text is not UTF-8]#2");
}

// The rest of the message is not waited for.
void refuses_text_as_soon_as_the_impossible_byte_has_come(void **) {
    ClientStream stream;
    stream.frame(0x81, "0123456789\xf5 and more, and more");
    const std::size_t before = 2 + 4 + 10;
    Session session({});
    Transcript transcript;
    unit::receive(stream.bytes().first(before), {1, 1},
                  [&](std::span<std::uint8_t> part) { receive(session, part, transcript); });
    unit::equal(transcript.text(), "0123456789");
    unit::receive(stream.bytes().subspan(before, 1), {1, 1},
                  [&](std::span<std::uint8_t> part) { receive(session, part, transcript); });
    unit::equal(session.violation(), Violation::text_not_utf8);
}

void refuses_a_code_point_cut_by_the_end_of_its_message(void **) {
    receives(ClientStream{}.frame(0x81, "a\xe2\x82").frame(0x81, "\xac"),
             "a\xe2\x82[text is not UTF-8]#1");
    receives(ClientStream{}.frame(0x01, "a\xc3").frame(0x80, ""), "a\xc3[text is not UTF-8]#2");
}

void reads_a_close_and_drops_what_follows(void **) {
    receives(ClientStream{}
                 .frame(0x82, "last")
                 .frame(0x88,
                        "\x03\xe9"
                        "bye")
                 .frame(0x82, "late"),
             "last[close 1001 bye]#2");
    receives(ClientStream{}.frame(0x88, "").frame(0x83, "late"), "[close 1005 ]#1");
    receives(ClientStream{}.frame(0x02, "half").frame(0x88, "\x13\x87"), "half[close 4999 ]#2");
}

void refuses_a_broken_close(void **) {
    receives(ClientStream{}.frame(0x88, "\x03"), "[close code is cut short]#1");
    receives(ClientStream{}.frame(0x88, "\x03\xed"), "[close code is not allowed]#1");
    receives(ClientStream{}.frame(0x88, "\x03\xe8\xc3"), "[close reason is not UTF-8]#1");
}

void judges_every_close_code(void **) {
    for (unsigned code = 0; code <= 5000; ++code) {
        const std::array payload{static_cast<char>(code >> 8U), static_cast<char>(code)};
        ClientStream stream;
        stream.frame(0x88, {payload.data(), 2});
        Session session({});
        Transcript transcript;
        unit::receive(stream.bytes(), {stream.size(), 0},
                      [&](std::span<std::uint8_t> part) { receive(session, part, transcript); });
        const bool legal = ws::may_be_sent(static_cast<std::uint16_t>(code));
        unit::equal(session.close_received(), legal);
        unit::equal(session.violation(), legal ? Violation::none : Violation::close_code_invalid);
        unit::equal(static_cast<unsigned>(session.peer_status().code), legal ? code : 1006);
    }
}

void knows_no_status_before_a_close(void **) {
    Session session({});
    receive(session, ClientStream{}.frame(0x89, "\x03\xe8"), "[ping \x03\xe8]");
    unit::equal(session.peer_status().code, CloseCode::abnormal);
    unit::equal(session.peer_status().reason, "");
    unit::check(!session.close_received());
}

void keeps_the_reason_of_the_peer(void **) {
    Session session({});
    receive(session, ClientStream{}.frame(0x88, "\x03\xe8kept"), "[close 1000 kept]");
    receive(session, ClientStream{}.frame(0x89, "other").frame(0x88, "\x03\xe9other"), "");
    unit::equal(session.peer_status().code, CloseCode::normal);
    unit::equal(session.peer_status().reason, "kept");
}

void reads_on_after_a_close_of_ours(void **) {
    Session session({});
    std::array<std::uint8_t, Session::max_due_size> due;
    session.close(CloseCode::normal, {});
    unit::equal(session.write_due(due), 4);
    receive(session, ClientStream{}.frame(0x82, "rest").frame(0x88, "\x03\xe8"),
            "rest[close 1000 ]");
    unit::check(session.close_sent() && session.close_received());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(packs_the_data_of_all_messages),
        cmocka_unit_test(stops_at_pings_and_pongs),
        cmocka_unit_test(names_a_broken_rule_behind_good_data),
        cmocka_unit_test(drops_what_comes_after_a_violation),
        cmocka_unit_test(takes_text_that_is_utf8),
        cmocka_unit_test(takes_code_points_cut_by_fragments_and_pings),
        cmocka_unit_test(takes_anything_as_binary),
        cmocka_unit_test(refuses_text_at_the_first_impossible_byte),
        cmocka_unit_test(refuses_text_as_soon_as_the_impossible_byte_has_come),
        cmocka_unit_test(refuses_a_code_point_cut_by_the_end_of_its_message),
        cmocka_unit_test(reads_a_close_and_drops_what_follows),
        cmocka_unit_test(refuses_a_broken_close),
        cmocka_unit_test(judges_every_close_code),
        cmocka_unit_test(knows_no_status_before_a_close),
        cmocka_unit_test(keeps_the_reason_of_the_peer),
        cmocka_unit_test(reads_on_after_a_close_of_ours),
    };
    return unit::run("session", tests);
}
