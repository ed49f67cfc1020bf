#include "t/unit/ws_relay/direction.hpp"

using namespace std::string_view_literals;
using unit::Direction;

namespace {

// --- write()

void writes_what_the_destination_takes(void **) {
    Direction way;
    way.write("hello");
    unit::equal(way.destination.written, "hello"sv);
    unit::equal(way.ledger().taken(), 5);
    unit::equal(way.ledger().written(), 5);
    unit::check(!way.lane.blocked());
    unit::equal(way.host.lent, 0);
    unit::equal(way.destination.writes, 1);
}

void writes_on_after_each_part_that_is_taken(void **) {
    Direction way;
    way.destination.at_once = 2;
    way.write("hello");
    unit::equal(way.destination.written, "hello"sv);
    unit::check(!way.lane.blocked());
}

void holds_what_the_destination_does_not_take(void **) {
    Direction way;
    way.destination.takes = 2;
    way.write("hello");
    unit::equal(way.destination.written, "he"sv);
    unit::check(way.lane.blocked());
    unit::equal(way.ledger().written(), 2);
    unit::equal(way.ledger().unwritten(), 3);
    unit::equal(way.host.lent, 1);
    way.destination.takes = 1;
    way.lane.flush();
    unit::equal(way.destination.written, "hel"sv);
    unit::check(way.lane.blocked());
    way.destination.takes = unit::unbounded;
    way.lane.flush();
    unit::equal(way.destination.written, "hello"sv);
    unit::check(!way.lane.blocked());
    unit::equal(way.ledger().written(), 5);
    unit::equal(way.host.lent, 0);
}

void holds_more_in_a_larger_buffer_as_long_as_there_is_one(void **) {
    Direction way;
    way.destination.takes = 0;
    way.write("x");
    const std::size_t room = way.host.scratch().wrapped.size();
    way.host.most_held = 4 * room;
    const std::string much(room, 'y');
    way.write(much);
    way.write(much);
    unit::equal(way.ledger().unwritten(), 1 + 2 * room);
    unit::equal(way.host.lent, 1);
    way.write(much + much);
    unit::check(way.lane.lost());
    unit::equal(way.host.lent, 0);

    Direction taken;
    taken.destination.takes = 0;
    taken.host.most_held = 4 * room;
    taken.write("x");
    taken.write(much);
    taken.destination.takes = unit::unbounded;
    taken.lane.flush();
    unit::equal(taken.destination.written, "x" + much);
}

void asks_a_full_destination_once_at_a_time(void **) {
    Direction way;
    way.destination.takes = 0;
    way.write("hello");
    unit::equal(way.destination.writes, 1);
    way.lane.flush();
    unit::equal(way.destination.writes, 2);
}

void writes_nothing_past_what_is_held(void **) {
    Direction way;
    way.destination.takes = 2;
    way.write("hello");
    way.destination.takes = unit::unbounded;
    way.write(" world");
    unit::equal(way.destination.written, "he"sv);
    way.lane.flush();
    unit::equal(way.destination.written, "hello world"sv);
    unit::equal(way.ledger().written(), 11);
}

void has_nothing_to_flush_at_first(void **) {
    Direction way;
    way.lane.flush();
    unit::equal(way.destination.writes, 0);
}

// --- what counts

void counts_only_the_payload(void **) {
    Direction way;
    way.write("##hello", 2);
    unit::equal(way.ledger().taken(), 5);
    unit::equal(way.ledger().written(), 5);
    way.write("####", 4);
    unit::equal(way.ledger().taken(), 5);
    way.write("##!", 2);
    unit::equal(way.ledger().taken(), 6);
    unit::equal(way.ledger().written(), 6);
}

// What is missing on the wire is taken for payload first.
void counts_no_byte_as_written_that_may_be_held(void **) {
    Direction way;
    way.destination.takes = 4;
    way.write("##hello", 2);
    unit::equal(way.ledger().written(), 2);
    way.destination.takes = 0;
    way.write("####", 4);
    way.destination.takes = 3;
    way.lane.flush();
    unit::equal(way.ledger().written(), 5);
    unit::check(way.lane.blocked());
}

void does_not_count_more_than_the_payload_as_missing(void **) {
    Direction way;
    way.destination.takes = 0;
    way.write("##########!", 10);
    unit::equal(way.ledger().written(), 0);
    unit::equal(way.ledger().taken(), 1);
}

void takes_the_payload_for_acknowledged_last(void **) {
    Direction way;
    way.write("##hello", 2);
    unit::equal(way.lane.acknowledged(), 0);
    way.destination.acks = 2;
    unit::equal(way.lane.acknowledged(), 0);
    way.destination.acks = 4;
    unit::equal(way.lane.acknowledged(), 2);
    way.destination.acks = 7;
    unit::equal(way.lane.acknowledged(), 5);
}

void needs_no_acknowledgement_of_what_stands_behind_the_payload(void **) {
    Direction way;
    way.write("##hello", 2);
    way.write("####", 4);
    way.destination.acks = 7;
    unit::equal(way.lane.acknowledged(), 5);
    way.destination.acks = 6;
    unit::equal(way.lane.acknowledged(), 4);
}

// A kernel may know of more than was said here, such as our end.
void takes_all_for_acknowledged_where_the_kernel_says_more(void **) {
    Direction way;
    way.write("hello");
    way.destination.acks = 6;
    unit::equal(way.lane.acknowledged(), 5);
}

void acknowledges_nothing_that_is_held(void **) {
    Direction way;
    way.destination.takes = 3;
    way.write("hello");
    way.destination.acks = 3;
    unit::equal(way.lane.acknowledged(), 3);
}

void pauses_at_its_window(void **) {
    Direction way(4);
    way.write("abc");
    unit::check(!way.lane.paused());
    way.write("d");
    unit::check(way.lane.paused());
}

void passes_on_what_the_destination_knows(void **) {
    Direction way;
    way.destination.wants = 7;
    unit::equal(way.lane.room(100), 7);
    unit::equal(way.lane.room(3), 3);
    unit::check(way.lane.knows_exactly());
    way.destination.exact = false;
    unit::check(!way.lane.knows_exactly());
    way.destination.acks = 12;
    unit::equal(way.lane.moved(), 12);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_destination_takes),
        cmocka_unit_test(writes_on_after_each_part_that_is_taken),
        cmocka_unit_test(holds_what_the_destination_does_not_take),
        cmocka_unit_test(holds_more_in_a_larger_buffer_as_long_as_there_is_one),
        cmocka_unit_test(asks_a_full_destination_once_at_a_time),
        cmocka_unit_test(writes_nothing_past_what_is_held),
        cmocka_unit_test(has_nothing_to_flush_at_first),
        cmocka_unit_test(counts_only_the_payload),
        cmocka_unit_test(counts_no_byte_as_written_that_may_be_held),
        cmocka_unit_test(does_not_count_more_than_the_payload_as_missing),
        cmocka_unit_test(takes_the_payload_for_acknowledged_last),
        cmocka_unit_test(needs_no_acknowledgement_of_what_stands_behind_the_payload),
        cmocka_unit_test(takes_all_for_acknowledged_where_the_kernel_says_more),
        cmocka_unit_test(acknowledges_nothing_that_is_held),
        cmocka_unit_test(pauses_at_its_window),
        cmocka_unit_test(passes_on_what_the_destination_knows),
    };
    return unit::run("ws_relay/lane", tests);
}
