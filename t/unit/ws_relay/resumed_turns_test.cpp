// What one turn of a session that outlives its legs does where several things come together.
// docs/resume-protocol.md.
#include "t/unit/ws_relay/resumed.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::number_command;
using unit::Resumed;
using ws::CloseCode;
using ws::Phase;
using ws::Relay;
using ws::Tag;

namespace {

constexpr unsigned unknown_opcode = 0x83;

[[nodiscard]] ws::ResumeTerms unkept() {
    ws::ResumeTerms terms = unit::terms();
    terms.limits.grace = 0;
    return terms;
}

// --- what is read

void takes_commands_that_say_nothing(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, ""));
    resumed.client_says("\x7f\x7fwhat?"sv);
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    unit::equal(resumed.backend.written, "hello"sv);

    ws::ResumeTerms terms = unit::terms();
    terms.limits.keeps_messages = true;
    Resumed messages(terms);
    messages.client_says(number_command(Tag::empty, 0));
    messages.goes_on();
    messages.is_in(Phase::open);
}

void closes_for_a_frame_that_is_none(void **) {
    Resumed resumed;
    resumed.client_says("x", unknown_opcode);
    resumed.goes_on();
    unit::check(resumed.client_gets().find("close 1002") != std::string::npos);
}

// --- what is told

void keeps_nothing_of_a_session_that_ends_with_its_leg(void **) {
    Resumed resumed(unkept());
    resumed.backend.says("yo").pauses();
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits, not kept; data yo; "sv);
    unit::equal(resumed.translator.replayed(), 0);
    unit::check(!resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
}

void a_client_of_v4_comes_back_and_knows_no_limits(void **) {
    Resumed resumed(unit::terms(false));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.relay->keep_no_longer(resumed.now);
    resumed.goes_on();
    unit::equal(resumed.second_gets(), "reconnect 0; "sv);
}

// The backend is asked again later each time, and at once where much is open.
void asks_the_backend_less_and_less_often(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.goes_on();
    const ws::Millis first = resumed.relay->wake_at() - resumed.now;
    resumed.goes_on(first);
    const ws::Millis second = resumed.relay->wake_at() - resumed.now;
    unit::equal(second, 2 * first);
    const std::string much(300, 'x');
    resumed.client_says(bytes_command(Tag::data, much));
    resumed.goes_on();
    unit::equal(resumed.relay->wake_at() - resumed.now, second);
    resumed.backend.acks = 305;
    resumed.goes_on(second);
    unit::check(resumed.client_gets().find("ack 305") != std::string::npos);
}

void sends_all_that_is_owed_before_a_close(void **) {
    Resumed resumed(unit::terms(), unit::plain(), 100);
    resumed.backend.says(std::string(4000, 'x'));
    for (unsigned i = 0; i < 10; ++i) {
        resumed.goes_on();
    }
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.says(resumed.second, "x", unknown_opcode);
    resumed.goes_on();
    const std::string got = resumed.second_gets();
    std::size_t sent = 0;
    for (const char c : got) {
        sent += c == 'x' ? 1 : 0;
    }
    unit::equal(sent, 4000);
    unit::check(got.find("close 1002") > got.rfind("data"));
}

// --- legs

void is_displaced_before_its_101(void **) {
    Resumed resumed;
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    unit::equal(resumed.second_gets(), ""sv);
    resumed.is_in(Phase::detached);
}

// The client takes the first byte of a message, and no more.
void stick(Resumed &resumed) {
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.client.takes = 1;
    resumed.backend.says("abc").pauses();
    resumed.goes_on();
}

void a_close_stands_in_no_message_that_the_client_does_not_take(void **) {
    Resumed resumed;
    stick(resumed);
    resumed.client.at_once = 0;
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    unit::equal(resumed.client.written.size(), 1);
}

void a_close_goes_out_behind_the_message_that_waited_for_room(void **) {
    Resumed resumed;
    stick(resumed);
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    const std::string &sent = resumed.client.written;
    const std::size_t close = sent.rfind("displaced by another leg");
    unit::check(close != std::string::npos && sent.find("abc") < close);
    resumed.is_in(Phase::detached);
}

void a_client_that_breaks_while_it_is_displaced_is_told_nothing(void **) {
    Resumed resumed;
    stick(resumed);
    resumed.client.loses_writes = true;
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    unit::equal(resumed.client.written.size(), 1);
    resumed.is_in(Phase::detached);
}

void a_client_that_breaks_while_it_is_told_is_left(void **) {
    Resumed resumed;
    resumed.client.loses_writes = true;
    unit::equal(resumed.turn_after(0), Relay::Turn::goes_on);
    unit::equal(resumed.client_gets(), ""sv);
}

// The backend takes what it was behind with in the turn in which the client leaves.
void the_clients_end_reaches_the_backend_while_the_leg_is_left(void **) {
    Resumed resumed;
    resumed.backend.takes = 0;
    resumed.client_says(bytes_command(Tag::data, "hi"));
    resumed.client_says(number_command(Tag::eof, 2));
    resumed.goes_on();
    unit::equal(resumed.backend.finishes, 0);
    resumed.backend.takes = unit::unbounded;
    resumed.client.is_reset();
    resumed.host.orders.clear();
    resumed.parts();
    unit::equal(resumed.backend.written, "hi"sv);
    unit::equal(resumed.backend.finishes, 1);
    unit::equal(resumed.host.orders, "part; "sv);
    unit::equal(resumed.keeper.orders, "finish backend; "sv);
}

// --- what a driver asks

void tells_how_far_a_client_has_come(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "hello"));
    resumed.backend.says("abc").pauses();
    resumed.goes_on();
    resumed.client_says(number_command(Tag::ack, 2));
    resumed.goes_on();
    unit::equal(resumed.translator.taken(), 5);
    unit::equal(resumed.translator.client_has(), 2);
    unit::equal(resumed.translator.check_ack(3), ws::Breach::none);
    unit::check(resumed.translator.check_ack(4) != ws::Breach::none);
    unit::check(!resumed.translator.passes_bytes());
}

