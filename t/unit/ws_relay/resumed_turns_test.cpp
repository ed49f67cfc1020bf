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
    unit::check(resumed.relay->part(CloseCode{4002}, "displaced by another leg", resumed.now));
    unit::equal(resumed.client.written.size(), 1);
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
        cmocka_unit_test(a_client_that_breaks_while_it_is_displaced_is_told_nothing),
        cmocka_unit_test(a_client_that_breaks_while_it_is_told_is_left),
        cmocka_unit_test(the_clients_end_reaches_the_backend_while_the_leg_is_left),
        cmocka_unit_test(tells_how_far_a_client_has_come),
    };
    return unit::run("ws_relay/resumed_turns", tests);
}
