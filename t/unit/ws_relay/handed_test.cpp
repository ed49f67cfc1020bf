// A session that another process goes on with, and the message by which it comes there.
#include "t/unit/ws_relay/resumed.hpp"

#include <vector>

#include "ngx_ws_filter/ws_relay/handed_session.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::number_command;
using unit::Resumed;
using ws::Phase;
using ws::Tag;

namespace {

// What stands for the message between both.
class Handed {
public:
    explicit Handed(Resumed &from) {
        session.number = 7;
        session.home = 0x1234567890;
        session.current = from.sids.current();
        session.next = from.sids.next();
        session.name = ws::ResumeName::own;
        session.limits = from.translator.limits();
        session.limits.service = "mqtt";
        session.relay = from.relay->kept(from.now);
        session.age = 5000;
        session.server = "example.org";
        session.location = "/";
        session.backend = "127.0.0.1:80";
        session.held = from.relay->held_for_backend();
        const std::vector<std::uint8_t> nothing(from.translator.replayed());
        session.replay = nothing;
        bytes.resize(ws::handed_size(session));
        from.translator.read_replay(ws::write_handed(session, bytes));
    }

    ws::HandedSession session{};
    std::vector<std::uint8_t> bytes;

    [[nodiscard]] ws::HandedSession read() const {
        ws::HandedSession read{};
        unit::check(ws::read_handed(bytes, read));
        return read;
    }
};

// The same session in the process that takes it.
void go_on(Resumed &to, const ws::HandedSession &handed) {
    unit::check(to.relay->go_on(handed.relay, handed.held, handed.replay, to.now));
    to.goes_on();
}

// Both directions have bytes under way when the leg is lost.
void lose_leg(Resumed &resumed) {
    resumed.backend.takes = 3;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.backend.says("abcdef").pauses();
    resumed.goes_on();
    resumed.client_says(number_command(Tag::ack, 2));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.is_in(Phase::detached);
}

void both_streams_go_on_at_their_bytes(void **) {
    Resumed here;
    lose_leg(here);
    unit::equal(here.backend.written, "hel"sv);
    const Handed handed(here);
    here.relay->hand_over();

    Resumed there;
    go_on(there, handed.read());
    there.is_in(Phase::detached);
    unit::equal(there.backend.written, "lo"sv);
    there.backend.says("ghi").pauses();
    there.goes_on();
    there.come_back(4);
    there.goes_on();
    unit::equal(there.second_gets(), "reconnect 5; limits; sid b2; ack 0; data efghi; "sv);
    there.says(there.second, bytes_command(Tag::data, ", you"));
    there.goes_on();
    unit::equal(there.backend.written, "lo, you"sv);
    const ws::Facts facts = there.relay->facts(there.now);
    unit::equal(facts.bytes_in, 10);
    unit::equal(facts.bytes_out, 9);
}

void what_was_acknowledged_stays_so(void **) {
    Resumed here;
    here.client_says(bytes_command(Tag::data, "hello"));
    here.goes_on();
    here.backend.acknowledges();
    here.client.is_reset();
    here.parts();
    const Handed handed(here);
    here.relay->hand_over();

    Resumed there;
    go_on(there, handed.read());
    there.come_back(0);
    there.goes_on();
    unit::equal(there.second_gets(), "reconnect 5; limits; sid b2; ack 5; "sv);
}

void ends_of_both_sides_are_known(void **) {
    Resumed here;
    here.client_says(number_command(Tag::eof, 0));
    here.goes_on();
    here.client.is_reset();
    here.parts();
    here.backend.says("bye").ends();
    here.goes_on();
    unit::equal(here.backend.finishes, 1);
    const Handed handed(here);
    here.relay->hand_over();

    Resumed there;
    go_on(there, handed.read());
    unit::equal(there.backend.finishes, 0);
    there.come_back(0);
    there.goes_on();
    unit::check(
        there.second_gets().starts_with("reconnect 0; limits; sid b2; ack 0; data bye; eof 3;"));
}

void grace_goes_on_and_not_anew(void **) {
    Resumed here;
    lose_leg(here);
    here.goes_on(59'000);
    const Handed handed(here);
    here.relay->hand_over();

    Resumed there;
    go_on(there, handed.read());
    there.goes_on(900);
    there.is_in(Phase::detached);
    unit::check(there.turn_after(101) != ws::Relay::Turn::parted);
    unit::check(there.relay->tunnel().ending());
}

void an_end_that_waits_behind_held_bytes_comes_behind_them(void **) {
    Resumed here;
    here.backend.takes = 3;
    here.client_says(bytes_command(Tag::data, "hello"));
    here.client_says(number_command(Tag::eof, 5));
    here.goes_on();
    here.client.is_reset();
    here.parts();
    const Handed handed(here);
    unit::equal(unit::text(handed.session.held), "lo"sv);
    here.relay->hand_over();

    Resumed there;
    go_on(there, handed.read());
    unit::equal(there.backend.written, "lo"sv);
    unit::equal(there.backend.finishes, 1);
}

void an_end_that_was_due_behind_held_bytes_stays_due(void **) {
    Resumed here;
    lose_leg(here);
    const Handed handed(here);
    ws::HandedSession read = handed.read();
    read.relay.to_backend.finished = true;
    here.relay->hand_over();

    Resumed there;
    go_on(there, read);
    unit::equal(there.backend.written, "lo"sv);
    unit::equal(there.backend.finishes, 1);
}

void is_refused_where_there_is_no_memory(void **) {
    Resumed here;
    lose_leg(here);
    const Handed handed(here);
    const ws::HandedSession read = handed.read();

    Resumed no_replay;
    no_replay.lender.most = 0;
    unit::check(!no_replay.relay->go_on(read.relay, read.held, read.replay, no_replay.now));
    no_replay.relay->hand_over();

    Resumed no_buffer;
    no_buffer.keeper.has_memory = false;
    unit::check(!no_buffer.relay->go_on(read.relay, read.held, read.replay, no_buffer.now));
    no_buffer.relay->hand_over();

    Resumed small_buffer;
    const std::string more(5000, 'x');
    unit::check(
        !small_buffer.relay->go_on(read.relay, unit::bytes(more), read.replay, small_buffer.now));
    small_buffer.relay->hand_over();

    // Whoever was refused goes on.
    here.backend.takes = unit::unbounded;
    here.goes_on();
    unit::equal(here.backend.written, "hello"sv);
}

// --- the message

void message_says_all(void **) {
    Resumed here;
    lose_leg(here);
    const Handed handed(here);
    const ws::HandedSession read = handed.read();
    unit::equal(read.number, 7);
    unit::equal(read.home, 0x1234567890);
    unit::check(read.name == ws::ResumeName::own);
    unit::equal(read.limits.grace, 60'000);
    unit::equal(read.limits.service, "mqtt"sv);
    unit::equal(read.server, "example.org"sv);
    unit::equal(read.location, "/"sv);
    unit::equal(read.bound, ""sv);
    unit::equal(read.backend, "127.0.0.1:80"sv);
    unit::equal(read.age, 5000);
    unit::equal(unit::text(read.held), "lo"sv);
    unit::equal(unit::text(read.replay), "cdef"sv);
}

void message_that_is_cut_or_longer_is_refused(void **) {
    Resumed here;
    lose_leg(here);
    Handed handed(here);
    ws::HandedSession read{};
    for (std::size_t size = 0; size < handed.bytes.size(); ++size) {
        unit::check(!ws::read_handed(std::span{handed.bytes}.first(size), read));
    }
    handed.bytes.push_back(0);
    unit::check(!ws::read_handed(handed.bytes, read));
}

void message_of_another_version_is_refused(void **) {
    Resumed here;
    lose_leg(here);
    Handed handed(here);
    ws::HandedSession read{};
    for (const std::size_t at : {std::size_t{0}, std::size_t{4}}) {
        ++handed.bytes[at];
        unit::check(!ws::read_handed(handed.bytes, read));
        --handed.bytes[at];
    }
    unit::check(ws::read_handed(handed.bytes, read));
}

void message_with_an_impossible_account_is_refused(void **) {
    Resumed here;
    lose_leg(here);
    for (const auto spoil :
         {+[](ws::HandedSession &s) { s.relay.to_backend.written += 9; },
          +[](ws::HandedSession &s) { s.relay.to_backend.acknowledged = 99; },
          +[](ws::HandedSession &s) { ++s.relay.to_backend.taken; },
          +[](ws::HandedSession &s) { ++s.relay.streams.wrapped; },
          +[](ws::HandedSession &s) { ++s.relay.streams.positions.acknowledged; },
          +[](ws::HandedSession &s) { s.relay.streams.positions.acknowledged = 99; },
          +[](ws::HandedSession &s) { s.relay.streams.positions.delivered = 99; },
          +[](ws::HandedSession &s) { s.relay.streams.positions.sent = 99; },
          +[](ws::HandedSession &s) { s.name = ws::ResumeName::none; },
          +[](ws::HandedSession &s) { s.name = ws::ResumeName{9}; }}) {
        Handed handed(here);
        spoil(handed.session);
        (void)ws::write_handed(handed.session, handed.bytes);
        ws::HandedSession read{};
        unit::check(!ws::read_handed(handed.bytes, read));
    }
}

// What is held for a backend that was lost is held no longer.
void message_of_a_session_whose_backend_is_lost_is_taken(void **) {
    Resumed here;
    lose_leg(here);
    Handed handed(here);
    handed.session.relay.to_backend.lost = true;
    ++handed.session.relay.to_backend.taken;
    (void)ws::write_handed(handed.session, handed.bytes);
    ws::HandedSession read{};
    unit::check(ws::read_handed(handed.bytes, read));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(both_streams_go_on_at_their_bytes),
        cmocka_unit_test(what_was_acknowledged_stays_so),
        cmocka_unit_test(ends_of_both_sides_are_known),
        cmocka_unit_test(grace_goes_on_and_not_anew),
        cmocka_unit_test(an_end_that_waits_behind_held_bytes_comes_behind_them),
        cmocka_unit_test(an_end_that_was_due_behind_held_bytes_stays_due),
        cmocka_unit_test(is_refused_where_there_is_no_memory),
        cmocka_unit_test(message_says_all),
        cmocka_unit_test(message_that_is_cut_or_longer_is_refused),
        cmocka_unit_test(message_of_another_version_is_refused),
        cmocka_unit_test(message_with_an_impossible_account_is_refused),
        cmocka_unit_test(message_of_a_session_whose_backend_is_lost_is_taken),
    };
    return unit::run("ws_relay/handed", tests);
}
