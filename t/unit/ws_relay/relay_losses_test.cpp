// Bytes that a relay drops, cannot hold, or leaves behind when it is stopped.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_literals;
using namespace std::string_view_literals;
using unit::Joined;
using unit::plain;
using ws::CloseCode;
using ws::Phase;
using ws::Side;

namespace {

constexpr auto going_away = "\x03\xe9"sv;

// --- bytes that nobody wants

void reads_and_drops_what_a_client_says_before_its_close(void **) {
    Joined joined;
    joined.backend.ends();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(), "close 1000; "sv);
    joined.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    unit::check(joined.turn());
    unit::equal(joined.backend.written, ""sv);
    joined.client.ends();
    unit::check(!joined.turn());
    joined.relay->release(joined.now);
    unit::equal(joined.facts().undelivered_to_backend, 5);
}

void counts_what_it_drops_once(void **) {
    Joined joined;
    joined.backend.ends();
    unit::check(joined.turn());
    unit::ClientStream stream;
    stream.frame(unit::data, "hello").frame(unit::ping, "x").frame(unit::data, "more");
    joined.client.says(stream.bytes());
    unit::check(joined.turn());
    joined.relay->release(joined.now);
    unit::equal(joined.facts().undelivered_to_backend, 9);
}

// The bytes mean nothing then, not even to TLS.
void looks_only_for_the_end_behind_its_own(void **) {
    Joined joined;
    joined.client_says(unit::close_frame, going_away);
    unit::check(joined.turn());
    joined.is_in(Phase::draining);
    joined.client.says("no frame at all");
    joined.backend.says("words to nobody");
    const unsigned reads = joined.client.reads + joined.backend.reads;
    unit::check(joined.turn());
    unit::equal(joined.client.reads + joined.backend.reads, reads);
    unit::equal(joined.client.discards, 1);
    unit::equal(joined.backend.discards, 1);
    unit::equal(joined.facts().bytes_out, 0);
    joined.relay->release(joined.now);
    unit::equal(joined.facts().undelivered_to_backend, 0);
}

