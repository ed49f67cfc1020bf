// How a relay brings a session to its end.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;
using unit::plain;
using ws::CloseCode;
using ws::Phase;
using ws::Side;

namespace {

constexpr auto going_away = "\x03\xe9"sv;

void tells_of_each_phase(void **) {
    Joined joined;
    joined.client_says(unit::close_frame, going_away).client.ends();
    joined.backend.pauses();
    unit::check(!joined.turn());
    unit::equal(joined.host.phases,
                "connecting > open; open > delivering; delivering > closing; "
                "closing > draining; draining > over; "sv);
}

void is_idle_only_when_nothing_is_under_way_to_either_side(void **) {
    for (const bool client : {true, false}) {
        ws::RelayOptions options = plain();
        options.tunnel.liveness.idle_timeout = 500;
        Joined joined(options);
        unit::check(joined.turn());
        (client ? joined.client : joined.backend).all_drained = false;
        unit::check(joined.turn_after(500));
        joined.is_in(Phase::open);
        unit::check(joined.turn_after(500));
        joined.is_in(Phase::closing);
        unit::equal(joined.client_gets(), "close 1008 idle too long; "sv);
    }
}

void answers_a_close_when_the_backend_has_all(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    unit::check(joined.turn());
    joined.is_in(Phase::delivering);
    unit::equal(joined.backend.finishes, 1);
    unit::equal(joined.client_gets(), ""sv);
    joined.backend.acks = 5;
    joined.backend.all_drained = true;
    unit::check(joined.turn_after(1));
    unit::equal(joined.client_gets(), "close 1001; "sv);
    unit::equal(joined.client.calls, "gather "sv);
    unit::equal(joined.client.finishes, 1);
    joined.client.ends();
    joined.backend.ends();
    unit::check(!joined.turn());
    unit::equal(joined.host.orders, "finish backend; write the last; finish client; end; "sv);
    unit::equal(joined.facts().close_code, CloseCode::going_away);
    unit::equal(joined.facts().ended_by, Side::client);
}

void delivers_what_the_client_said_before_its_end(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client.ends();
    unit::check(!joined.turn());
    unit::equal(joined.backend.written, "hello"sv);
    unit::equal(joined.facts().close_code, CloseCode::abnormal);
    unit::equal(joined.backend.finishes, 1);
}

void passes_on_what_the_backend_said_before_its_end(void **) {
    Joined joined;
    joined.backend.says("bye").ends();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "binary bye; close 1000; "sv);
    unit::equal(joined.facts().ended_by, Side::backend);
}

void tells_the_client_of_a_code_point_that_the_backends_end_cuts(void **) {
    Joined joined(plain(), 1000, {.outgoing = ws::Opcode::text});
    joined.backend.says("a\xe2\x82").ends();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "text a; close 1011 backend closed inside a UTF-8 code point; "sv);
    unit::equal(joined.facts().ended_by, Side::backend);
}

void blames_the_gateway_for_text_that_is_none(void **) {
    Joined joined(plain(), 1000, {.outgoing = ws::Opcode::text});
    joined.backend.says("a\xff");
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "text a; close 1011 backend sent bytes that are not UTF-8; "sv);
    unit::equal(joined.facts().ended_by, Side::gateway);
}

void takes_a_stream_that_tls_did_not_end_for_ended_or_cut(void **) {
    Joined lenient;
    lenient.backend.says("bye").is_cut();
    unit::check(lenient.turn());
    unit::equal(lenient.client_gets(), "binary bye; close 1000; "sv);

    ws::RelayOptions options = plain();
    options.tunnel.needs_close_notify = true;
    Joined strict(options);
    strict.backend.says("bye").is_cut();
    unit::check(strict.turn());
    unit::equal(strict.client_gets(),
                "binary bye; close 1011 backend closed without close_notify; "sv);
}

// --- resets

void counts_what_the_clients_kernel_still_has_when_the_backend_is_reset(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    joined.backend.acks = 2;
    joined.backend.takes = 0;
    joined.client_says(unit::data, "held").client_says(unit::data, "unread");
    joined.backend.is_reset();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "close 1011 13 bytes undelivered, backend connection was reset; "sv);
    unit::equal(joined.host.lent, 0);
}

// No more of it than a turn may take.
void reads_a_bounded_number_of_times_when_the_backend_is_reset(void **) {
    Joined joined;
    unit::check(joined.turn());
    for (unsigned i = 0; i < 20; ++i) {
        joined.client_says(unit::data, "c");
    }
    joined.backend.takes = 0;
    joined.backend.is_reset();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "close 1011 9 bytes undelivered, backend connection was reset; "sv);
}

void finds_the_clients_close_before_the_reset(void **) {
    Joined joined;
    unit::check(joined.turn());
    joined.backend.takes = 0;
    joined.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    joined.backend.is_reset();
    unit::check(joined.turn());
    unit::equal(joined.facts().ended_by, Side::client);
    unit::equal(joined.client_gets(),
                "close 1011 5 bytes undelivered, backend connection was reset; "sv);
}

