#include "t/unit/unit.hpp"

#include "t/unit/ws_status/boards.hpp"

#include "ngx_ws_filter/ws_status/places.hpp"
#include "ngx_ws_filter/ws_status/session_list.hpp"
#include "ngx_ws_filter/ws_status/tally.hpp"

#include <algorithm>
#include <array>
#include <tuple>

using ws::Counters;
using ws::Facts;
using ws::Metric;
using ws::Side;
using ws::Tally;

namespace {

constexpr std::size_t client = ws::label_of(Side::client);
constexpr std::size_t backend = ws::label_of(Side::backend);

[[nodiscard]] std::uint64_t value(const Counters &counters, Metric metric, std::size_t label = 0) {
    ws::Sums sums;
    counters.add_to(sums, true);
    return sums.at(ws::family(metric), label);
}

void counts_while_the_session_runs(void **) {
    Counters counters;
    Tally tally(counters, 1000);
    unit::equal(value(counters, Metric::sessions), 1);
    Facts facts{};
    facts.bytes_in = 10;
    facts.frames_out = 3;
    ws::CompressionCounts compressed;
    compressed.plain_in = 7;
    facts.compressed = &compressed;
    tally.take(facts);
    unit::equal(value(counters, Metric::payload_bytes, client), 10);
    facts.bytes_in = 15;
    facts.bytes_out = 4;
    tally.take(facts);
    tally.take(facts);
    unit::equal(value(counters, Metric::payload_bytes, client), 15);
    unit::equal(value(counters, Metric::payload_bytes, backend), 4);
    unit::equal(value(counters, Metric::frames, backend), 3);
    unit::equal(value(counters, Metric::plain_bytes, client), 7);
}

void a_session_that_waits_for_its_client_is_seen(void **) {
    Counters counters;
    Tally tally(counters, 0);
    Facts facts{};
    facts.phase = ws::Phase::detached;
    tally.take(facts);
    tally.take(facts);
    unit::equal(value(counters, Metric::detached_sessions), 1);
    facts.phase = ws::Phase::open;
    tally.take(facts);
    unit::equal(value(counters, Metric::detached_sessions), 0);
    facts.phase = ws::Phase::detached;
    tally.take(facts);
    tally.end(facts, 1);
    unit::equal(value(counters, Metric::detached_sessions), 0);
}

void a_session_that_moves_is_counted_where_it_is(void **) {
    Counters here;
    Counters there;
    Facts facts{};
    facts.bytes_in = 10;
    facts.bytes_out = 20;
    facts.frames_in = 3;
    facts.frames_out = 4;
    facts.phase = ws::Phase::detached;
    Tally before(here, 1000);
    before.hand_over(facts);
    unit::equal(value(here, Metric::sessions), 0);
    unit::equal(value(here, Metric::detached_sessions), 0);
    unit::equal(value(here, Metric::payload_bytes, client), 10);

    Tally after(there, 9000);
    after.go_on(facts, 7500);
    unit::equal(after.begun_at(), 1500);
    facts.bytes_in = 11;
    facts.frames_out = 5;
    after.take(facts);
    unit::equal(value(there, Metric::sessions), 1);
    unit::equal(value(there, Metric::payload_bytes, client), 1);
    unit::equal(value(there, Metric::payload_bytes, backend), 0);
    unit::equal(value(there, Metric::frames, client), 0);
    unit::equal(value(there, Metric::frames, backend), 1);
}

void a_stall_is_seen_while_it_lasts(void **) {
    Counters counters;
    Tally tally(counters, 0);
    Facts facts{};
    facts.client_stalls = true;
    facts.stalled_by_client = 100;
    tally.take(facts);
    unit::check(tally.stalls());
    unit::equal(value(counters, Metric::stalled_sessions, client), 1);
    unit::equal(value(counters, Metric::stalled_sessions, backend), 0);
    facts.stalled_by_client = 5100;
    tally.take(facts);
    unit::equal(value(counters, Metric::stalls, client), 5100);
    facts.client_stalls = false;
    tally.take(facts);
    unit::check(!tally.stalls());
    unit::equal(value(counters, Metric::stalled_sessions, client), 0);
    facts.backend_stalls = true;
    tally.take(facts);
    unit::check(tally.stalls());
}

void the_end_takes_back_what_was_true_only_of_the_session(void **) {
    Counters counters;
    Tally tally(counters, 1000);
    Facts facts{};
    facts.backend_stalls = true;
    tally.take(facts);
    facts.ended_by = Side::gateway;
    facts.close_code = ws::CloseCode::policy_violation;
    facts.undelivered_to_backend = 12;
    facts.bytes_in = 12;
    tally.end(facts, 3500);
    unit::equal(value(counters, Metric::sessions), 0);
    unit::equal(value(counters, Metric::stalled_sessions, backend), 0);
    unit::equal(value(counters, Metric::payload_bytes, client), 12);
    unit::equal(value(counters, Metric::undelivered_bytes, backend), 12);
    unit::equal(
        value(counters, Metric::closes, ws::close_label(1008) * 3 + ws::label_of(Side::gateway)),
        1);
    unit::equal(value(counters, Metric::durations, 2), 1);
    unit::equal(value(counters, Metric::receipts, 0), 0);
}

void receipts_are_given_or_refused(void **) {
    Counters counters;
    for (const ws::Receipt receipt :
         {ws::Receipt::given, ws::Receipt::refused, ws::Receipt::given, ws::Receipt::none}) {
        Facts facts{};
        facts.receipt = receipt;
        Tally(counters, 0).end(facts, 0);
    }
    unit::equal(value(counters, Metric::receipts, 0), 2);
    unit::equal(value(counters, Metric::receipts, 1), 1);
}

void pings_and_late_pongs_are_counted(void **) {
    Counters counters;
    Tally tally(counters, 0);
    tally.ping();
    tally.pong(3);
    tally.late(ws::Deadline::pong);
    tally.late(ws::Deadline::acknowledgement);
    tally.late(ws::Deadline::idle);
    unit::equal(value(counters, Metric::pings), 1);
    unit::equal(value(counters, Metric::pongs), 1);
    unit::equal(value(counters, Metric::pong_timeouts), 2);
    unit::equal(value(counters, Metric::round_trips, 2), 1);
}

// --- the list

struct Listing {
    unit::Memory memory;
    ws::Board board;
    ws::Seat *seat = board.sit({.pid = 7, .started = 1}, memory);
    ws::Places places{board, *seat, memory};

