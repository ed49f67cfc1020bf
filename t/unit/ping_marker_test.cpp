#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/ping_marker.hpp"

namespace {

void believes_the_answer_to_the_last_ping(void **) {
    ws::PingMarkers markers;
    const auto payload = markers.mark(0x123456789abc);
    const auto answer = markers.answer(payload);
    unit::check(answer.believed);
    unit::check(answer.newest);
    unit::equal(answer.offset, 0x123456789abc);
}

void believes_an_older_answer_for_what_it_says(void **) {
    ws::PingMarkers markers;
    const auto first = markers.mark(10);
    const auto second = markers.mark(20);
    const auto answer = markers.answer(first);
    unit::check(answer.believed);
    unit::check(!answer.newest);
    unit::equal(answer.offset, 10);
    unit::check(markers.answer(second).newest);
    unit::equal(markers.offset(), 20);
}

void tells_two_pings_at_one_offset_apart(void **) {
    ws::PingMarkers markers;
    const auto first = markers.mark(10);
    const auto second = markers.mark(10);
    unit::check(!markers.answer(first).newest);
    unit::check(markers.answer(second).newest);
}

void ignores_unsolicited_payloads(void **) {
    ws::PingMarkers markers;
    unit::check(!markers.answer({}).believed);
    unit::check(!markers.answer(ws::PingMarkers::Payload{}).believed);
    (void)markers.mark(0);
    unit::check(!markers.answer({}).believed);
    unit::check(!markers.answer(unit::bytes("hello")).believed);
    unit::check(!markers.answer(unit::bytes("thirteen byte")).believed);
    // The number of no ping.
    unit::check(!markers.answer(ws::PingMarkers::Payload{}).believed);
}

void believes_no_pong_from_the_future(void **) {
    ws::PingMarkers sender;
    ws::PingMarkers ahead;
    (void)sender.mark(100);
    (void)ahead.mark(100);
    unit::check(!sender.answer(ahead.mark(100)).believed);  // a number too high
    ws::PingMarkers beyond;
    unit::check(!sender.answer(beyond.mark(101)).believed);  // an offset too high
    (void)sender.mark(100);
    unit::check(!sender.answer(ws::PingMarkers{}.mark(101)).believed);  // the same of an older ping
    unit::check(sender.answer(ws::PingMarkers{}.mark(100)).believed);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_answer_to_the_last_ping),
        cmocka_unit_test(believes_an_older_answer_for_what_it_says),
        cmocka_unit_test(tells_two_pings_at_one_offset_apart),
        cmocka_unit_test(ignores_unsolicited_payloads),
        cmocka_unit_test(believes_no_pong_from_the_future),
    };
    return unit::run("ping_marker", tests);
}