// Behind its FIN, and by an event alone.
void takes_a_backend_that_breaks_behind_its_end_for_reset(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello");
    joined.backend.ends();
    unit::check(joined.turn());
    joined.is_in(Phase::delivering);
    joined.backend.broken = true;
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "close 1011 5 bytes undelivered, backend connection was reset; "sv);
    unit::equal(joined.facts().why, "backend connection was reset"sv);
}

void takes_an_end_of_a_broken_connection_for_a_reset(void **) {
    Joined backend;
    backend.client_says(unit::data, "hello");
    backend.backend.broken = true;
    backend.backend.ends();
    unit::check(backend.turn());
    unit::equal(backend.facts().why, "backend connection was reset"sv);

    Joined client;
    client.client_says(unit::close_frame, going_away);
    client.client.broken = true;
    client.client.ends();
    client.backend.all_drained = false;
    unit::check(client.turn());
    client.is_in(Phase::draining);
    unit::equal(client.client_gets(), ""sv);
}

void drops_a_client_that_breaks_behind_its_end(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    joined.client.ends();
    joined.backend.all_drained = false;
    unit::check(joined.turn());
    joined.is_in(Phase::delivering);
    joined.client.broken = true;
    unit::check(joined.turn());
    joined.is_in(Phase::draining);
    unit::equal(joined.client_gets(), ""sv);
}

void takes_a_client_whose_connection_breaks_for_lost(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello").client.is_reset();
    joined.backend.all_drained = false;
    unit::check(joined.turn());
    joined.is_in(Phase::draining);
    unit::equal(joined.backend.written, "hello"sv);
    unit::equal(joined.facts().close_code, CloseCode::abnormal);
    joined.backend.all_drained = true;
    unit::check(!joined.turn_after(1));
}

void asks_again_after_a_side_that_does_not_tell_that_it_breaks(void **) {
    for (const bool client : {true, false}) {
        ws::RelayOptions options = plain();
        options.tunnel.half_close = true;
        Joined joined(options);
        joined.client.polled = client;
        joined.backend.polled = !client;
        if (client) {
            joined.client_says(unit::close_frame, going_away).client.ends();
        } else {
            joined.backend.ends();
        }
        unit::check(joined.turn());
        joined.is_in(Phase::half_closed);
        unit::equal(joined.relay->wake_at(), joined.now + 1);
    }
}

// --- writing

void takes_what_a_backend_said_before_its_connection_did_not_take_more(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello");
    joined.backend.loses_writes = true;
    joined.backend.says("last words").is_reset();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "binary last words; close 1011 5 bytes undelivered, backend connection was "
                "reset; "sv);
}

void gives_up_a_backend_that_takes_nothing(void **) {
    Joined joined;
    joined.backend.takes = 3;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    joined.client_says(unit::data, "and more");
    unit::check(joined.turn_after(1000));
    unit::equal(joined.host.orders, "drop backend; write what is due; "sv);
    unit::equal(joined.client_gets(), "close 1013 13 bytes undelivered, backend takes no data; "sv);
    unit::equal(joined.host.told, "late 1000; "sv);
}

void resets_a_backend_whose_stream_is_cut(void **) {
    Joined joined;
    joined.client_says(0x02, "half");
    unit::check(joined.turn());
    joined.relay->stop(CloseCode::internal_error, "request was aborted", joined.now);
    unit::equal(joined.backend.finishes, 0);
    joined.relay->release(joined.now);
    unit::check(joined.backend.calls.find("abort") != std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_each_phase),
        cmocka_unit_test(is_idle_only_when_nothing_is_under_way_to_either_side),
        cmocka_unit_test(answers_a_close_when_the_backend_has_all),
        cmocka_unit_test(delivers_what_the_client_said_before_its_end),
        cmocka_unit_test(passes_on_what_the_backend_said_before_its_end),
        cmocka_unit_test(tells_the_client_of_a_code_point_that_the_backends_end_cuts),
        cmocka_unit_test(blames_the_gateway_for_text_that_is_none),
        cmocka_unit_test(takes_a_stream_that_tls_did_not_end_for_ended_or_cut),
        cmocka_unit_test(counts_what_the_clients_kernel_still_has_when_the_backend_is_reset),
        cmocka_unit_test(reads_a_bounded_number_of_times_when_the_backend_is_reset),
        cmocka_unit_test(finds_the_clients_close_before_the_reset),
        cmocka_unit_test(takes_a_backend_that_breaks_behind_its_end_for_reset),
        cmocka_unit_test(takes_an_end_of_a_broken_connection_for_a_reset),
        cmocka_unit_test(drops_a_client_that_breaks_behind_its_end),
        cmocka_unit_test(takes_a_client_whose_connection_breaks_for_lost),
        cmocka_unit_test(asks_again_after_a_side_that_does_not_tell_that_it_breaks),
        cmocka_unit_test(takes_what_a_backend_said_before_its_connection_did_not_take_more),
        cmocka_unit_test(gives_up_a_backend_that_takes_nothing),
        cmocka_unit_test(resets_a_backend_whose_stream_is_cut),
    };
    return unit::run("ws_relay/relay_end", tests);
}
