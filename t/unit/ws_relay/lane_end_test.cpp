// How a lane ends, is lost, and kept its source waiting.
#include "t/unit/ws_relay/direction.hpp"

using namespace std::string_view_literals;
using unit::Direction;

namespace {

// --- loss

void is_lost_with_its_destination(void **) {
    Direction way;
    way.destination.takes = 1;
    way.write("hello");
    way.destination.loses_writes = true;
    way.lane.flush();
    unit::check(way.lane.lost());
    unit::check(!way.lane.blocked());
    unit::equal(way.host.lent, 0);
    unit::equal(way.destination.calls, "breaks "sv);
    unit::equal(way.ledger().unwritten(), 4);
}

void takes_bytes_that_go_nowhere_when_it_is_lost(void **) {
    Direction way;
    way.destination.loses_writes = true;
    way.write("hello");
    unit::check(way.lane.lost());
    const unsigned writes = way.destination.writes;
    way.destination.loses_writes = false;
    way.write("world");
    way.lane.flush();
    unit::equal(way.destination.writes, writes);
    unit::equal(way.ledger().taken(), 10);
    unit::equal(way.ledger().written(), 0);
    unit::equal(way.host.lent, 0);
}

void is_lost_without_memory_to_hold_anything(void **) {
    Direction way;
    way.host.has_memory = false;
    way.destination.takes = 2;
    way.write("hello");
    unit::check(way.lane.lost());
    unit::equal(way.destination.calls, "breaks "sv);
}

void is_lost_when_more_is_to_be_held_than_there_is_room_for(void **) {
    Direction way;
    way.destination.takes = 0;
    const std::string much(way.host.scratch().wrapped.size(), 'x');
    way.write(much);
    unit::check(!way.lane.lost());
    way.write("y");
    unit::check(way.lane.lost());
    unit::equal(way.host.lent, 0);
}

void can_be_given_up(void **) {
    Direction way;
    way.destination.takes = 0;
    way.write("hello");
    way.lane.lose();
    unit::check(way.lane.lost());
    unit::equal(way.host.lent, 0);
    unit::equal(way.destination.calls, "lose "sv);
}

void can_be_reset(void **) {
    Direction way;
    way.lane.abort();
    unit::check(way.lane.lost());
    unit::equal(way.destination.calls, "abort lose "sv);
}

// --- the end

void ends_behind_all_that_was_written(void **) {
    Direction way;
    way.write("hello");
    unit::check(!way.lane.finished());
    way.lane.finish();
    unit::check(way.lane.finished());
    unit::check(!way.lane.blocked());
    unit::equal(way.destination.finishes, 1);
}

void ends_later_if_there_is_no_room_for_its_end(void **) {
    Direction way;
    way.destination.has_room_for_end = false;
    way.lane.finish();
    unit::check(!way.lane.finished());
    unit::check(way.lane.blocked());
    way.lane.flush();
    unit::check(way.lane.blocked());
    way.destination.has_room_for_end = true;
    way.lane.flush();
    unit::check(way.lane.finished());
    unit::check(!way.lane.blocked());
    way.lane.flush();
    unit::equal(way.destination.finishes, 1);
}

// Bytes that were taken after all stand before it.
void ends_behind_what_it_holds(void **) {
    Direction way;
    way.destination.has_room_for_end = false;
    way.lane.finish();
    way.write("x");
    way.destination.has_room_for_end = true;
    way.destination.takes = 0;
    way.lane.flush();
    unit::equal(way.destination.finishes, 0);
    way.destination.takes = unit::unbounded;
    way.lane.flush();
    unit::equal(way.destination.written, "x"sv);
    unit::equal(way.destination.finishes, 1);
}

void waits_for_no_end_when_it_is_lost(void **) {
    Direction waiting;
    waiting.destination.has_room_for_end = false;
    waiting.lane.finish();
    waiting.lane.lose();
    unit::check(waiting.lane.finished());
    unit::check(!waiting.lane.blocked());

    Direction lost;
    lost.lane.lose();
    unit::check(!lost.lane.finished());
    lost.lane.finish();
    unit::check(lost.lane.finished());
    unit::equal(lost.destination.finishes, 0);
}

void flushes_past_all_bounds_at_last(void **) {
    Direction way;
    way.destination.takes = 1;
    way.write("hello");
    way.lane.flush_at_last();
    unit::equal(way.destination.written, "hello"sv);
    unit::equal(way.destination.calls, "lift "sv);
}

// --- a payload in a pipe

void forwards_a_payload_that_it_never_sees(void **) {
    Direction way;
    way.forward("##", "hello");
    unit::equal(way.destination.written, "##hello"sv);
    unit::equal(way.destination.calls, "header "sv);
    unit::equal(way.ledger().taken(), 5);
    unit::equal(way.ledger().written(), 5);
    unit::equal(way.host.lent, 0);
}

void holds_what_is_left_in_the_pipe(void **) {
    for (std::size_t takes = 0; takes < 7; ++takes) {
        Direction way;
        way.destination.takes = takes;
        way.forward("##", "hello");
        unit::equal(way.destination.written, "##hello"sv.substr(0, takes));
        unit::check(way.lane.blocked());
        unit::equal(way.ledger().written(), takes < 2 ? 0 : takes - 2);
        way.destination.takes = unit::unbounded;
        way.lane.flush();
        unit::equal(way.destination.written, "##hello"sv);
        unit::equal(way.ledger().written(), 5);
    }
}

void forwards_part_by_part(void **) {
    Direction way;
    way.destination.at_once = 1;
    way.forward("##", "hello");
    unit::equal(way.destination.written, "##hello"sv);
    unit::check(!way.lane.blocked());
}

// There may be room again as soon as the header was refused.
void forwards_no_payload_past_its_header(void **) {
    Direction way;
    way.destination.most_for_header = 0;
    way.forward("##", "hello");
    unit::equal(way.destination.written, ""sv);
    way.lane.flush();
    unit::equal(way.destination.written, "##hello"sv);
}

void is_lost_amid_a_payload(void **) {
    Direction way;
    way.destination.loses_pipe = true;
    way.forward("##", "hello");
    unit::check(way.lane.lost());
    unit::equal(way.ledger().written(), 0);
    unit::equal(way.host.lent, 0);
}

void forwards_nothing_when_it_is_lost(void **) {
    Direction way;
    way.lane.lose();
    way.forward("##", "hello");
    unit::equal(way.destination.written, ""sv);
    unit::equal(way.ledger().taken(), 5);
    unit::equal(way.host.lent, 0);
}

void empties_the_pipe_of_a_destination_that_is_lost_meanwhile(void **) {
    Direction way;
    way.destination.loses_writes = true;
    way.forward("##", "hello");
    unit::check(way.lane.lost());
    unit::equal(way.host.lent, 0);
}

// Bytes of the stream would be missing behind it.
void is_lost_when_the_pipe_gives_less_than_was_put_in(void **) {
    Direction way;
    way.destination.takes = 0;
    way.host.pipe = "hell";
    std::string header = "##";
    way.lane.forward({reinterpret_cast<std::uint8_t *>(header.data()), header.size()}, 5);
    unit::check(way.lane.lost());
    unit::equal(way.destination.calls, "header breaks "sv);
}

// --- how long the destination kept the source waiting

void counts_for_how_long_it_was_blocked(void **) {
    Direction way;
    way.lane.note_stall(1000);
    unit::equal(way.lane.stalled(1500), 0);
    way.destination.takes = 0;
    way.write("x");
    way.lane.note_stall(2000);
    unit::equal(way.lane.stalled(2300), 300);
    way.lane.note_stall(2400);
    unit::equal(way.lane.stalled(2500), 500);
    way.destination.takes = unit::unbounded;
    way.lane.flush();
    way.lane.note_stall(2600);
    unit::equal(way.lane.stalled(9000), 600);
    way.destination.takes = 0;
    way.write("x");
    way.lane.note_stall(9000);
    unit::equal(way.lane.stalled(9010), 610);
    way.lane.lose();
    way.lane.note_stall(9020);
    unit::equal(way.lane.stalled(10'000), 620);
}

void counts_for_how_long_its_window_was_used_up(void **) {
    Direction way(1);
    way.write("x");
    way.lane.note_stall(1000);
    unit::equal(way.lane.stalled(1070), 70);
    unit::check(way.lane.ledger().acknowledge(1));
    way.lane.note_stall(1100);
    unit::equal(way.lane.stalled(2000), 100);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(is_lost_with_its_destination),
        cmocka_unit_test(takes_bytes_that_go_nowhere_when_it_is_lost),
        cmocka_unit_test(is_lost_without_memory_to_hold_anything),
        cmocka_unit_test(is_lost_when_more_is_to_be_held_than_there_is_room_for),
        cmocka_unit_test(can_be_given_up),
        cmocka_unit_test(can_be_reset),
        cmocka_unit_test(ends_behind_all_that_was_written),
        cmocka_unit_test(ends_later_if_there_is_no_room_for_its_end),
        cmocka_unit_test(ends_behind_what_it_holds),
        cmocka_unit_test(waits_for_no_end_when_it_is_lost),
        cmocka_unit_test(flushes_past_all_bounds_at_last),
        cmocka_unit_test(forwards_a_payload_that_it_never_sees),
        cmocka_unit_test(holds_what_is_left_in_the_pipe),
        cmocka_unit_test(forwards_part_by_part),
        cmocka_unit_test(forwards_no_payload_past_its_header),
        cmocka_unit_test(is_lost_amid_a_payload),
        cmocka_unit_test(forwards_nothing_when_it_is_lost),
        cmocka_unit_test(empties_the_pipe_of_a_destination_that_is_lost_meanwhile),
        cmocka_unit_test(is_lost_when_the_pipe_gives_less_than_was_put_in),
        cmocka_unit_test(counts_for_how_long_it_was_blocked),
        cmocka_unit_test(counts_for_how_long_its_window_was_used_up),
    };
    return unit::run("ws_relay/lane_end", tests);
}