void takes_no_more_of_a_talking_backend_than_it_must(void **) {
    constexpr std::size_t much = 9U << 20U;
    Joined joined(plain(), 65'536);
    joined.client_says(unit::close_frame, going_away);
    unit::check(joined.turn());
    joined.backend.says(std::string(much, 'x'));
    unsigned turns = 0;
    while (joined.host.orders.find("reset backend") == std::string::npos) {
        unit::check(joined.turn());
        unit::check(++turns < 100);
    }
    unit::equal(joined.backend.discards, 128);
    unit::check(joined.backend.readable());
    unit::check(joined.backend.calls.starts_with("abort "));
}

// --- want of memory

// Two hundred bytes that have to be whole, more than the room for what comes out, and a message
// behind them.
struct Overfull {
    Overfull() : loan(framer), joined(framer, loan, 130) {
        joined.client_says(0x02, half).client_says(0x00, half);
        unit::ClientStream stream;
        joined.client.says(stream.frame(0x80, "").frame(unit::data, "more").bytes());
    }

    const std::string half = std::string(100, 'x');
    const std::string whole = "\0\0\0\xc8"s + half + half;
    ws::FramingSettings settings{.kind = ws::FramingKind::length};
    ws::Framer framer{settings};
    unit::OneLoan loan;
    Joined joined;
};

void waits_with_what_has_no_room_yet(void **) {
    Overfull overfull;
    unit::check(overfull.joined.turn());
    unit::equal(overfull.joined.backend.written, overfull.whole + "\0\0\0\4more"s);
    unit::equal(overfull.joined.host.lent, 0);
}

void closes_when_there_is_no_memory_for_what_waits(void **) {
    Overfull overfull;
    overfull.joined.host.has_memory = false;
    unit::check(overfull.joined.turn());
    unit::equal(overfull.joined.backend.written, std::string_view(overfull.whole).substr(0, 130));
    unit::equal(overfull.joined.facts().why, "gateway has no memory"sv);
    unit::check(overfull.joined.relay->tunnel().is_cut());
}

// The reset comes while a part of it waits.
void counts_what_waits_when_the_backend_is_reset(void **) {
    Overfull overfull;
    Joined &joined = overfull.joined;
    joined.backend.takes = 0;
    joined.backend.is_reset();
    unit::check(joined.turn());
    unit::equal(joined.client_gets(),
                "close 1011 212 bytes undelivered, backend connection was reset; "sv);
}

// Nothing more can be read of a client that has ended, or ends meanwhile.
void looks_for_no_more_than_a_client_has_said(void **) {
    Joined ended;
    ended.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    ended.client.ends();
    unit::check(ended.turn());
    ended.backend.is_reset();
    unit::check(!ended.turn());
    unit::equal(ended.client_gets(),
                "close 1011 5 bytes undelivered, backend connection was reset; "sv);

    Joined ends;
    ends.backend.takes = 0;
    ends.client_says(unit::data, "hello").client_says(unit::close_frame, going_away);
    ends.client.ends();
    ends.backend.is_reset();
    unit::check(!ends.turn());
    unit::equal(ends.client_gets(),
                "close 1011 5 bytes undelivered, backend connection was reset; "sv);
    unit::check(!ends.relay->tunnel().client_speaks());
}

// What waits is dropped and counted when the session ends, and the stream is cut there.
void counts_what_waits_when_the_backend_is_full(void **) {
    Overfull overfull;
    Joined &joined = overfull.joined;
    joined.backend.takes = 0;
    unit::check(joined.turn());
    joined.backend.ends();
    unit::check(joined.turn());
    unit::check(joined.relay->tunnel().is_cut());
    joined.relay->release(joined.now);
    unit::equal(joined.facts().undelivered_to_backend, 4 + 200 + 4);
    unit::check(joined.backend.calls.find("abort") != std::string::npos);
}

class Nobody final : public ws::Lender {};

void closes_when_there_is_no_memory_for_a_message(void **) {
    const ws::FramingSettings u32{.kind = ws::FramingKind::length};
    ws::Framer framer(u32);
    Nobody nobody;
    Joined joined(framer, nobody);
    joined.client_says(unit::data, "whole").client_says(0x02, "half");
    joined.client_says(unit::ping, "x");
    unit::check(joined.turn());
    unit::equal(joined.backend.written, "\0\0\0\5whole"sv);
    unit::equal(joined.facts().why, "gateway has no memory"sv);
    unit::equal(joined.client_gets(), "close 1013 gateway has no memory; "sv);
    // Half a message must not look like the end of the stream.
    unit::equal(joined.host.orders, "reset backend; "sv);
}

void loses_a_side_whose_bytes_it_cannot_hold(void **) {
    Joined to_client;
    to_client.host.has_memory = false;
    to_client.client.takes = 2;
    to_client.backend.says("hello");
    unit::check(to_client.turn());
    unit::equal(to_client.client.calls, "breaks "sv);
    to_client.client.ends();
    unit::check(!to_client.turn());
    unit::equal(to_client.facts().ended_by, Side::client);

    Joined to_backend;
    to_backend.host.has_memory = false;
    to_backend.backend.takes = 2;
    to_backend.client_says(unit::data, "hello");
    unit::check(to_backend.turn());
    unit::equal(to_backend.backend.calls, "breaks "sv);
    to_backend.backend.ends();
    unit::check(to_backend.turn());
    unit::equal(to_backend.client_gets(),
                "close 1011 5 bytes undelivered, backend connection was reset; "sv);
}

// Behind the ends of both sides, a lane that is lost is all that tells of it.
void loses_a_side_whose_bytes_it_cannot_hold_behind_its_end(void **) {
    ws::RelayOptions options = plain();
    options.tunnel.half_close = true;
    Joined to_backend(options);
    to_backend.backend.tells_of_breaks = false;
    to_backend.backend.ends();
    unit::check(to_backend.turn());
    to_backend.is_in(Phase::half_closed);
    to_backend.host.has_memory = false;
    to_backend.backend.takes = 2;
    to_backend.client_says(unit::data, "hello");
    unit::check(to_backend.turn());
    unit::equal(to_backend.facts().why, "backend connection was reset"sv);

    Joined to_client(options);
    to_client.client.tells_of_breaks = false;
    to_client.client_says(unit::close_frame, going_away).client.ends();
    unit::check(to_client.turn());
    to_client.is_in(Phase::half_closed);
    to_client.host.has_memory = false;
    to_client.client.takes = 2;
    to_client.backend.says("hello");
    unit::check(!to_client.turn());
    unit::equal(to_client.facts().close_code, CloseCode::abnormal);
}

// --- stopped, and released

void says_goodbye_past_all_bounds(void **) {
    Joined joined;
    joined.backend.takes = 2;
    joined.client.takes = 3;
    joined.client_says(unit::data, "hello");
    joined.backend.says("one");
    unit::check(joined.turn());
    joined.relay->stop(CloseCode::going_away, "gateway is shutting down", joined.now);
    joined.is_in(Phase::over);
    unit::equal(joined.backend.written, "hello"sv);
    unit::equal(joined.client_gets(), "binary one; close 1001 gateway is shutting down; "sv);
    unit::equal(joined.backend.finishes, 1);
    unit::equal(joined.client.finishes, 1);
    const std::string orders = joined.host.orders;
    joined.relay->stop(CloseCode::going_away, "again", joined.now);
    unit::equal(joined.host.orders, orders);
}

void counts_what_is_lost_when_it_is_released(void **) {
    Joined joined;
    joined.backend.takes = 2;
    joined.client_says(unit::data, "hello");
    joined.backend.says("one");
    unit::check(joined.turn());
    unit::equal(joined.facts().undelivered_to_backend, 0);
    joined.client.acks = 3;  // two of them are the header
    joined.backend.acks = 2;
    joined.relay->release(joined.now);
    unit::equal(joined.facts().undelivered_to_backend, 3);
    unit::equal(joined.facts().undelivered_to_client, 2);
    unit::equal(joined.host.lent, 0);
    // Bytes were left behind, so that the backend must not take its stream for a whole one.
    unit::check(joined.backend.calls.starts_with("abort "));
}

void resets_no_backend_that_has_all(void **) {
    Joined joined;
    joined.client_says(unit::data, "hello");
    unit::check(joined.turn());
    joined.backend.acks = 5;
    joined.relay->release(joined.now);
    unit::equal(joined.backend.calls, "lose "sv);
    unit::equal(joined.facts().undelivered_to_backend, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_drops_what_a_client_says_before_its_close),
        cmocka_unit_test(counts_what_it_drops_once),
        cmocka_unit_test(looks_only_for_the_end_behind_its_own),
        cmocka_unit_test(takes_no_more_of_a_talking_backend_than_it_must),
        cmocka_unit_test(waits_with_what_has_no_room_yet),
        cmocka_unit_test(closes_when_there_is_no_memory_for_what_waits),
        cmocka_unit_test(counts_what_waits_when_the_backend_is_reset),
        cmocka_unit_test(looks_for_no_more_than_a_client_has_said),
        cmocka_unit_test(counts_what_waits_when_the_backend_is_full),
        cmocka_unit_test(closes_when_there_is_no_memory_for_a_message),
        cmocka_unit_test(loses_a_side_whose_bytes_it_cannot_hold),
        cmocka_unit_test(loses_a_side_whose_bytes_it_cannot_hold_behind_its_end),
        cmocka_unit_test(says_goodbye_past_all_bounds),
        cmocka_unit_test(counts_what_is_lost_when_it_is_released),
        cmocka_unit_test(resets_no_backend_that_has_all),
    };
    return unit::run("ws_relay/relay_losses", tests);
}
