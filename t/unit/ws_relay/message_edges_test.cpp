// Where messages of a session that can be resumed meet the end of a room, of memory or of a stream.
#include "t/unit/ws_relay/resumed.hpp"

#include "ngx_ws_filter/ws_relay/message_translator.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::number_command;
using ws::MessageTranslator;
using ws::Phase;
using ws::Relay;
using ws::Tag;

namespace {

constexpr ws::FramingSettings lines{.kind = ws::FramingKind::line};
constexpr ws::FramingSettings growing_lines{
    .kind = ws::FramingKind::line, .crlf = true, .split = true};
constexpr ws::FramingSettings records{.kind = ws::FramingKind::length, .length_size = 1};
constexpr auto normal_close = "\x03\xe8"sv;

struct Framed {
    explicit Framed(const ws::FramingSettings &settings) : framing(settings) {}

    ws::FramingSettings framing;
    ws::Framer framer{framing};
    unit::OneLoan loan{framer};
    MessageTranslator::Options options{.framer = &framer, .max_message = 0};
};

[[nodiscard]] ws::ResumeTerms message_terms() {
    ws::ResumeTerms terms = unit::terms();
    terms.limits.keeps_messages = true;
    return terms;
}

using Relayed = unit::ResumedBy<MessageTranslator, MessageTranslator::Options, unit::OneLoan>;

// The client's messages are of any length.
class Edge : public Framed, public Relayed {
public:
    explicit Edge(const ws::FramingSettings &settings, std::size_t scratch = 1000)
        : Framed(settings), Relayed(message_terms(), unit::plain(), scratch, options, loan) {}

