// How a session's life goes from leg to leg. docs/lifecycle.md, docs/resume-protocol.md.
#include "t/unit/ws_life/life.hpp"

using namespace std::string_view_literals;
using unit::calm;
using unit::Life;
using ws::CloseCode;
using ws::Order;
using ws::Phase;
using ws::Side;

namespace {

constexpr auto come_back = "\x0f\xa4"sv;   // 4004
constexpr auto going_away = "\x03\xe9"sv;  // 1001
constexpr auto normal = "\x03\xe8"sv;      // 1000

[[nodiscard]] ws::Legs kept() {
    return {.grace = 60'000, .are_resumable = true};
}

// One that outlives its legs.
struct Kept : Life {
    explicit Kept(const ws::Legs &legs = kept(), const ws::TunnelOptions &options = calm())
        : Life(options) {
        tunnel.set_legs(legs);
    }
    // The client's connection breaks, and is left.
    void parts(const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        tunnel.client_lost(now);
        unit::equal(tunnel.next(now), Order::part, file, line);
        is_in(Phase::detached, file, line);
    }
    void comes_back() {
        tunnel.attached();
        outside.stands.client_lost = false;
        tunnel.answered(now);
    }
};

// --- which sessions are kept

void keeps_a_session_that_has_begun(void **) {
    Kept life;
    unit::check(!life.tunnel.may_detach());
    life.open();
    unit::check(life.tunnel.may_detach());
    life.parts();
    unit::check(!life.tunnel.may_detach());
    life.tunnel.attached();
    unit::check(life.tunnel.may_detach());
}

void keeps_an_end_that_the_client_does_not_know(void **) {
    Kept delivering;
    delivering.open().client_sends(unit::data, "hello");
    delivering.tunnel.backend_ended(delivering.now);
    delivering.is_in(Phase::delivering);
    unit::check(delivering.tunnel.may_detach());

    Kept closing;
    closing.open().tunnel.backend_ended(closing.now);
    (void)closing.carry_out();
    closing.is_in(Phase::closing);
    unit::check(closing.tunnel.may_detach());
    closing.client_closes(normal);
    unit::check(!closing.tunnel.may_detach());
}

void keeps_no_session_that_the_gateway_has_ended(void **) {
    Kept life;
    life.open().tunnel.close(Side::gateway, CloseCode::policy_violation, "idle too long", life.now);
    life.is_in(Phase::closing);
    unit::check(!life.tunnel.may_detach());
    life.tunnel.client_lost(life.now);
    life.is_in(Phase::draining);
    unit::check(!life.tunnel.may_detach());
    (void)life.carry_out();
    life.is_in(Phase::over);
    unit::check(!life.tunnel.may_detach());
}

void a_close_leaves_the_leg_only_where_that_is_agreed(void **) {
    struct Case {
        bool keeps_going_away;
        bool keeps_come_back;
        std::string_view code;
        Phase then;
    };
    for (const Case &each : {Case{false, true, come_back, Phase::detached},
                             Case{false, false, come_back, Phase::delivering},
                             Case{true, false, going_away, Phase::detached},
                             Case{true, false, normal, Phase::delivering},
                             Case{false, true, going_away, Phase::delivering}}) {
        ws::Legs legs = kept();
        legs.keeps_going_away = each.keeps_going_away;
        legs.keeps_come_back = each.keeps_come_back;
        Kept life(legs);
        life.open().client_closes(each.code);
        life.is_in(each.then);
    }
}

// The client ends its stream by EOF, and its Close the session.
void a_close_ends_a_resumable_session_in_spite_of_half_closes(void **) {
    ws::TunnelOptions options = calm();
    options.half_close = true;
    Kept life(kept(), options);
    life.open().client_closes(normal);
    life.is_in(Phase::delivering);
}

// They are between the relay and its translator.
void nothing_comes_of_events_that_are_no_facts(void **) {
    Kept life;
    life.open();
    for (const ws::Event event : {ws::Event::exhausted, ws::Event::piece, ws::Event::room_full,
                                  ws::Event::memory_full, ws::Event::eof, ws::Event::fault}) {
        life.tunnel.client_said(event, 0, life.now);
    }
    life.is_in(Phase::open);
    unit::equal(life.carry_out(), "");
}

// --- between two legs

void nothing_that_moves_between_legs_is_life_of_the_client(void **) {
    ws::TunnelOptions options = calm();
    options.liveness.idle_timeout = 1000;
    Kept life(kept(), options);
    life.open();
    life.parts();
    const ws::Millis wakes = life.tunnel.wake_at();
    life.now += 10;
    life.to_backend.took(1);
    life.tunnel.took_for_backend(life.now);
    life.backend_sends(1);
    unit::equal(life.tunnel.wake_at(), wakes);
    unit::equal(life.tunnel.moved_at(), life.now - 10);
}

void the_backend_gets_the_clients_end_between_two_legs(void **) {
    Kept life;
    life.outside.stands.to_backend_blocked = true;
    life.open().tunnel.client_said_end(life.now);
    life.is_in(Phase::half_closed);
    unit::equal(life.carry_out(), "");
    life.parts();
    unit::equal(life.tunnel.next(life.now), Order::none);
    life.outside.stands.to_backend_blocked = false;
    unit::equal(life.carry_out(), "finish backend; ");
}

// TLS has said nothing of the end.
void a_backend_that_is_cut_between_two_legs_is_told_of_on_the_next(void **) {
    ws::TunnelOptions options = calm();
    options.needs_close_notify = true;
    Kept life(kept(), options);
    life.open();
    life.parts();
    life.tunnel.backend_cut(life.now);
    life.is_in(Phase::detached);
    life.comes_back();
    life.is_in(Phase::closing);
    unit::equal(life.tunnel.close_code(), CloseCode::internal_error);
}

void the_clients_end_is_known_on_the_next_leg(void **) {
    Kept ended;
    ended.open().tunnel.client_said_end(ended.now);
    ended.parts();
    ended.comes_back();
    ended.is_in(Phase::half_closed);

    Kept both;
    both.open().tunnel.client_said_end(both.now);
    both.parts();
    both.tunnel.backend_ended(both.now);
    both.comes_back();
    both.is_in(Phase::delivering);
}

// --- both ends

void ends_when_both_sides_have(void **) {
    ws::TunnelOptions options = calm();
    options.half_close = true;
    Kept client_first(kept(), options);
    client_first.open().tunnel.client_said_end(client_first.now);
    client_first.tunnel.backend_ended(client_first.now);
    client_first.is_in(Phase::delivering);

    Kept backend_first(kept(), options);
    backend_first.open().tunnel.backend_ended(backend_first.now);
    backend_first.is_in(Phase::half_closed);
    backend_first.tunnel.client_said_end(backend_first.now);
    backend_first.is_in(Phase::delivering);
}

void an_end_that_is_said_again_changes_nothing(void **) {
    Kept life;
    life.open().tunnel.client_said_end(life.now);
    life.tunnel.client_said_end(life.now);
    life.is_in(Phase::half_closed);
    life.tunnel.backend_ended(life.now);
    life.tunnel.client_said_end(life.now);
    life.is_in(Phase::delivering);
}

[[nodiscard]] ws::Legs left_by_close() {
    ws::Legs legs = kept();
    legs.keeps_come_back = true;
    return legs;
}

void a_leg_that_is_left_ends_a_session_that_is_kept_no_longer(void **) {
    Kept life(left_by_close());
    life.open().tunnel.keep_no_longer(life.now);
    life.client_closes(come_back);
    life.is_in(Phase::delivering);
}

void a_leg_that_is_left_as_the_backend_ends_is_no_answer(void **) {
    Kept life(left_by_close());
    life.open().tunnel.backend_ended(life.now);
    (void)life.carry_out();
    life.is_in(Phase::closing);
    life.client_closes(come_back);
    life.is_in(Phase::detached);
}

// What was wrong with the message says more.
void a_backend_that_is_cut_off_inside_a_message_is_told_of_in_its_words(void **) {
    ws::TunnelOptions options = calm();
    options.needs_close_notify = true;
    Kept life(kept(), options);
    life.open().tunnel.backend_cut(life.now, "backend was cut off inside a line");
    life.is_in(Phase::closing);
    unit::equal(life.tunnel.why(), "backend was cut off inside a line"sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_session_that_has_begun),
        cmocka_unit_test(keeps_an_end_that_the_client_does_not_know),
        cmocka_unit_test(keeps_no_session_that_the_gateway_has_ended),
        cmocka_unit_test(a_close_leaves_the_leg_only_where_that_is_agreed),
        cmocka_unit_test(a_close_ends_a_resumable_session_in_spite_of_half_closes),
        cmocka_unit_test(nothing_comes_of_events_that_are_no_facts),
        cmocka_unit_test(nothing_that_moves_between_legs_is_life_of_the_client),
        cmocka_unit_test(the_backend_gets_the_clients_end_between_two_legs),
        cmocka_unit_test(a_backend_that_is_cut_between_two_legs_is_told_of_on_the_next),
        cmocka_unit_test(the_clients_end_is_known_on_the_next_leg),
        cmocka_unit_test(ends_when_both_sides_have),
        cmocka_unit_test(an_end_that_is_said_again_changes_nothing),
        cmocka_unit_test(a_leg_that_is_left_ends_a_session_that_is_kept_no_longer),
        cmocka_unit_test(a_leg_that_is_left_as_the_backend_ends_is_no_answer),
        cmocka_unit_test(a_backend_that_is_cut_off_inside_a_message_is_told_of_in_its_words),
    };
    return unit::run("ws_life/tunnel_legs", tests);
}
