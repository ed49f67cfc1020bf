#include "t/unit/ws_life/life.hpp"

#include "ngx_ws_filter/ws_life/delivery.hpp"

using unit::ClientStream;
using unit::Outside;
using ws::Deadline;
using ws::Deadlines;
using ws::Delivery;

namespace {

// A stream to a backend, and the pings and the Close that stand in it.
struct Stream {
    explicit Stream(bool receipts = true) : delivery(receipts, ledger, deadlines) {}

    ws::Session session{{}};
    ws::FlowLedger ledger;
    Deadlines deadlines;
    Outside outside;
    Delivery delivery;
    bool has_memory = true;  // for the last ping

    void take(std::uint64_t bytes) { ledger.took(bytes); }
    void write(std::uint64_t bytes) {
        ledger.took(bytes);
        ledger.wrote(bytes);
    }
    void acknowledge(std::uint64_t total) { outside.backend.acknowledged = total; }

    // Behind all that was taken, or elsewhere.
    void ping(std::string_view payload) { ping(payload, ledger.taken()); }
    void ping(std::string_view payload, std::uint64_t offset) {
        ClientStream stream;
        std::string frame(unit::text(stream.frame(unit::ping, payload).bytes()));
        auto *const begin = reinterpret_cast<std::uint8_t *>(frame.data());
        ws::ReadBuffer buffer{begin, begin, begin + frame.size()};
        unit::equal(session.receive(buffer), ws::Event::ping);
        has_memory = delivery.on_ping(session, offset, outside);
    }
    [[nodiscard]] bool give_pong(ws::Millis now) {
        return delivery.give_pong(session, outside, now);
    }
    // What is due for the client.
    std::string said() {
        std::array<std::uint8_t, ws::Session::max_due_size> room;
        return unit::as_text(unit::text({room.data(), session.write_due(room)}));
    }
    [[nodiscard]] bool complete(ws::Millis now = 0) { return delivery.complete(outside, now); }
    [[nodiscard]] bool may_answer() { return delivery.may_answer(outside, 0); }
};

// --- pongs

void answers_a_ping_before_all_data_at_once(void **) {
    Stream stream;
    stream.ping("x");
    unit::equal(stream.said(), "pong x; ");
    unit::equal(stream.outside.questions, 0);
}

void answers_a_ping_at_once_when_what_stands_before_it_is_acknowledged(void **) {
    Stream stream;
    stream.write(10);
    stream.acknowledge(10);
    stream.ping("x");
    unit::equal(stream.said(), "pong x; ");
    unit::equal(stream.outside.questions, 1);
    // What is known needs no question.
    stream.ping("y");
    unit::equal(stream.said(), "pong y; ");
    unit::equal(stream.outside.questions, 1);
}

void answers_each_ping_at_once_without_receipts(void **) {
    Stream stream(false);
    stream.write(10);
    stream.ping("x");
    unit::equal(stream.said(), "pong x; ");
    unit::equal(stream.outside.questions, 0);
}

void holds_a_pong_until_what_stands_before_it_is_acknowledged(void **) {
    Stream stream;
    stream.write(10);
    stream.acknowledge(9);
    stream.ping("x");
    unit::check(!stream.session.anything_due());
    unit::check(!stream.give_pong(1000));
    stream.write(5);
    stream.acknowledge(10);
    unit::check(stream.give_pong(1001));
    unit::equal(stream.said(), "pong x; ");
    unit::check(!stream.give_pong(1001));
}

void believes_no_acknowledgement_of_what_was_not_written(void **) {
    Stream stream;
    stream.take(10);
    stream.acknowledge(10);
    stream.ping("x");
    unit::check(!stream.give_pong(1000));
    stream.ledger.wrote(10);
    unit::check(stream.give_pong(1001));
}

// A pong for the second would say more than one for the first.
void answers_no_ping_before_one_that_waits(void **) {
    Stream stream;
    stream.write(10);
    stream.ping("one");
    stream.acknowledge(10);
    stream.ping("two");
    unit::check(!stream.session.anything_due());
    unit::check(stream.give_pong(1000));
    unit::equal(stream.said(), "pong one; ");
    unit::check(stream.give_pong(1000));
    unit::equal(stream.said(), "pong two; ");
}

// It can only be acknowledged when the client has said more, so that nothing is waited for.
void borrows_memory_while_a_ping_waits(void **) {
    Stream stream;
    stream.ping("at once");
    unit::equal(stream.outside.lent, 0);
    stream.write(10);
    stream.ping("one");
    stream.ping("two");
    unit::equal(stream.outside.lent, 1);
    stream.acknowledge(10);
    unit::check(stream.give_pong(0));
    unit::equal(stream.outside.lent, 1);
    unit::check(stream.give_pong(0));
    unit::equal(stream.outside.lent, 0);

    stream.write(10);
    stream.ping("three");
    unit::equal(stream.outside.lent, 1);
    stream.delivery.forget_pings(stream.outside);
    unit::equal(stream.outside.lent, 0);
    unit::check(!stream.delivery.owes_pong());
}

void says_when_there_is_no_memory_for_a_ping_that_waits(void **) {
    Stream stream;
    stream.outside.has_memory = false;
    stream.ping("at once");
    unit::check(stream.has_memory);
    stream.write(10);
    stream.ping("x");
    unit::check(!stream.has_memory);
    unit::check(!stream.delivery.owes_pong());
}

void asks_nobody_about_a_ping_behind_bytes_that_a_framing_holds(void **) {
    Stream stream;
    stream.write(10);
    stream.acknowledge(10);
    stream.ping("x", 15);
    const unsigned before = stream.outside.questions;
    unit::check(!stream.give_pong(1000));
    unit::equal(stream.outside.questions, before);
    unit::equal(stream.deadlines.next(), Deadlines::never);
    stream.write(5);
    stream.acknowledge(15);
    unit::check(stream.give_pong(1000));
}

void answers_no_ping_behind_dropped_bytes(void **) {
    Stream stream;
    stream.delivery.drop(1);
    stream.ping("x");
    unit::check(!stream.session.anything_due());
    unit::check(!stream.give_pong(1000));
    Stream without(false);
    without.delivery.drop(1);
    without.ping("x");
    unit::check(!without.session.anything_due());
}

// --- when to ask again

void asks_again_after_twice_as_long_each_time(void **) {
    Stream stream;
    stream.write(10);
    stream.ping("x");
    ws::Millis now = 1000;
    for (const ws::Millis wait : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 64U, 64U}) {
        unit::check(!stream.give_pong(now));
        unit::equal(stream.deadlines.next(), now + wait);
        now += wait;
        stream.deadlines.clear(Deadline::ask);
    }
}