    // What the client gets but for the greeting.
    [[nodiscard]] std::string told() {
        constexpr std::string_view greeting = "connect a1; limits; ";
        const std::string got = client_gets();
        return got.starts_with(greeting) ? got.substr(greeting.size()) : got;
    }
    // What it gets on its next leg but for the greeting.
    [[nodiscard]] std::string told_again(std::uint64_t client_has) {
        come_back(client_has);
        for (unsigned turns = 0; turns < 10; ++turns) {
            goes_on();
        }
        const std::string got = second_gets();
        constexpr std::string_view last = "ack 0; ";
        const std::size_t at = got.find(last);
        return at == std::string::npos ? got : got.substr(at + last.size());
    }
    // One read brings both.
    void client_says_at_once(std::string_view first, std::string_view second_command) {
        unit::ClientStream stream;
        stream.frame(unit::data, first).frame(unit::data, second_command);
        client.says(stream.bytes());
    }
    void loses_its_client() {
        goes_on();
        client.is_reset();
        parts();
    }
    // The backend is cut off inside a line or a record, of which the client is told.
    void is_closing() {
        backend.says("\5ab").is_cut();
        goes_on();
        is_in(Phase::closing);
        (void)client_gets();
    }
    // No memory is lent for what has to be whole.
    void has_no_memory() {
        unit::check(loan.lend_memory());
        framer.hold_in({});
    }
};

// --- to the backend

void header_that_is_longer_than_the_room_is_read_in_parts(void **) {
    Edge edge(growing_lines, 60);
    // Behind 25 line ends there is room for four bytes of the next header.
    edge.client_says_at_once(bytes_command(Tag::data, std::string(25, '\n')),
                             bytes_command(Tag::data, "x"));
    edge.goes_on();
    std::string stream;
    for (unsigned i = 0; i < 25; ++i) {
        stream += "\r\n";
    }
    unit::equal(edge.backend.written, stream + "x\r\n");
}

void message_of_any_length_is_taken_where_there_is_no_limit(void **) {
    Edge edge(lines);
    const std::string part(900, 'x');
    for (unsigned i = 0; i < 10; ++i) {
        edge.client_says(bytes_command(i == 9 ? Tag::data : Tag::part, part));
        edge.goes_on();
    }
    unit::equal(edge.backend.written, std::string(9000, 'x') + '\n');
}

void record_that_has_no_room_behind_another_is_held_and_follows_it(void **) {
    Edge edge(records, 60);
    const std::string message(40, 'x');
    const std::string next(20, 'y');
    edge.client_says(bytes_command(Tag::part, message));
    edge.goes_on();
    unit::equal(edge.backend.written, ""sv);
    edge.client_says_at_once(bytes_command(Tag::data, "x"), bytes_command(Tag::data, next));
    edge.goes_on();
    unit::equal(edge.backend.written, '\x29' + message + 'x' + '\x14' + next);
}

void end_between_messages_ends_the_stream_to_the_backend(void **) {
    for (const ws::FramingSettings &framing : {lines, records}) {
        Edge edge(framing);
        edge.client_says(bytes_command(Tag::data, "one"));
        edge.client_says(number_command(Tag::eof, 3));
        edge.goes_on();
        edge.is_in(Phase::half_closed);
        unit::equal(edge.backend.written, framing.has_records() ? "\3one"sv : "one\n"sv);
        unit::equal(edge.backend.finishes, 1);
        unit::equal(edge.told(), ""sv);
    }
}

void refuses_a_message_behind_the_end(void **) {
    Edge edge(lines);
    edge.client_says(bytes_command(Tag::data, "one"));
    edge.client_says_at_once(number_command(Tag::eof, 3), bytes_command(Tag::data, "two"));
    (void)edge.turn_after(0);
    unit::equal(edge.backend.written, "one\n"sv);
    unit::equal(edge.told().substr(0, 10), "close 1002"sv);
}

void drops_more_than_the_room_holds_up_to_the_clients_close(void **) {
    Edge edge(growing_lines, 60);
    edge.is_closing();
    edge.client_says(bytes_command(Tag::data, std::string(90, '\n')));
    edge.client_says(normal_close, unit::close_frame).ends();
    unit::equal(edge.turn_after(0), Relay::Turn::over);
    unit::equal(edge.backend.written, ""sv);
    edge.relay->release(edge.now);
    unit::equal(edge.relay->facts(edge.now).undelivered_to_backend, 180);
}

void drops_what_there_is_no_memory_for_up_to_the_clients_close(void **) {
    Edge edge(records);
    edge.is_closing();
    edge.has_no_memory();
    edge.client_says(bytes_command(Tag::part, "x"));
    edge.goes_on();
    edge.client_says(normal_close, unit::close_frame).ends();
    unit::equal(edge.turn_after(0), Relay::Turn::over);
    unit::equal(edge.backend.written, ""sv);
}

// --- to the client

void line_that_is_cut_off_is_no_message(void **) {
    Edge edge(lines);
    edge.backend.says("one\ntwo").is_cut();
    edge.goes_on();
    const std::string got = edge.told();
    unit::check(got.starts_with("data one; part tw; "));
    unit::check(got.find("close 1011 backend was cut off inside a line") != std::string::npos);
}

// What the client has not answered it has perhaps not heard.
void line_that_is_cut_off_is_told_of_on_the_next_leg_too(void **) {
    Edge edge(lines);
    edge.backend.says("one\ntwo").is_cut();
    edge.loses_its_client();
    const std::string got = edge.told_again(0);
    unit::check(got.starts_with("data one; part tw; close 1011 "));
    unit::check(got.find("backend was cut off inside a line") != std::string::npos);
}

void line_that_is_cut_off_between_two_legs_is_told_of_on_the_next(void **) {
    Edge edge(lines);
    edge.loses_its_client();
    edge.backend.says("one\ntwo").is_cut();
    edge.goes_on();
    edge.is_in(Phase::detached);
    const std::string got = edge.told_again(0);
    unit::check(got.starts_with("data one; part tw; close 1011 "));
    unit::check(got.find("backend was cut off inside a line") != std::string::npos);
}

void record_that_is_too_long_is_told_of_on_the_next_leg_too(void **) {
    constexpr ws::FramingSettings short_records{
        .kind = ws::FramingKind::length, .length_size = 1, .max = 10};
    for (const bool between : {false, true}) {
        Edge edge(short_records);
        for (const bool now : {false, true}) {
            if (now == between) {
                edge.backend.says("\x03one\xc8" + std::string(99, 'x')).pauses();
                edge.goes_on();
            }
            if (!now) {
                edge.loses_its_client();
            }
        }
        edge.is_in(Phase::detached);
        unit::check(edge.relay->kept(edge.now).waiting.backend_lost);
        const std::string got = edge.told_again(0);
        unit::check(got.starts_with("data one; close 1011 "));
        unit::check(got.find("backend sent a record that is too long") != std::string::npos);
    }
}

// It has no replay any more, so that its next leg would lack bytes.
void last_line_that_has_no_place_in_the_replay_ends_the_session_with_its_leg(void **) {
    Edge edge(lines);
    edge.goes_on();
    edge.lender.most = 0;
    edge.lender.most_briefly = 9;
    edge.backend.says("one").ends();
    edge.goes_on();
    unit::check(!edge.relay->tunnel().is_kept());
    edge.client.is_reset();
    unit::equal(edge.turn_after(0), Relay::Turn::over);
}

void last_line_that_there_is_no_memory_for_ends_the_session(void **) {
    Edge edge(lines);
    edge.loses_its_client();
    edge.backend.says("one\ntw").ends();
    // The bytes have a place, and the end of the first line has none.
    edge.lender.most = 1;
    edge.lender.most_briefly = 0;
    unit::equal(edge.turn_after(0), Relay::Turn::over);
    unit::equal(edge.relay->facts(edge.now).why, "gateway has no memory for messages"sv);
}

void line_whose_end_there_is_no_memory_for_ends_the_session(void **) {
    Edge edge(lines);
    edge.loses_its_client();
    edge.backend.says("one\ntwo\n");
    edge.lender.most = 1;
    edge.lender.most_briefly = 0;
    unit::equal(edge.turn_after(0), Relay::Turn::over);
    unit::equal(edge.relay->facts(edge.now).why, "gateway has no memory for messages"sv);
}

void session_that_is_not_kept_ends_where_memory_ends(void **) {
    Edge edge(lines);
    edge.goes_on();
    edge.lender.most = 0;
    edge.lender.most_briefly = 9;
    edge.backend.says("one\n");
    edge.goes_on();
    unit::equal(edge.told(), "limits, not kept; data one; "sv);
    edge.lender.most_briefly = 0;
    edge.backend.says("two\n");
    (void)edge.turn_after(0);
    unit::equal(edge.told().substr(0, 32), "close 1011 gateway has no memory"sv);
}

void empty_messages_are_sent_as_many_as_there_is_room_for(void **) {
    Edge edge(lines, 100);
    edge.goes_on();
    (void)edge.told();
    edge.backend.says(std::string(90, '\n'));
    edge.goes_on();
    std::string all;
    for (unsigned i = 0; i < 90; ++i) {
        all += "empty " + std::to_string(i) + "; ";
    }
    unit::equal(edge.told(), all);
    unit::check(edge.client.writes > 3);
}

void message_that_is_longer_than_the_room_is_sent_in_parts(void **) {
    Edge edge(lines, 400);
    edge.loses_its_client();
    const std::string message(1500, 'x');
    edge.backend.says(message + '\n');
    edge.goes_on();
    std::string got = edge.told_again(0);
    std::size_t size = 0;
    unsigned parts = 0;
    for (; got.starts_with("part "); ++parts) {
        size += got.find(';') - "part "sv.size();
        got.erase(0, got.find(';') + 2);
    }
    unit::check(parts >= 2);
    unit::equal(got, "data " + message.substr(size) + "; ");
}

void empty_message_behind_all_bytes_comes_before_the_end(void **) {
    Edge edge(records);
    edge.loses_its_client();
    edge.backend.says("\3one\0"sv).ends();
    edge.goes_on();
    unit::equal(edge.told_again(0), "data one; empty 0; eof 3; close 1000; "sv);

    Edge nothing_else(records);
    nothing_else.loses_its_client();
    nothing_else.backend.says("\0"sv).ends();
    nothing_else.goes_on();
    unit::equal(nothing_else.told_again(0), "empty 0; eof 0; close 1000; "sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(header_that_is_longer_than_the_room_is_read_in_parts),
        cmocka_unit_test(message_of_any_length_is_taken_where_there_is_no_limit),
        cmocka_unit_test(record_that_has_no_room_behind_another_is_held_and_follows_it),
        cmocka_unit_test(end_between_messages_ends_the_stream_to_the_backend),
        cmocka_unit_test(refuses_a_message_behind_the_end),
        cmocka_unit_test(drops_more_than_the_room_holds_up_to_the_clients_close),
        cmocka_unit_test(drops_what_there_is_no_memory_for_up_to_the_clients_close),
        cmocka_unit_test(line_that_is_cut_off_is_no_message),
        cmocka_unit_test(line_that_is_cut_off_is_told_of_on_the_next_leg_too),
        cmocka_unit_test(line_that_is_cut_off_between_two_legs_is_told_of_on_the_next),
        cmocka_unit_test(record_that_is_too_long_is_told_of_on_the_next_leg_too),
        cmocka_unit_test(last_line_that_has_no_place_in_the_replay_ends_the_session_with_its_leg),
        cmocka_unit_test(last_line_that_there_is_no_memory_for_ends_the_session),
        cmocka_unit_test(line_whose_end_there_is_no_memory_for_ends_the_session),
        cmocka_unit_test(session_that_is_not_kept_ends_where_memory_ends),
        cmocka_unit_test(empty_messages_are_sent_as_many_as_there_is_room_for),
        cmocka_unit_test(message_that_is_longer_than_the_room_is_sent_in_parts),
        cmocka_unit_test(empty_message_behind_all_bytes_comes_before_the_end),
    };
    return unit::run("ws_relay/message_edges", tests);
}
