// Pings, pongs, and windows that pongs reopen.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;
using unit::plain;
using ws::Phase;

namespace {

void answers_pings_in_one_write(void **) {
    Joined joined;
    unit::ClientStream stream;
    stream.frame(0x89, "a").frame(0x89, "b").frame(0x89, "c");
    joined.client.says(stream.bytes());
    unit::check(joined.turn());
    unit::equal(joined.client.writes, 1);
    unit::equal(joined.client_gets(), "pong a; pong b; pong c; "sv);
}

// The place where answers gather is as large as a buffer: what does not fit is written before.
void answers_more_pings_than_there_is_room_for_at_once(void **) {
    Joined joined(plain(), 1000, {}, 0);
    unit::ClientStream stream;
    const std::string longest(60, 'x');
    std::string wanted;
    for (unsigned i = 0; i < 15; ++i) {
        stream.frame(0x89, longest);
        wanted += "pong " + longest + "; ";
    }
    joined.client.says(stream.bytes());
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), wanted);

    Joined small(plain(), 200, {}, 0);
    small.client.says(stream.bytes());
    unit::check(small.turn());
    unit::equal(small.client_gets(), wanted);
}

// Where what comes out has a place of its own, the place behind it is small.
void answers_more_pings_than_there_is_room_for_behind_a_framings_room(void **) {
    const ws::FramingSettings line{.kind = ws::FramingKind::line};
    ws::Framer framer(line);
    unit::OneLoan loan(framer);
    Joined joined(framer, loan);
    unit::ClientStream stream;
    std::string wanted;
    for (unsigned i = 0; i < 140; ++i) {
        stream.frame(unit::ping, "x");
        wanted += "pong x; ";
    }
    joined.client.says(stream.bytes());
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), wanted);
}

void gives_a_pong_when_what_stands_before_its_ping_is_acknowledged(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(unit::ping, "x");
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), ""sv);
    unit::equal(joined.relay->wake_at(), joined.now + 1);
    joined.backend.acks = 5;
    unit::check(joined.turn_after(1));
    unit::equal(joined.client_gets(), "pong x; "sv);
}

// The backend's answer may follow at once, and the pong was due before it.
void gives_a_pong_before_the_backends_answer(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(unit::ping, "x");
    unit::check(joined.turn());
    joined.backend.acks = 5;
    joined.backend.says("answer");
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "pong x; binary answer; "sv);
}

void answers_a_ping_later_while_the_client_is_full(void **) {
    Joined joined;
    joined.client.takes = 0;
    joined.backend.says("hi");
    unit::check(joined.turn());
    joined.client_says(unit::ping, "x");
    unit::check(joined.turn());
    joined.client.takes = unit::unbounded;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "binary hi; pong x; "sv);
}

// What it does not take would else pile up.
void answers_only_the_newest_ping_of_a_client_that_takes_nothing(void **) {
    Joined joined;
    joined.client.takes = 0;
    joined.backend.says("hi");
    unit::check(joined.turn());
    unit::ClientStream stream;
    for (unsigned i = 0; i < 140; ++i) {
        stream.frame(unit::ping, "old");
    }
    for (unsigned i = 0; i < 10; ++i) {
        joined.client.says(stream.bytes());
        unit::check(joined.turn());
    }
    joined.client_says(unit::ping, "new");
    unit::check(joined.turn());
    joined.client.takes = unit::unbounded;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "binary hi; pong new; "sv);
}

// The buffer in which it waited is given back by Joined.
void forgets_a_ping_that_waits_at_the_end(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(unit::ping, "x");
    unit::check(joined.turn());
    unit::equal(joined.host.lent, 1);
}

void closes_when_there_is_no_memory_for_a_ping_that_waits(void **) {
    Joined joined;
    joined.host.has_memory = false;
    joined.client_says(unit::data, "hello").client_says(unit::ping, "x");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "hello"sv);
    unit::equal(joined.client_gets(), "close 1013 gateway has no memory; "sv);
}

// Answered too soon, it would be a receipt for bytes that the backend may never get.
void gives_a_pong_amid_a_held_message_when_all_before_it_is_acknowledged(void **) {
    const ws::FramingSettings u32{.kind = ws::FramingKind::length};
    ws::Framer framer(u32);
    unit::OneLoan loan(framer);
    Joined joined(framer, loan);
    joined.client_says(0x02, "abc").client_says(unit::ping, "x");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, ""sv);
    unit::equal(joined.relay->wake_at(), ws::Deadlines::never);
    joined.client_says(0x80, "def");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "\0\0\0\6abcdef"sv);
    joined.backend.acks = 6;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), ""sv);
    joined.backend.acks = 7;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "pong x; "sv);
}

// --- windows that pongs reopen

