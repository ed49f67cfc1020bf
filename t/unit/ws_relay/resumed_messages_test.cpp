// A session that can be resumed, before a backend of lines or records: docs/resume-protocol.md,
// section 8.
#include "t/unit/ws_relay/resumed_messages.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::kept_messages;
using unit::lines;
using unit::number_command;
using unit::records;
using Session = unit::MessageSession;
using ws::Phase;
using ws::Tag;

namespace {

// --- to the backend

void makes_each_message_a_line(void **) {
    Session session(lines);
    session.tells(Tag::data, "one").tells(Tag::part, "t").tells(Tag::data, "wo").goes();
    unit::equal(session.backend_gets(), "one\ntwo\n"sv);
    unit::equal(session.client_gets(), "connect a1; limits; "sv);
}

void makes_each_message_a_record(void **) {
    Session session(records);
    session.tells(Tag::data, "one").tells(Tag::part, "t").tells(Tag::part, "w").goes();
    unit::equal(session.backend_gets(), "\3one"sv);
    session.tells(Tag::data, "o").goes();
    unit::equal(session.backend_gets(), "\3two"sv);
}

void message_goes_on_on_the_next_leg(void **) {
    for (const ws::FramingSettings &framing : {lines, records}) {
        Session session(framing);
        session.tells(Tag::part, "hel").goes();
        unit::equal(session.cut(0), "reconnect 3; "sv);
        session.says(session.second, bytes_command(Tag::data, "lo"));
        session.goes();
        unit::equal(session.backend_gets(), framing.has_records() ? "\5hello"sv : "hello\n"sv);
    }
}

// Wherever a frame is cut, what was taken of it is not sent again, and its message is whole.
void cut_at_any_byte_loses_and_doubles_nothing(void **) {
    unit::ClientStream client;
    client.frame(unit::data, bytes_command(Tag::data, "ab"))
        .frame(unit::data, number_command(Tag::empty, 0))
        .frame(unit::data, bytes_command(Tag::part, "cd"))
        .frame(unit::data, bytes_command(Tag::data, "ef"));
    const std::string sent(unit::text(client.bytes()));
    constexpr std::string_view stream = "abcdef";
    for (const ws::FramingSettings &framing : {lines, records}) {
        for (std::size_t at = 0; at < sent.size(); ++at) {
            Session session(framing);
            session.client.says(std::string_view(sent).substr(0, at));
            session.goes();
            const std::string told = session.cut(0);
            const std::size_t taken = std::stoul(told.substr(told.find(' ')));
            unit::check(taken <= stream.size());
            if (taken < 2) {
                session.says(session.second,
                             bytes_command(Tag::data, stream.substr(taken, 2 - taken)));
            }
            if (taken <= 2) {
                session.says(session.second, number_command(Tag::empty, 0));
            }
            if (taken < 6) {
                const std::size_t from = std::max<std::size_t>(taken, 2);
                session.says(session.second, bytes_command(Tag::data, stream.substr(from)));
            }
            session.goes();
            unit::equal(session.backend_gets(),
                        framing.has_records() ? "\2ab\0\4cdef"sv : "ab\n\ncdef\n"sv);
        }
    }
}

void empty_message_is_passed_on_once(void **) {
    Session session(lines);
    session.client_says(number_command(Tag::empty, 0));
    session.tells(Tag::data, "x");
    session.client_says(number_command(Tag::empty, 1));
    session.goes();
    unit::equal(session.backend_gets(), "\nx\n\n"sv);
    unit::equal(session.cut(0), "reconnect 1; "sv);
    session.says(session.second, number_command(Tag::empty, 1));
    session.says(session.second, number_command(Tag::empty, 2));
    session.goes();
    unit::equal(session.backend_gets(), "\n"sv);
}

void acknowledges_bytes_of_messages(void **) {
    Session session(lines);
    session.tells(Tag::data, "one").goes();
    (void)session.client_gets();
    session.tells(Tag::data, "two").goes();
    session.backend.acks = 7;
    session.goes_on(200);
    unit::equal(session.client_gets(), "ack 3; "sv);
    session.backend.acks = 8;
    session.goes_on(200);
    unit::equal(session.client_gets(), "ack 6; "sv);
}

void does_not_ask_for_what_is_held(void **) {
    Session session(records);
    session.tells(Tag::data, "one").tells(Tag::part, "tw").goes();
    (void)session.client_gets();
    session.backend.acks = 4;
    session.goes_on(200);
    unit::equal(session.client_gets(), "ack 3; "sv);
    unit::equal(session.relay->wake_at(), ws::Deadlines::never);
    session.tells(Tag::data, "o").goes();
    session.backend.acks = 8;
    session.goes_on(200);
    unit::equal(session.client_gets(), "ack 6; "sv);
}

void what_has_no_room_waits(void **) {
    Session session({.kind = ws::FramingKind::line, .crlf = true, .split = true}, kept_messages(),
                    60);
    const std::string ends(90, '\n');
    session.tells(Tag::data, ends);
    for (unsigned i = 0; i < 10; ++i) {
        session.goes();
    }
    const std::string got = session.backend_gets();
    unit::equal(got.size(), 180);
    unit::equal(std::ranges::count(got, '\r'), 90);
}

void records_that_have_no_room_wait(void **) {
    Session session(records, kept_messages(), 40);
    const std::string message(100, 'x');
    session.tells(Tag::part, message.substr(1)).tells(Tag::data, "x").tells(Tag::data, message);
    for (unsigned i = 0; i < 20; ++i) {
        session.goes();
    }
    unit::equal(session.backend_gets(), 'd' + message + 'd' + message);
}

// --- rules

std::string ends_with(const ws::FramingSettings &framing, std::string_view command,
                      std::string_view before = {}) {
    Session session(framing);
    if (!before.empty()) {
        session.client_says(before);
    }
    session.client_says(command);
    (void)session.turn_after(0);
    return session.client_gets().substr("connect a1; limits; "sv.size());
}

void refuses_what_the_framing_cannot_carry(void **) {
    unit::equal(ends_with(lines, bytes_command(Tag::data, "a\nb")).substr(0, 10), "close 1007"sv);
    const std::string much(101, 'x');
    for (const ws::FramingSettings &framing : {lines, records}) {
        unit::equal(ends_with(framing, bytes_command(Tag::data, much)).substr(0, 10),
                    "close 1009"sv);
        unit::equal(ends_with(framing, bytes_command(Tag::data, "x"),
                              bytes_command(Tag::part, much.substr(1)))
                        .substr(0, 10),
                    "close 1009"sv);
    }
}

void refuses_an_end_inside_a_message(void **) {
    unit::equal(
        ends_with(lines, number_command(Tag::eof, 1), bytes_command(Tag::part, "a")).substr(0, 10),
        "close 1002"sv);
}

void refuses_an_empty_message_that_skips_one(void **) {
    unit::equal(ends_with(lines, number_command(Tag::empty, 1)).substr(0, 10), "close 1002"sv);
}

void ends_where_there_is_no_memory_for_a_message(void **) {
    Session session(records);
    unit::check(session.loan.lend_memory());
    session.framer.hold_in({});
    session.tells(Tag::part, "x");
    (void)session.turn_after(0);
    unit::check(session.client_gets().find("close 1013") != std::string::npos);
}

// --- to the client

void tells_each_line_as_a_message(void **) {
    Session session(lines);
    session.backend.says("one\n\n\ntwo\nthr");
    session.goes();
    unit::equal(session.client_gets(),
                "connect a1; limits; data one; empty 0; empty 1; data two; part th; "sv);
    session.backend.says("ee\n").pauses();
    session.goes();
    unit::equal(session.client_gets(), "data ree; "sv);
}

void sends_messages_again(void **) {
    Session session(lines);
    session.backend.says("one\n\ntwo\nthr").pauses();
    session.goes();
    unit::equal(session.cut(2), "reconnect 0; data e; empty 0; data two; part th; "sv);
}

void sends_an_empty_message_again_until_it_is_known(void **) {
    Session session(lines);
    session.backend.says("one\n\n");
    session.goes();
    (void)session.client_gets();
    session.client_says(number_command(Tag::ack, 3));
    session.goes();
    unit::equal(session.cut(3), "reconnect 0; empty 0; "sv);
    session.backend.says("two\n").pauses();
    session.goes();
    unit::equal(session.second_gets(), "data two; "sv);
    session.says(session.second, number_command(Tag::ack, 6));
    session.goes();
    unit::equal(session.lender.lent, 0);
}

void keeps_messages_while_nobody_listens(void **) {
    Session session(records);
    session.goes();
    session.client.is_reset();
    session.parts();
    session.backend.says("\3one\0\3two"sv).ends();
    session.goes();
    session.come_back(0);
    session.goes();
    unit::equal(
        session.second_gets(),
        "reconnect 0; limits; sid b2; ack 0; data one; empty 0; data two; eof 6; close 1000; "sv);
}

void last_line_needs_no_end(void **) {
    Session session(lines);
    session.backend.says("one\ntwo").ends();
    session.goes();
    unit::equal(session.client_gets(),
                "connect a1; limits; data one; part tw; data o; eof 6; close 1000; "sv);
}

void record_that_is_cut_is_a_fault_behind_whole_ones(void **) {
    Session session(records);
    session.backend.says("\3one\3tw").ends();
    session.goes();
    const std::string got = session.client_gets();
    unit::check(got.starts_with("connect a1; limits; data one; part t; "));
    unit::check(got.find("close 1011 ") != std::string::npos);
}

void long_message_is_sent_in_pieces(void **) {
    Session session(lines, kept_messages(), 2000);
    const std::string much(1900, 'x');
    session.backend.says(much).says(much).says(much).says("\n").pauses();
    session.client.takes = 100;
    session.goes();
    session.client.takes = unit::unbounded;
    for (unsigned i = 0; i < 5; ++i) {
        session.goes();
    }
    std::string got = session.client_gets();
    got.erase(0, "connect a1; limits; "sv.size());
    std::size_t size = 0;
    while (got.starts_with("part ")) {
        size += got.find(';') - 5;
        got.erase(0, got.find(';') + 2);
    }
    unit::check(got.starts_with("data "));
    unit::equal(size + got.size() - 7, 3 * much.size());
}

void stops_the_backend_when_the_replay_is_full(void **) {
    Session session(lines);
    session.goes();
    std::string many;
    for (unsigned i = 0; i < 10'000; ++i) {
        many += "x\n";
    }
    session.backend.says(many).pauses();
    for (unsigned i = 0; i < 100; ++i) {
        session.goes();
    }
    // Where each message ends takes memory too.
    unit::check(session.lender.lent * 512 < 8192 + 3 * 1000 + 9 * 1000);
    unit::check(session.backend.readable());
}

void without_memory_it_goes_on_to_the_end_of_its_leg(void **) {
    Session session(lines);
    session.goes();
    (void)session.client_gets();
    session.lender.most = 0;
    session.lender.most_briefly = 9;
    session.backend.says("one\ntwo\n").pauses();
    session.goes();
    unit::equal(session.client_gets(), "limits, not kept; data one; data two; "sv);
    unit::equal(session.lender.lent, 0);
    session.client.is_reset();
    (void)session.turn_after(0);
    session.is_in(Phase::over);
}

void without_any_memory_it_ends(void **) {
    Session session(lines);
    session.goes();
    session.lender.most = session.lender.most_briefly = 0;
    session.backend.says("one\n").pauses();
    (void)session.turn_after(0);
    unit::check(session.client_gets().find("close 1011 gateway has no memory") !=
                std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(makes_each_message_a_line),
        cmocka_unit_test(makes_each_message_a_record),
        cmocka_unit_test(message_goes_on_on_the_next_leg),
        cmocka_unit_test(cut_at_any_byte_loses_and_doubles_nothing),
        cmocka_unit_test(empty_message_is_passed_on_once),
        cmocka_unit_test(acknowledges_bytes_of_messages),
        cmocka_unit_test(does_not_ask_for_what_is_held),
        cmocka_unit_test(what_has_no_room_waits),
        cmocka_unit_test(records_that_have_no_room_wait),
        cmocka_unit_test(refuses_what_the_framing_cannot_carry),
        cmocka_unit_test(refuses_an_end_inside_a_message),
        cmocka_unit_test(refuses_an_empty_message_that_skips_one),
        cmocka_unit_test(ends_where_there_is_no_memory_for_a_message),
        cmocka_unit_test(tells_each_line_as_a_message),
        cmocka_unit_test(sends_messages_again),
        cmocka_unit_test(sends_an_empty_message_again_until_it_is_known),
        cmocka_unit_test(keeps_messages_while_nobody_listens),
        cmocka_unit_test(last_line_needs_no_end),
        cmocka_unit_test(record_that_is_cut_is_a_fault_behind_whole_ones),
        cmocka_unit_test(long_message_is_sent_in_pieces),
        cmocka_unit_test(stops_the_backend_when_the_replay_is_full),
        cmocka_unit_test(without_memory_it_goes_on_to_the_end_of_its_leg),
        cmocka_unit_test(without_any_memory_it_ends),
    };
    return unit::run("resumed_messages", tests);
}