    ws::Shelf::Place &add(std::uint64_t number, ws::Millis stalled = 0) {
        ws::Shelf::Place *place = places.take();
        place->entry.open({.number = number,
                           .begun_at = 1000,
                           .worker = 7,
                           .zone = "zone",
                           .client = "192.0.2.1",
                           .location = "/chat",
                           .upstream = "[::1]:80",
                           .subprotocol = "mqtt"});
        Facts facts{};
        facts.phase = ws::Phase::open;
        facts.bytes_in = number;
        facts.stalled_by_client = stalled;
        place->entry.update(facts);
        return *place;
    }

    [[nodiscard]] std::string_view written(const ws::StatusQuery &query) {
        std::array<ws::SessionList::Candidate, 40> candidates;
        const ws::SessionList list(
            board, memory, query,
            std::span{candidates}.first(ws::SessionList::count(board, memory)));
        ws::Text text(room_);
        list.write_json(3500, text);
        unit::check(text.size() <= list.most_json());
        return {room_.data(), text.size()};
    }

private:
    std::array<char, 65536> room_;
};

void lists_what_is_known_of_a_session(void **) {
    Listing listing;
    (void)listing.add(42, 1500);
    unit::equal(listing.written({}),
                "{\"sessions\":[{\"number\":42,\"zone\":\"zone\",\"client\":\"192.0.2.1\","
                "\"location\":\"/chat\",\"upstream\":\"[::1]:80\",\"subprotocol\":\"mqtt\","
                "\"worker\":7,\"age\":2.500,\"phase\":\"open\",\"bytes_in\":42,\"bytes_out\":0,"
                "\"frames_in\":0,\"frames_out\":0,\"unacknowledged_client\":null,"
                "\"unacknowledged_backend\":null,\"stall_client\":1.500,\"stall_backend\":0,"
                "\"client_stalls\":false,\"backend_stalls\":false,\"rtt\":null}],\"next\":null}\n");
}

void lists_a_page_at_a_time(void **) {
    Listing listing;
    for (const std::uint64_t number : {30U, 10U, 20U, 25U}) {
        (void)listing.add(number);
    }
    ws::StatusQuery query;
    query.limit = 2;
    const std::string_view first = listing.written(query);
    unit::check(first.starts_with("{\"sessions\":[{\"number\":10,"));
    unit::check(first.find("{\"number\":20,") != std::string_view::npos);
    unit::check(first.ends_with("\"next\":20}\n"));
    query.after = 20;
    const std::string_view second = listing.written(query);
    unit::check(second.starts_with("{\"sessions\":[{\"number\":25,"));
    unit::check(second.ends_with("\"next\":null}\n"));
    query.after = 30;
    unit::equal(listing.written(query), "{\"sessions\":[],\"next\":null}\n");
}

void lists_who_stalls(void **) {
    Listing listing;
    ws::Entry &entry = listing.add(1).entry;
    for (const auto &[client_stalls, backend_stalls, text] :
         {std::tuple{true, false, "\"client_stalls\":true,\"backend_stalls\":false,"},
          std::tuple{false, true, "\"client_stalls\":false,\"backend_stalls\":true,"}}) {
        Facts facts{};
        facts.client_stalls = client_stalls;
        facts.backend_stalls = backend_stalls;
        entry.update(facts);
        unit::check(listing.written({}).find(text) != std::string_view::npos);
    }
}

// Sessions begin and end while the list is made.
void lists_no_more_than_it_has_room_for_and_none_that_is_gone(void **) {
    Listing listing;
    ws::Shelf::Place &gone = listing.add(1);
    (void)listing.add(2);
    (void)listing.add(3);
    std::array<ws::SessionList::Candidate, 2> room;
    const ws::SessionList list(listing.board, listing.memory, {}, room);
    listing.places.give_back(gone);
    std::array<char, 4096> characters;
    ws::Text text(characters);
    list.write_json(3500, text);
    const std::string_view written{characters.data(), text.size()};
    unit::check(written.starts_with("{\"sessions\":[{\"number\":2,"));
    unit::check(written.find("\"number\":3,") == std::string_view::npos);
}

void a_copy_says_whose_session_it_is(void **) {
    ws::Entry entry;
    entry.open({.number = 2,
                .begun_at = 0,
                .worker = 8,
                .zone = "zone",
                .client = "192.0.2.7",
                .location = "/",
                .upstream = "u",
                .subprotocol = {}});
    ws::EntryCopy copy;
    unit::check(entry.read(2, copy));
    unit::equal(copy.client(), std::string_view{"192.0.2.7"});
}

void lists_nothing_of_a_process_that_is_gone(void **) {
    Listing listing;
    (void)listing.add(1);
    ws::Seat *other = listing.board.sit({.pid = 8, .started = 1}, listing.memory);
    ws::Places places(listing.board, *other, listing.memory);
    places.take()->entry.open({.number = 2,
                               .begun_at = 0,
                               .worker = 8,
                               .zone = "z",
                               .client = "c",
                               .location = "/",
                               .upstream = "u",
                               .subprotocol = {}});
    listing.memory.dead = {.pid = 7, .started = 1};
    unit::check(listing.written({}).starts_with("{\"sessions\":[{\"number\":2,"));
}

void lists_the_slowest_first(void **) {
    Listing listing;
    (void)listing.add(1, 10);
    (void)listing.add(2, 500);
    ws::Shelf::Place &gone = listing.add(3, 900);
    listing.places.give_back(gone);
    ws::StatusQuery query;
    query.order = ws::StatusQuery::Order::slowest;
    query.limit = 1;
    const std::string_view text = listing.written(query);
    unit::check(text.starts_with("{\"sessions\":[{\"number\":2,"));
    unit::check(text.ends_with("\"next\":null}\n"));
}

void what_is_not_acknowledged_is_told_only_while_it_is_known(void **) {
    Listing listing;
    ws::Entry &entry = listing.add(1).entry;
    const auto has = [&](std::string_view text) {
        return listing.written({}).find(text) != std::string_view::npos;
    };
    entry.set_unacknowledged(0, 17, 3000);  // the list is written at 3500
    unit::check(has("\"unacknowledged_client\":0,\"unacknowledged_backend\":17,"));
    entry.set_unacknowledged(0, 17, 400);
    unit::check(has("\"unacknowledged_client\":0,\"unacknowledged_backend\":null,"));
    entry.forget_unacknowledged();
    unit::check(has("\"unacknowledged_client\":null,\"unacknowledged_backend\":null,"));
}

void somebody_looks_for_a_while(void **) {
    ws::Board board;
    unit::check(!board.is_looked_at(1000));
    board.note_look(1000);
    unit::check(board.is_looked_at(10999));
    unit::check(!board.is_looked_at(11000));
}

void the_longest_texts_fit(void **) {
    Listing listing;
    std::array<char, 300> quotes;
    quotes.fill('"');
    const std::string_view text{quotes.data(), quotes.size()};
    ws::Shelf::Place *place = listing.places.take();
    place->entry.open({.number = UINT64_MAX,
                       .begun_at = 0,
                       .worker = UINT64_MAX,
                       .zone = text,
                       .client = text,
                       .location = text,
                       .upstream = text,
                       .subprotocol = text});
    Facts facts{};
    facts.phase = ws::Phase::half_closed;
    for (std::uint64_t *big :
         {&facts.bytes_in, &facts.bytes_out, &facts.frames_in, &facts.frames_out, &facts.round_trip,
          &facts.stalled_by_client, &facts.stalled_by_backend}) {
        *big = UINT64_MAX;
    }
    place->entry.update(facts);
    place->entry.set_unacknowledged(UINT64_MAX, UINT64_MAX, UINT64_MAX - 3000);
    unit::check(std::ranges::count(listing.written({}), '\\') == 256);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_while_the_session_runs),
        cmocka_unit_test(a_session_that_waits_for_its_client_is_seen),
        cmocka_unit_test(a_session_that_moves_is_counted_where_it_is),
        cmocka_unit_test(a_stall_is_seen_while_it_lasts),
        cmocka_unit_test(the_end_takes_back_what_was_true_only_of_the_session),
        cmocka_unit_test(receipts_are_given_or_refused),
        cmocka_unit_test(pings_and_late_pongs_are_counted),
        cmocka_unit_test(lists_what_is_known_of_a_session),
        cmocka_unit_test(a_copy_says_whose_session_it_is),
        cmocka_unit_test(lists_a_page_at_a_time),
        cmocka_unit_test(lists_who_stalls),
        cmocka_unit_test(lists_no_more_than_it_has_room_for_and_none_that_is_gone),
        cmocka_unit_test(lists_nothing_of_a_process_that_is_gone),
        cmocka_unit_test(lists_the_slowest_first),
        cmocka_unit_test(what_is_not_acknowledged_is_told_only_while_it_is_known),
        cmocka_unit_test(somebody_looks_for_a_while),
        cmocka_unit_test(the_longest_texts_fit),
    };
    return unit::run("tally", tests);
}