// --- a flood

[[nodiscard]] std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + i / 7 % 26);
    }
    return text;
}

void reads_a_flood_at_once_and_makes_it_data_of_the_longest_size(void **) {
    for (const std::size_t tail : {1U, 100U, 119U, 120U, 1000U}) {
        ws::ResumeTerms what = unit::terms();
        what.limits.replay = 1'000'000;
        Resumed resumed(what, unit::plain(), 50'000);
        resumed.goes_on();
        (void)resumed.client_gets();
        resumed.client.writes = resumed.backend.reads = 0;
        const std::string flood = pattern(3 * ws::max_data + tail);
        const std::string_view all = flood;
        resumed.backend.says(flood).pauses();
        resumed.goes_on();
        std::string told;
        for (std::size_t at = 0; at < all.size(); at += ws::max_data) {
            told += "data " + std::string(all.substr(at, ws::max_data)) + "; ";
        }
        unit::equal(resumed.client_gets(), told);
        unit::equal(resumed.backend.reads, 2);
        unit::equal(resumed.client.writes, 2);

        resumed.client.is_reset();
        resumed.parts();
        resumed.come_back(10);
        resumed.goes_on();
        std::string again = resumed.second_gets();
        std::string bytes;
        for (std::size_t at = again.find("data "); at != again.npos; at = again.find("data ", at)) {
            at += "data "sv.size();
            bytes += again.substr(at, again.find(';', at) - at);
        }
        unit::equal(bytes, all.substr(10));
    }
}

void reads_no_more_of_a_flood_than_the_replay_has_room_for(void **) {
    ws::ResumeTerms what = unit::terms();
    what.limits.replay = 40'000;
    Resumed resumed(what, unit::plain(), 50'000);
    resumed.goes_on();
    resumed.backend.says(pattern(100'000)).pauses();
    for (unsigned turns = 0; turns < 5; ++turns) {
        resumed.goes_on();
    }
    unit::check(resumed.translator.unacknowledged() <= 40'000);
    unit::check(resumed.translator.unacknowledged() > 30'000);
}

void ack_that_is_due_goes_out_with_what_the_backend_says(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "a"));
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.backend.acks = 1;
    resumed.backend.says("echo").pauses();
    resumed.client.writes = 0;
    resumed.goes_on(3);
    unit::equal(resumed.client_gets(), "ack 1; data echo; "sv);
    unit::equal(resumed.client.writes, 1);
}

void ack_joins_nothing_that_other_commands_stand_before(void **) {
    Resumed resumed;
    unit::check(!resumed.translator.join_ack(resumed.now));
    resumed.goes_on();
    resumed.translator.send_away(1000);
    unit::check(!resumed.translator.join_ack(resumed.now));
    resumed.goes_on();
    resumed.translator.keep_no_longer();
    unit::check(!resumed.translator.join_ack(resumed.now));
    resumed.goes_on();
    unit::check(!resumed.translator.join_ack(resumed.now));
    resumed.translator.end_leg();
    unit::check(!resumed.translator.join_ack(resumed.now));
}

void ack_that_is_due_goes_out_alone_where_nothing_is_read(void **) {
    Resumed resumed;
    resumed.client_says(bytes_command(Tag::data, "a"));
    resumed.goes_on();
    (void)resumed.client_gets();
    resumed.backend.acks = 1;
    resumed.backend.seems_readable = true;
    resumed.goes_on(3);
    unit::equal(resumed.client_gets(), "ack 1; "sv);
    resumed.client_says(bytes_command(Tag::data, std::string(300, 'c')));
    resumed.goes_on();
    resumed.backend.acks = 301;
    resumed.backend.full = resumed.client.full = true;
    resumed.goes_on(3);
    unit::equal(resumed.client_gets(), "ack 301; "sv);
}

// The client's first byte is acknowledged, and the client is told so.
void acknowledge_first_byte(Resumed &resumed) {
    resumed.client_says(bytes_command(Tag::data, "a"));
    resumed.goes_on();
    resumed.backend.acks = 1;
    resumed.goes_on(3);
    unit::check(resumed.client_gets().find("ack 1; ") != std::string::npos);
}

void ack_of_a_dialogue_waits_for_what_the_backend_says(void **) {
    Resumed resumed;
    acknowledge_first_byte(resumed);
    resumed.client_says(bytes_command(Tag::data, "b"));
    resumed.goes_on(50);
    unit::equal(resumed.client_gets(), ""sv);
    resumed.backend.acks = 2;
    resumed.backend.says("echo").pauses();
    resumed.goes_on(1);
    unit::equal(resumed.client_gets(), "ack 2; data echo; "sv);
}

// Of a dialogue the kernel is asked when something may be told of it, and not before.
void asks_no_backend_between_two_acks(void **) {
    Resumed resumed;
    acknowledge_first_byte(resumed);
    resumed.client_says(bytes_command(Tag::data, "b"));
    resumed.goes_on(1);
    unit::equal(resumed.relay->wake_at(), resumed.now + 74);
    resumed.backend.acks = 2;
    resumed.goes_on(73);
    unit::equal(resumed.client_gets(), ""sv);
    resumed.goes_on(1);
    unit::equal(resumed.client_gets(), "ack 2; "sv);
}

void asks_soon_about_much(void **) {
    Resumed resumed;
    acknowledge_first_byte(resumed);
    resumed.client_says(bytes_command(Tag::data, "b"));
    resumed.goes_on(1);
    resumed.client_says(bytes_command(Tag::data, std::string(300, 'c')));
    resumed.goes_on();
    unit::check(resumed.relay->wake_at() <= resumed.now + 2);
    resumed.backend.acks = 302;
    resumed.goes_on(2);
    unit::equal(resumed.client_gets(), "ack 302; "sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_commands_that_say_nothing),
        cmocka_unit_test(closes_for_a_frame_that_is_none),
        cmocka_unit_test(keeps_nothing_of_a_session_that_ends_with_its_leg),
        cmocka_unit_test(a_client_of_v4_comes_back_and_knows_no_limits),
        cmocka_unit_test(asks_the_backend_less_and_less_often),
        cmocka_unit_test(sends_all_that_is_owed_before_a_close),
        cmocka_unit_test(is_displaced_before_its_101),
        cmocka_unit_test(a_close_stands_in_no_message_that_the_client_does_not_take),
        cmocka_unit_test(a_close_goes_out_behind_the_message_that_waited_for_room),
        cmocka_unit_test(a_client_that_breaks_while_it_is_displaced_is_told_nothing),
        cmocka_unit_test(a_client_that_breaks_while_it_is_told_is_left),
        cmocka_unit_test(the_clients_end_reaches_the_backend_while_the_leg_is_left),
        cmocka_unit_test(tells_how_far_a_client_has_come),
        cmocka_unit_test(reads_a_flood_at_once_and_makes_it_data_of_the_longest_size),
        cmocka_unit_test(reads_no_more_of_a_flood_than_the_replay_has_room_for),
        cmocka_unit_test(ack_that_is_due_goes_out_with_what_the_backend_says),
        cmocka_unit_test(ack_joins_nothing_that_other_commands_stand_before),
        cmocka_unit_test(ack_that_is_due_goes_out_alone_where_nothing_is_read),
        cmocka_unit_test(ack_of_a_dialogue_waits_for_what_the_backend_says),
        cmocka_unit_test(asks_no_backend_between_two_acks),
        cmocka_unit_test(asks_soon_about_much),
    };
    return unit::run("ws_relay/resumed_turns", tests);
}
