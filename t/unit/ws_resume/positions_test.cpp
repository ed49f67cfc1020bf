#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/positions.hpp"

using ws::Breach;
using ws::Deadlines;
using ws::Positions;
using ws::PositionTerms;

namespace {

constexpr PositionTerms own{.window = 1000, .interval = 100, .bytes = 400, .own_name = true};
constexpr PositionTerms v4{.window = 0, .interval = 100, .bytes = 400, .own_name = false};

void good(Breach breach, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    unit::equal(breach, Breach::none, file, line);
}

// The whole of a DATA.
Breach take(Positions &positions, std::uint64_t bytes) {
    return positions.take(bytes, bytes);
}

// --- from the client

void counts_what_is_taken(void **) {
    Positions positions(own);
    good(take(positions, 10));
    good(take(positions, 990));
    unit::equal(positions.taken(), 1000);
    unit::equal(positions.delivered(), 0);
}

void refuses_more_than_the_window(void **) {
    Positions positions(own);
    good(take(positions, 1000));
    unit::equal(take(positions, 1), Breach::window_exceeded);
    positions.delivered(5);
    unit::equal(take(positions, 6), Breach::window_exceeded);
    unit::equal(positions.taken(), 1000);
    good(take(positions, 5));
    unit::equal(positions.taken(), 1005);
}

void takes_no_byte_of_data_that_goes_beyond_the_window(void **) {
    Positions positions(own);
    good(positions.take(400, 1000));
    good(positions.take(600, 600));
    unit::equal(positions.take(1, 2), Breach::window_exceeded);
    positions.delivered(1);
    unit::equal(positions.take(1, 2), Breach::window_exceeded);
    unit::equal(positions.taken(), 1000);
    good(positions.take(1, 1));
}

void has_no_window_under_a_v4_name(void **) {
    Positions positions(v4);
    good(take(positions, 1'000'000));
    good(take(positions, 1));
}

void takes_no_allowance_back(void **) {
    Positions positions(own);
    positions.change_window(100);
    good(take(positions, 1000));
    unit::equal(take(positions, 1), Breach::window_exceeded);
    positions.delivered(1000);
    good(take(positions, 100));
    unit::equal(take(positions, 1), Breach::window_exceeded);
    positions.change_window(200);
    good(take(positions, 100));
    unit::equal(take(positions, 1), Breach::window_exceeded);
}

void knows_an_acknowledgement_that_is_late(void **) {
    Positions positions(own);
    good(take(positions, 100));
    positions.delivered(70);
    positions.delivered(60);
    unit::equal(positions.delivered(), 70);
}

void ends_where_the_stream_ends(void **) {
    Positions positions(own);
    good(take(positions, 10));
    unit::equal(positions.take_eof(9), Breach::eof_elsewhere);
    unit::equal(positions.take_eof(11), Breach::eof_elsewhere);
    unit::check(!positions.client_ended());
    good(positions.take_eof(10));
    unit::check(positions.client_ended());
    good(positions.take_eof(10));
    unit::equal(positions.take_eof(11), Breach::eof_elsewhere);
    unit::equal(take(positions, 1), Breach::data_after_eof);
    unit::equal(positions.taken(), 10);
}

void takes_each_empty_message_once(void **) {
    Positions positions(own);
    bool is_new = false;
    unit::equal(positions.take_empty(1, is_new), Breach::empty_skips);
    good(positions.take_empty(0, is_new));
    unit::check(is_new);
    good(positions.take_empty(0, is_new));
    unit::check(!is_new);
    good(positions.take_empty(1, is_new));
    unit::check(is_new);
    good(positions.take_eof(0));
    good(positions.take_empty(0, is_new));
    unit::check(!is_new);
    unit::equal(positions.take_empty(2, is_new), Breach::data_after_eof);
}

// --- ACKs of the gateway

void owes_nothing_before_anything_is_acknowledged(void **) {
    Positions positions(own);
    good(take(positions, 500));
    unit::check(!positions.owes_ack());
    unit::equal(positions.ack_at(), Deadlines::never);
}

void tells_the_first_bytes_after_a_pause_at_once(void **) {
    Positions positions(own);
    good(take(positions, 500));
    unit::equal(positions.tell(1000), 0);
    positions.delivered(1);
    unit::check(positions.owes_ack());
    unit::check(positions.ack_at() <= 1050);
    unit::equal(positions.tell(2000), 1);
    unit::check(!positions.owes_ack());
    unit::equal(positions.ack_at(), Deadlines::never);
}

void tells_others_in_time(void **) {
    Positions positions(own);
    good(take(positions, 500));
    positions.delivered(1);
    unit::equal(positions.tell(2000), 1);
    positions.delivered(2);
    unit::equal(positions.ack_at(), 2050);
    positions.delivered(200);
    unit::equal(positions.ack_at(), 2050);
    positions.delivered(201);
    unit::equal(positions.ack_at(), 0);
    unit::equal(positions.tell(2010), 201);
}

void answers_an_ack_that_is_repeated(void **) {
    Positions positions(own);
    positions.sent(10);
    good(positions.take_ack(0));
    unit::check(positions.owes_ack());
    unit::equal(positions.ack_at(), 0);
    unit::equal(positions.tell(5), 0);
    good(positions.take_ack(7));
    unit::check(!positions.owes_ack());
    good(positions.take_ack(7));
    good(positions.take_ack(7));
    unit::check(positions.owes_ack());
    unit::equal(positions.tell(6), 0);
    unit::check(!positions.owes_ack());
}

void answers_no_ack_of_v4(void **) {
    Positions positions(v4);
    good(positions.take_ack(0));
    unit::check(!positions.owes_ack());
}

// --- to the client

void counts_what_is_sent(void **) {
    Positions positions(own);
    positions.sent(100);
    unit::equal(positions.next(), 100);
    unit::equal(positions.sent(), 100);
    good(positions.take_ack(40));
    unit::equal(positions.acknowledged(), 40);
}

void refuses_acks_that_cannot_be(void **) {
    Positions positions(own);
    positions.sent(100);
    unit::equal(positions.take_ack(101), Breach::ack_ahead);
    unit::equal(positions.take_ack(UINT64_MAX), Breach::ack_ahead);
    good(positions.take_ack(100));
    unit::equal(positions.take_ack(99), Breach::ack_back);
    unit::equal(positions.acknowledged(), 100);
    unit::check(!positions.owes_ack());
}

void tells_the_end_on_each_leg(void **) {
    Positions positions(own);
    positions.sent(10);
    unit::check(!positions.eof_due(10));
    positions.service_ended();
    unit::check(!positions.eof_due(11));
    positions.sent(1);
    unit::check(positions.eof_due(11));
    positions.told_eof();
    unit::check(!positions.eof_due(11));
    good(positions.resume(4));
    unit::check(!positions.eof_due(11));
    positions.sent(7);
    unit::check(positions.eof_due(11));
}

void tells_no_end_to_v4(void **) {
    Positions positions(v4);
    positions.service_ended();
    unit::check(!positions.eof_due(0));
}

// --- legs

void goes_on_where_the_client_is(void **) {
    Positions positions(own);
    good(take(positions, 50));
    positions.delivered(20);
    positions.sent(100);
    unit::equal(positions.tell(1000), 20);
    good(positions.resume(30));
    unit::equal(positions.taken(), 50);
    unit::equal(positions.next(), 30);
    unit::equal(positions.sent(), 100);
    unit::equal(positions.acknowledged(), 30);
    // The last ACK may be lost, so it is told again.
    unit::equal(positions.ack_at(), 0);
    unit::equal(positions.tell(1001), 20);
    positions.sent(10);
    unit::equal(positions.next(), 40);
    unit::equal(positions.sent(), 100);
    positions.sent(70);
    unit::equal(positions.sent(), 110);
}

// It counts, so that what is repeated after it is a question.
void takes_the_ack_of_the_request_for_one(void **) {
    Positions positions(own);
    positions.sent(100);
    good(positions.resume(30));
    unit::equal(positions.tell(1), 0);
    good(positions.take_ack(30));
    unit::check(positions.owes_ack());
}

// A client that has more than it said needs nothing before that.
void skips_what_is_acknowledged_meanwhile(void **) {
    Positions positions(own);
    positions.sent(100);
    good(positions.resume(30));
    good(positions.take_ack(80));
    unit::equal(positions.next(), 80);
}

void is_left_alone_by_a_wrong_request(void **) {
    Positions positions(own);
    positions.sent(100);
    good(positions.take_ack(50));
    unit::equal(positions.check_ack(50), Breach::none);
    unit::equal(positions.resume(49), Breach::ack_back);
    unit::equal(positions.resume(101), Breach::ack_ahead);
    unit::equal(positions.next(), 100);
    unit::equal(positions.acknowledged(), 50);
    unit::check(!positions.owes_ack());
}

// A client of v4 takes RECONNECT_SUCCESS for an ACK, and dies of a lower one.
void sends_v4_no_ack_below_what_it_was_told(void **) {
    Positions positions(v4);
    good(take(positions, 50));
    positions.delivered(20);
    unit::equal(positions.tell(1), 20);
    good(positions.resume(0));
    positions.delivered(40);
    unit::check(!positions.owes_ack());
    unit::equal(positions.tell(2), 50);
    positions.delivered(50);
    unit::check(!positions.owes_ack());
    good(take(positions, 1));
    positions.delivered(51);
    unit::check(positions.owes_ack());
    unit::equal(positions.tell(3), 51);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_taken),
        cmocka_unit_test(refuses_more_than_the_window),
        cmocka_unit_test(takes_no_byte_of_data_that_goes_beyond_the_window),
        cmocka_unit_test(has_no_window_under_a_v4_name),
        cmocka_unit_test(takes_no_allowance_back),
        cmocka_unit_test(knows_an_acknowledgement_that_is_late),
        cmocka_unit_test(ends_where_the_stream_ends),
        cmocka_unit_test(takes_each_empty_message_once),
        cmocka_unit_test(owes_nothing_before_anything_is_acknowledged),
        cmocka_unit_test(tells_the_first_bytes_after_a_pause_at_once),
        cmocka_unit_test(tells_others_in_time),
        cmocka_unit_test(answers_an_ack_that_is_repeated),
        cmocka_unit_test(answers_no_ack_of_v4),
        cmocka_unit_test(counts_what_is_sent),
        cmocka_unit_test(refuses_acks_that_cannot_be),
        cmocka_unit_test(tells_the_end_on_each_leg),
        cmocka_unit_test(tells_no_end_to_v4),
        cmocka_unit_test(goes_on_where_the_client_is),
        cmocka_unit_test(takes_the_ack_of_the_request_for_one),
        cmocka_unit_test(skips_what_is_acknowledged_meanwhile),
        cmocka_unit_test(is_left_alone_by_a_wrong_request),
        cmocka_unit_test(sends_v4_no_ack_below_what_it_was_told),
    };
    return unit::run("positions", tests);
}