void asks_again_soon_after_an_answer(void **) {
    Stream stream;
    stream.write(10);
    stream.ping("x");
    for (int i = 0; i < 5; ++i) {
        unit::check(!stream.give_pong(1000));
        stream.deadlines.clear(Deadline::ask);
    }
    unit::check(!stream.give_pong(1000));
    stream.acknowledge(10);
    unit::check(stream.give_pong(1000));
    unit::check(!stream.deadlines.is_set(Deadline::ask));
    stream.write(10);
    stream.ping("y");
    unit::check(!stream.give_pong(2000));
    unit::equal(stream.deadlines.next(), 2001);
}

void does_not_put_off_a_question_that_is_to_come(void **) {
    Stream stream;
    stream.delivery.ask_again(1000);
    stream.delivery.ask_again(1000);
    unit::equal(stream.deadlines.next(), 1001);
}

// --- the whole stream

void is_complete_without_a_byte(void **) {
    Stream stream;
    unit::check(stream.complete());
    unit::equal(stream.outside.questions, 0);
}

void is_complete_when_all_is_acknowledged(void **) {
    Stream stream;
    stream.write(10);
    stream.acknowledge(9);
    unit::check(!stream.complete(1000));
    unit::equal(stream.deadlines.next(), 1001);
    stream.acknowledge(10);
    unit::check(stream.complete(1000));
    unit::equal(stream.deadlines.next(), Deadlines::never);
}

