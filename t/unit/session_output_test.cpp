#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::ClientStream;
using unit::Cut;
using unit::Transcript;
using ws::CloseCode;
using ws::Event;
using ws::Opcode;
using ws::Session;

namespace {

// The control frames that are due and fit into `room`.
std::string_view due(Session &session, std::size_t room = Session::max_due_size) {
    static std::array<std::uint8_t, Session::max_due_size + 1> buffer;
    buffer.fill(0xee);
    const std::size_t size = session.write_due(std::span{buffer}.first(room));
    unit::check(size <= room);
    unit::equal(buffer[size], 0xee);
    return unit::text({buffer.data(), size});
}

// The session meets what a client sent, one control frame.
void meet(Session &session, const ClientStream &stream, Event wanted) {
    std::array<std::uint8_t, 200> bytes;
    std::ranges::copy(stream.bytes(), bytes.begin());
    ws::ReadBuffer buffer{bytes.data(), bytes.data(), bytes.data() + stream.size()};
    unit::equal(session.receive(buffer), wanted);
}

void meet_ping(Session &session, std::string_view payload) {
    meet(session, ClientStream{}.frame(0x89, payload), Event::ping);
}

// A payload with its headroom, and what wrap() made of it.
class Wrapping {
public:
    Wrapping(Session &session, unit::Bytes payload) {
        std::ranges::copy(payload, buffer_.begin() + Session::headroom);
        wrapped_ = session.wrap(std::span{buffer_}.subspan(Session::headroom, payload.size()));
    }

    [[nodiscard]] std::string_view frame() const { return unit::text(wrapped_.frame); }
    [[nodiscard]] bool valid() const { return wrapped_.valid; }