ws::RelayOptions confirmed_by_pongs(std::uint64_t window) {
    ws::RelayOptions options = plain();
    options.client_window = window;
    options.tunnel.liveness.pongs_acknowledge = true;
    options.tunnel.liveness.pong_timeout = 300;
    options.tunnel.liveness.marker_interval = window;
    return options;
}

// The pong for the last ping that the client got.
std::string marker_of(const std::string &written) {
    const std::size_t at = written.rfind("\x89\x0c");
    unit::check(at != std::string::npos);
    return written.substr(at + 2, 12);
}

void leaves_a_backend_unread_while_the_window_is_used_up(void **) {
    Joined joined(confirmed_by_pongs(3));
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 1);
    unit::equal(joined.relay->wake_at(), joined.now + 300);
    const std::string written = joined.client.take_written();
    joined.client_says(unit::pong, marker_of(written));
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
    unit::equal(joined.relay->to_client().acknowledged(), 3);
}

// The pong may stand behind what waits for the backend.
void does_not_wait_for_a_pong_that_cannot_be_read(void **) {
    Joined joined(confirmed_by_pongs(3));
    joined.backend.takes = 0;
    joined.client_says(unit::data, "stuck");
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
}

void does_not_wait_for_a_pong_behind_what_a_full_backend_waits_for(void **) {
    Joined joined(confirmed_by_pongs(3));
    joined.backend.full = true;
    joined.client_says(unit::data, "hello");
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
    unit::equal(joined.backend.written, ""sv);
}

// The same behind what waits in our memory, when a turn is over.
void does_not_wait_for_a_pong_behind_a_rest(void **) {
    const ws::FramingSettings u32{.kind = ws::FramingKind::length};
    ws::Framer framer(u32);
    unit::OneLoan loan(framer);
    Joined joined(framer, loan, 130, confirmed_by_pongs(3));
    const std::string part(100, 'x');
    joined.client_says(0x02, part);
    for (unsigned i = 1; i < 15; ++i) {
        joined.client_says(0x00, part);
    }
    unit::check(joined.turn());
    unit::check(joined.turn());
    joined.backend.says("\0\0\0\3one\0\0\0\3two"sv);
    unit::ClientStream stream;
    joined.client.says(stream.frame(0x80, "").frame(unit::data, "more").bytes());
    unit::check(joined.turn());
    unit::check(joined.relay->to_client().paused());
    // Byte by byte, of which the window is used up by the seventh.
    unit::equal(joined.backend.reads, 8);
}

void does_not_wait_for_a_pong_behind_the_clients_close(void **) {
    ws::RelayOptions options = confirmed_by_pongs(3);
    options.tunnel.half_close = true;
    Joined joined(options);
    joined.client_says(unit::close_frame, "");
    joined.backend.says("one").says("two");
    unit::check(joined.turn());
    joined.is_in(Phase::half_closed);
    unit::equal(joined.backend.reads, 2);
}

void tells_of_pings_and_pongs(void **) {
    ws::RelayOptions options = plain();
    options.tunnel.liveness.ping_interval = 200;
    options.tunnel.liveness.pong_timeout = 300;
    Joined joined(options);
    unit::check(joined.turn());
    unit::check(joined.turn_after(200));
    const std::string written = joined.client.take_written();
    joined.now += 50;
    joined.client_says(unit::pong, marker_of(written));
    unit::check(joined.turn());
    unit::equal(joined.host.told, "ping 200; pong 50; "sv);
    unit::equal(joined.facts().round_trip, 50);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(answers_pings_in_one_write),
        cmocka_unit_test(answers_more_pings_than_there_is_room_for_at_once),
        cmocka_unit_test(answers_more_pings_than_there_is_room_for_behind_a_framings_room),
        cmocka_unit_test(gives_a_pong_when_what_stands_before_its_ping_is_acknowledged),
        cmocka_unit_test(gives_a_pong_before_the_backends_answer),
        cmocka_unit_test(answers_a_ping_later_while_the_client_is_full),
        cmocka_unit_test(answers_only_the_newest_ping_of_a_client_that_takes_nothing),
        cmocka_unit_test(forgets_a_ping_that_waits_at_the_end),
        cmocka_unit_test(closes_when_there_is_no_memory_for_a_ping_that_waits),
        cmocka_unit_test(gives_a_pong_amid_a_held_message_when_all_before_it_is_acknowledged),
        cmocka_unit_test(leaves_a_backend_unread_while_the_window_is_used_up),
        cmocka_unit_test(does_not_wait_for_a_pong_that_cannot_be_read),
        cmocka_unit_test(does_not_wait_for_a_pong_behind_what_a_full_backend_waits_for),
        cmocka_unit_test(does_not_wait_for_a_pong_behind_a_rest),
        cmocka_unit_test(does_not_wait_for_a_pong_behind_the_clients_close),
        cmocka_unit_test(tells_of_pings_and_pongs),
    };
    return unit::run("ws_relay/relay_pings", tests);
}