// The end that waits for room is a part of it.
void is_not_complete_while_anything_waits_for_room(void **) {
    Stream stream;
    stream.outside.stands.to_backend_blocked = true;
    unit::check(!stream.complete(1000));
    unit::equal(stream.deadlines.next(), 1001);
}

void may_answer_a_close_when_the_stream_is_complete(void **) {
    Stream stream;
    stream.write(10);
    unit::check(!stream.may_answer());
    stream.acknowledge(10);
    unit::check(stream.may_answer());
}

void may_answer_a_close_without_receipts_when_all_is_written(void **) {
    Stream stream(false);
    stream.take(10);
    stream.outside.stands.to_backend_blocked = true;
    unit::check(!stream.may_answer());
    stream.ledger.wrote(10);
    stream.outside.stands.to_backend_blocked = false;
    unit::check(stream.may_answer());
    unit::equal(stream.outside.questions, 0);
}

void is_a_receipt_only_of_what_was_acknowledged(void **) {
    Stream stream;
    unit::check(stream.delivery.is_receipt());
    stream.write(10);
    unit::check(!stream.delivery.is_receipt());
    stream.acknowledge(10);
    stream.delivery.ask(stream.outside);
    unit::check(stream.delivery.is_receipt());
}

void is_a_receipt_without_receipts_of_what_was_written(void **) {
    Stream stream(false);
    stream.take(10);
    unit::check(!stream.delivery.is_receipt());
    stream.ledger.wrote(10);
    unit::check(stream.delivery.is_receipt());
}

void counts_what_is_missing(void **) {
    Stream stream;
    stream.write(10);
    stream.take(5);
    stream.delivery.drop(3);
    stream.delivery.drop(4);
    stream.acknowledge(6);
    unit::equal(stream.delivery.undelivered(), 15);
    stream.delivery.ask(stream.outside);
    unit::equal(stream.delivery.undelivered(), 9);
    unit::equal(stream.delivery.unwritten(), 5);
    unit::equal(stream.delivery.dropped(), 7);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_ping_before_all_data_at_once),
        cmocka_unit_test(answers_a_ping_at_once_when_what_stands_before_it_is_acknowledged),
        cmocka_unit_test(answers_each_ping_at_once_without_receipts),
        cmocka_unit_test(holds_a_pong_until_what_stands_before_it_is_acknowledged),
        cmocka_unit_test(believes_no_acknowledgement_of_what_was_not_written),
        cmocka_unit_test(answers_no_ping_before_one_that_waits),
        cmocka_unit_test(borrows_memory_while_a_ping_waits),
        cmocka_unit_test(says_when_there_is_no_memory_for_a_ping_that_waits),
        cmocka_unit_test(asks_nobody_about_a_ping_behind_bytes_that_a_framing_holds),
        cmocka_unit_test(answers_no_ping_behind_dropped_bytes),
        cmocka_unit_test(asks_again_after_twice_as_long_each_time),
        cmocka_unit_test(asks_again_soon_after_an_answer),
        cmocka_unit_test(does_not_put_off_a_question_that_is_to_come),
        cmocka_unit_test(is_complete_without_a_byte),
        cmocka_unit_test(is_complete_when_all_is_acknowledged),
        cmocka_unit_test(is_not_complete_while_anything_waits_for_room),
        cmocka_unit_test(may_answer_a_close_when_the_stream_is_complete),
        cmocka_unit_test(may_answer_a_close_without_receipts_when_all_is_written),
        cmocka_unit_test(is_a_receipt_only_of_what_was_acknowledged),
        cmocka_unit_test(is_a_receipt_without_receipts_of_what_was_written),
        cmocka_unit_test(counts_what_is_missing),
    };
    return unit::run("ws_life/delivery", tests);
}