    // The frame's payload; short frames have a header of two bytes.
    [[nodiscard]] std::string_view payload() const {
        return frame().empty() ? frame() : frame().substr(2);
    }

private:
    std::array<std::uint8_t, Session::headroom + 100> buffer_;
    Session::Wrapped wrapped_{};
};

void wraps_in_place(void **) {
    Session session({});
    std::array<std::uint8_t, Session::headroom + 3> buffer{};
    const std::span<std::uint8_t> payload = std::span{buffer}.last(3);
    std::ranges::copy("abc"sv, payload.begin());
    const Session::Wrapped wrapped = session.wrap(payload);
    unit::check(wrapped.valid);
    unit::equal(unit::text(wrapped.frame),
                "\x82\x03"
                "abc");
    unit::check(wrapped.frame.data() + 2 == payload.data());
    unit::equal(session.frames_out(), 1);
}

void wraps_what_is_sent_from_elsewhere_as_if_it_were_here(void **) {
    static std::array<std::uint8_t, Session::headroom + 70'000> buffer;
    for (const std::size_t size : {1U, 125U, 126U, 65'535U, 65'536U, 70'000U}) {
        Session here({});
        Session elsewhere({});
        unit::check(elsewhere.passes_bytes());
        const Session::Wrapped wrapped =
            here.wrap(std::span{buffer}.subspan(Session::headroom, size));
        std::array<std::uint8_t, ws::max_header_size> room{};
        const std::span<std::uint8_t> header = elsewhere.wrap_elsewhere(size, room);
        unit::equal(unit::text(header),
                    unit::text(wrapped.frame.first(wrapped.frame.size() - size)));
        unit::check(header.data() + header.size() == room.data() + room.size());
        unit::equal(elsewhere.frames_out(), 1);
    }
}

void passes_bytes_where_nothing_looks_at_them(void **) {
    ws::Compression compression({}, 0);
    const ws::FramingSettings lines{.kind = ws::FramingKind::line};
    ws::Framer framer(lines);
    unit::check(Session({}).passes_bytes());
    unit::check(!Session({.outgoing = Opcode::text}).passes_bytes());
    unit::check(!Session({.compression = &compression}).passes_bytes());
    unit::check(!Session({.framer = &framer}).passes_bytes());
}

void wraps_payloads_of_every_length_form(void **) {
    static std::array<std::uint8_t, Session::headroom + 70'000> buffer;
    constexpr std::array<std::pair<std::size_t, std::size_t>, 6> sizes{
        {{1, 2}, {125, 2}, {126, 4}, {65'535, 4}, {65'536, 10}, {70'000, 10}}};
    for (const Opcode outgoing : {Opcode::binary, Opcode::text}) {
        Session session({.outgoing = outgoing});
        for (const auto &[size, header] : sizes) {
            const auto payload = std::span{buffer}.subspan(Session::headroom, size);
            std::ranges::fill(payload, 'x');
            const Session::Wrapped wrapped = session.wrap(payload);
            unit::check(wrapped.valid);
            unit::equal(wrapped.frame.size(), header + size);
            unit::check(wrapped.frame.data() + header == payload.data());
        }
    }
}

void wraps_any_bytes_as_binary(void **) {
    Session session({.outgoing = Opcode::binary});
    const Wrapping wrapping(session, unit::bytes("\xff\xe2\x82"));
    unit::check(wrapping.valid());
    unit::equal(wrapping.frame(), "\x82\x03\xff\xe2\x82");
    unit::equal(session.held_back(), 0);
}

// Cut as the stream is, each message must end between two code points; at the end `held` bytes
// wait.
void wraps_text(std::string_view text, std::string_view wanted, std::size_t held, bool valid) {
    unit::for_every_cut(text.size(), [&](Cut cut) {
        Session session({.outgoing = Opcode::text});
        Transcript transcript;
        bool all_valid = true;
        std::uint64_t frames = 0;
        unit::receive(unit::bytes(text), cut, [&](unit::Bytes part) {
            const Wrapping wrapping(session, part);
            unit::equal(ws::cut_code_point(unit::bytes(wrapping.payload())), 0);
            transcript.add(wrapping.payload());
            frames += wrapping.frame().empty() ? 0U : 1U;
            unit::check(wrapping.frame().empty() || wrapping.frame()[0] == '\x81');
            unit::check(all_valid || wrapping.frame().empty());
            all_valid = all_valid && wrapping.valid();
        });
        unit::equal(transcript.text(), wanted);
        unit::equal(session.held_back(), held);
        unit::equal(all_valid, valid);
        unit::equal(session.frames_out(), frames);
    });
}

void wraps_text_between_code_points(void **) {
    constexpr std::string_view text =
        "a\xc3\xa9"
        "b\xe2\x82\xac\xf0\x9f\x98\x80"
        "c\xf4\x8f\xbf\xbf";
    wraps_text(text, text, 0, true);
}

void holds_back_an_unfinished_code_point(void **) {
    wraps_text("ab\xc3", "ab", 1, true);
    wraps_text("ab\xe2\x82", "ab", 2, true);
    wraps_text("ab\xf0\x9f\x98", "ab", 3, true);
    wraps_text("\xf0", "", 1, true);
}

void wraps_what_stands_before_an_impossible_byte(void **) {
    wraps_text(
        "ab\xff"
        "cd",
        "ab", 0, false);
    wraps_text("\x80", "", 0, false);
    wraps_text("caf\xc3\xa9\xed\xa0\x80", "caf\xc3\xa9", 1, false);
    wraps_text(
        "a\xf0\x9f\x98"
        "b",
        "a", 3, false);
}

void wraps_no_more_text_after_an_impossible_byte(void **) {
    Session session({.outgoing = Opcode::text});
    unit::check(!Wrapping(session, unit::bytes("\xc0")).valid());
    const Wrapping wrapping(session, unit::bytes("good"));
    unit::check(!wrapping.valid());
    unit::equal(wrapping.frame(), "");
    unit::equal(session.frames_out(), 0);
}

void has_nothing_due_at_first(void **) {
    Session session({});
    unit::check(!session.anything_due());
    unit::equal(due(session), "");
    unit::equal(session.frames_out(), 0);
}

void answers_a_ping_with_its_payload(void **) {
    Session session({});
    meet_ping(session, "payload");
    session.answer_ping();
    unit::check(session.anything_due());
    unit::equal(due(session), "\x8a\x07payload");
    unit::check(!session.anything_due());
    unit::equal(due(session), "");
}

void answers_only_the_last_of_several_pings(void **) {
    Session session({});
    meet_ping(session, "the first");
    session.answer_ping();
    meet_ping(session, "last");
    session.answer_ping();
    meet(session, ClientStream{}.frame(0x8a, "no ping"), Event::pong);
    unit::equal(due(session), "\x8a\x04last");
}

void answers_a_ping_of_125_bytes_whole(void **) {
    std::array<char, 125> payload;
    payload.fill('p');
    Session session({});
    meet_ping(session, {payload.data(), payload.size()});
    session.answer_ping();
    unit::equal(due(session, 126), "");
    unit::check(session.anything_due());
    unit::equal(due(session, 127).substr(2), {payload.data(), payload.size()});
}

void pings(void **) {
    Session session({});
    session.ping(unit::bytes("0123456789abcdef"));
    unit::equal(due(session),
                "\x89\x10"
                "0123456789abcdef");
    session.ping({});
    unit::equal(due(session), "\x89\x00"sv);
}

void writes_pong_ping_and_close_in_this_order_and_whole(void **) {
    constexpr std::string_view all =
        "\x8a\x02hi\x89\x03you\x88\x05\x03\xe9"
        "bye";
    for (std::size_t room = 0; room <= all.size(); ++room) {
        Session session({});
        meet_ping(session, "hi");
        session.ping(unit::bytes("you"));
        session.answer_ping();
        session.close(CloseCode::going_away, "bye");

        const std::size_t whole = room < 4 ? 0 : room < 9 ? 4 : room < 16 ? 9 : 16;
        unit::equal(due(session, room), all.substr(0, whole));
        unit::equal(session.anything_due(), whole < all.size());
        unit::equal(session.close_sent(), whole == all.size());
        unit::equal(due(session), all.substr(whole));
        unit::check(session.close_sent() && !session.anything_due());
        unit::equal(session.frames_out(), 3);
    }
}

void writes_nothing_past_a_frame_that_does_not_fit(void **) {
    Session session({});
    meet_ping(session, "a long payload");
    session.answer_ping();
    session.ping({});
    session.close(CloseCode::normal, {});
    unit::equal(due(session, 15), "");
    unit::check(!session.close_sent());
    unit::equal(due(session),
                "\x8a\x0e"
                "a long payload\x89\x00\x88\x02\x03\xe8"sv);
}

void writes_all_that_can_be_due_at_a_time(void **) {
    std::array<char, 125> longest;
    longest.fill('x');
    Session session({});
    meet_ping(session, {longest.data(), longest.size()});
    session.answer_ping();
    session.ping(unit::bytes(std::string_view{longest.data(), Session::max_ping_payload}));
    session.close(CloseCode::normal, {longest.data(), longest.size()});
    unit::equal(due(session).size(), Session::max_due_size);
}

void sends_the_first_close_only(void **) {
    Session session({});
    session.close(CloseCode::internal_error, "first");
    session.close(CloseCode::normal, "second");
    session.answer_close();
    unit::equal(due(session),
                "\x88\x07\x03\xf3"
                "first");
    session.close(CloseCode::normal, "third");
    unit::check(!session.anything_due());
}

void has_nothing_due_after_a_close(void **) {
    Session session({});
    meet_ping(session, "x");
    session.close(CloseCode::normal, {});
    for (int i = 0; i < 2; ++i) {
        session.answer_ping();
        session.ping({});
        session.answer_close();
        unit::equal(due(session), i == 0 ? "\x88\x02\x03\xe8"sv : ""sv);
        unit::check(!session.anything_due());
    }
}

void answers_a_close_with_its_code_and_no_reason(void **) {
    Session session({});
    meet(session, ClientStream{}.frame(0x88, "\x0b\xb8reason"), Event::close);
    session.answer_close();
    unit::check(!session.close_sent());
    unit::equal(due(session), "\x88\x02\x0b\xb8");
    unit::check(session.close_sent());
}

void answers_an_empty_close_with_an_empty_one(void **) {
    Session session({});
    meet(session, ClientStream{}.frame(0x88, ""), Event::close);
    session.answer_close();
    unit::equal(due(session), "\x88\x00"sv);
}

void sends_no_code_that_must_not_travel(void **) {
    for (const CloseCode code : {CloseCode::no_status, CloseCode::abnormal}) {
        Session session({});
        session.close(code, "reason");
        unit::equal(due(session), "\x88\x00"sv);
    }
}

void counts_frames_of_both_kinds(void **) {
    Session session({});
    const Wrapping first(session, unit::bytes("a"));
    session.ping({});
    unit::equal(session.frames_out(), 1);
    unit::equal(due(session).size(), 2);
    const Wrapping second(session, unit::bytes("b"));
    unit::equal(session.frames_out(), 3);
}

void is_small(void **) {
    unit::check(sizeof(Session) <= 576);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(wraps_in_place),
        cmocka_unit_test(wraps_what_is_sent_from_elsewhere_as_if_it_were_here),
        cmocka_unit_test(passes_bytes_where_nothing_looks_at_them),
        cmocka_unit_test(wraps_payloads_of_every_length_form),
        cmocka_unit_test(wraps_any_bytes_as_binary),
        cmocka_unit_test(wraps_text_between_code_points),
        cmocka_unit_test(holds_back_an_unfinished_code_point),
        cmocka_unit_test(wraps_what_stands_before_an_impossible_byte),
        cmocka_unit_test(wraps_no_more_text_after_an_impossible_byte),
        cmocka_unit_test(has_nothing_due_at_first),
        cmocka_unit_test(answers_a_ping_with_its_payload),
        cmocka_unit_test(answers_only_the_last_of_several_pings),
        cmocka_unit_test(answers_a_ping_of_125_bytes_whole),
        cmocka_unit_test(pings),
        cmocka_unit_test(writes_pong_ping_and_close_in_this_order_and_whole),
        cmocka_unit_test(writes_nothing_past_a_frame_that_does_not_fit),
        cmocka_unit_test(writes_all_that_can_be_due_at_a_time),
        cmocka_unit_test(sends_the_first_close_only),
        cmocka_unit_test(has_nothing_due_after_a_close),
        cmocka_unit_test(answers_a_close_with_its_code_and_no_reason),
        cmocka_unit_test(answers_an_empty_close_with_an_empty_one),
        cmocka_unit_test(sends_no_code_that_must_not_travel),
        cmocka_unit_test(counts_frames_of_both_kinds),
        cmocka_unit_test(is_small),
    };
    return unit::run("session_output", tests);
}
