#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::ClientStream;
using unit::Cut;
using unit::Memory;
using unit::OwnDeflater;
using unit::OwnInflater;
using unit::Transcript;
using ws::Compression;
using ws::DeflateParameters;
using ws::Event;
using ws::Session;

namespace {

constexpr DeflateParameters takeover{};
constexpr DeflateParameters no_takeover{.server_no_takeover = true, .client_no_takeover = true};

constexpr auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"sv;  // RFC 7692, section 7.2.3
constexpr auto hello_again = "\xf2\x00\x11\x00\x00"sv;

// A message as a client compresses it, without context.
class Compressed {
public:
    explicit Compressed(std::string_view message) : room_(ws::Deflater::max_size(message.size())) {
        OwnDeflater deflater;
        size_ = deflater.deflate(unit::bytes(message), room_.bytes());
    }

    [[nodiscard]] std::string_view text() const {
        return unit::text(room_.bytes()).substr(0, size_);
    }
    [[nodiscard]] std::string_view text(std::size_t from, std::size_t size = 99'999) const {
        return text().substr(from, size);
    }

private:
    Memory room_;
    std::size_t size_;
};

struct Setup {
    DeflateParameters agreed = no_takeover;
    std::uint64_t max_message_size = 0;
};

void add(Transcript &transcript, const Session &session, Event event) {
    switch (event) {
        case Event::ping:
            transcript.add("[ping ").add(session.control_payload()).add("]");
            break;
        case Event::close:
            transcript.add("[close]");
            break;
        case Event::violation:
            transcript.add("[").add(ws::words(session.violation())).add("]");
            break;
        default:
            break;
    }
}

// Received bytes, in memory of exactly their size that changes whenever a room is full.
class Received {
public:
    explicit Received(Bytes bytes) : memory_(bytes.size()) {
        std::ranges::copy(bytes, memory_.bytes().begin());
    }

    // Reads to where the room is full or nothing is left; returns the size of what is left.
    std::size_t read(Session &session, std::size_t room_size, Transcript &transcript) {
        const std::span<std::uint8_t> bytes = memory_.bytes();
        buffer_ = {bytes.data(), bytes.data(), bytes.data() + bytes.size()};
        const Memory memory(room_size);
        ws::Room room{memory.bytes().data(), memory.bytes().data() + room_size};
        Event event;
        do {
            std::uint8_t *begin = room.filled;
            event = session.receive(buffer_, room);
            unit::check(room.filled <= room.end);
            transcript.add(Bytes{begin, room.filled});
            add(transcript, session, event);
        } while (event != Event::exhausted && event != Event::room_full);
        unit::check(event != Event::exhausted || buffer_.unread == buffer_.end);
        full_ = event == Event::room_full;
        return static_cast<std::size_t>(buffer_.end - buffer_.unread);
    }

    [[nodiscard]] bool full() const noexcept { return full_; }
    [[nodiscard]] Bytes rest() const noexcept { return {buffer_.unread, buffer_.end}; }

private:
    Memory memory_;
    ws::ReadBuffer buffer_{};
    bool full_ = false;
};

void receive(Session &session, Bytes part, std::size_t room_size, Transcript &transcript) {
    Received received(part);
    (void)received.read(session, room_size, transcript);
    if (received.full()) {
        receive(session, received.rest(), room_size, transcript);
    }
}

// In every cut, with rooms of some sizes.
void receives(const ClientStream &stream, std::string_view wanted, const Setup &setup = {}) {
    OwnInflater inflater;
    for (const std::size_t room_size : {1U, 2U, 5U, 200U}) {
        unit::for_every_cut(stream.size(), [&](Cut cut) {
            Compression compression(setup.agreed, 0);
            compression.lend(&inflater);
            Session session(
                {.max_message_size = setup.max_message_size, .compression = &compression});
            Transcript transcript;
            unit::receive(stream.bytes(), cut,
                          [&](Bytes part) { receive(session, part, room_size, transcript); });
            if (transcript.text() != wanted) {
                print_error("cut at %zu, then %zu, rooms of %zu\n", cut.first, cut.rest, room_size);
                unit::equal(transcript.text(), wanted);
            }
        });
    }
}

void inflates_messages(void **) {
    receives(ClientStream{}.frame(0xc1, hello).frame(0xc2, hello), "HelloHello");
    receives(ClientStream{}.frame(0xc2, Compressed("a\xff").text()).frame(0xc1, hello),
             "a\xffHello");
}

void takes_messages_without_compression_too(void **) {
    receives(ClientStream{}
                 .frame(0x82, "plain, ")
                 .frame(0xc1, hello)
                 .frame(0x01, ", ")
                 .frame(0x80, "text")
                 .frame(0xc1, hello)
                 .frame(0x82, ""),
             "plain, Hello, textHello");
}

void inflates_a_message_over_fragments_with_pings_between(void **) {
    receives(ClientStream{}
                 .frame(0x41, hello.substr(0, 3))
                 .frame(0x89, "1")
                 .frame(0x00, "")
                 .frame(0x00, hello.substr(3))
                 .frame(0x89, "2")
                 .frame(0x80, "")
                 .frame(0x89, "3")
                 .frame(0x81, "!"),
             "He[ping 1]llo[ping 2][ping 3]!");
}

void inflates_empty_messages(void **) {
    receives(ClientStream{}
                 .frame(0xc1, "\x00"sv)
                 .frame(0xc2, "")
                 .frame(0x41, "")
                 .frame(0x80, "")
                 .frame(0xc1, hello),
             "Hello");
}

void allows_rsv1_on_the_first_frame_of_a_message_alone(void **) {
    receives(ClientStream{}.frame(0x41, hello.substr(0, 5)).frame(0xc0, hello.substr(5)),
             "Hell[reserved bit is set]");
    receives(ClientStream{}.frame(0x01, "a").frame(0xc0, "b"), "a[reserved bit is set]");
    receives(ClientStream{}.frame(0xc9, ""), "[reserved bit is set]");
    receives(ClientStream{}.frame(0xa1, ""), "[reserved bit is set]");
    receives(ClientStream{}.frame(0x91, ""), "[reserved bit is set]");
}

void refuses_broken_deflate_data_behind_good_data(void **) {
    receives(ClientStream{}.frame(0x82, "good ").frame(0xc2, "\x06").frame(0x82, "late"),
             "good [compressed message is broken]");
    receives(ClientStream{}.frame(0xc2, "\xf2\x48\xcd\xc9\xc9\x07\x00\x07"sv).frame(0x89, ""),
             "Hello[compressed message is broken]");
}

void refuses_a_message_that_ends_inside_a_block(void **) {
    receives(ClientStream{}.frame(0xc2, "\x00\x05\x00\xfa\xffHel"sv),
             "Hel\x00\x00[compressed message is broken]"sv);
}

void uses_takeover_if_it_was_agreed(void **) {
    const ClientStream stream = ClientStream{}.frame(0xc1, hello).frame(0xc1, hello_again);
    receives(stream, "HelloHello", {.agreed = takeover});
    receives(stream, "HelloH[compressed message is broken]");
}

void takes_inflated_text_that_is_utf8(void **) {
    const Compressed text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    receives(ClientStream{}.frame(0xc1, text.text()), "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    receives(ClientStream{}
                 .frame(0x41, text.text(0, 4))
                 .frame(0x89, "\xff")
                 .frame(0x80, text.text(4))
                 .frame(0x81, "plain"),
             "\xc3\xa9 [ping \xff]\xe2\x82\xac \xf0\x9f\x98\x80plain");
}

void refuses_inflated_text_at_the_first_impossible_byte(void **) {
    receives(ClientStream{}.frame(0xc1, Compressed("fine, \xe0\x80 no").text()).frame(0x89, ""),
             "fine, \xe0[text is not UTF-8]");
    receives(ClientStream{}.frame(0x81, "fine, \xc0"), "fine, [text is not UTF-8]");
}

void refuses_inflated_text_cut_by_the_end_of_its_message(void **) {
    const Compressed text("a\xe2\x82");
    receives(ClientStream{}.frame(0xc1, text.text()).frame(0x81, "\xac"),
             "a\xe2\x82[text is not UTF-8]");
}

void limits_the_inflated_size_of_a_message(void **) {
    const Compressed zeros(std::string_view("0000000000000000000000000000000000000000"));
    unit::check(zeros.text().size() < 10);
    receives(ClientStream{}.frame(0xc2, zeros.text()).frame(0xc2, zeros.text()),
             "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
             {.max_message_size = 40});
    receives(ClientStream{}.frame(0xc2, hello).frame(0xc2, zeros.text()),
             "Hello000000000000000000000000000000000000000[message is too big]",
             {.max_message_size = 39});
    receives(ClientStream{}.frame(0x82, "01234").frame(0x82, "0123456"),
             "01234[message is too big]", {.max_message_size = 6});
}

// Also if the same room shows that it is too long.
void refuses_what_is_no_text_in_front_of_what_is_too_much(void **) {
    const Compressed text("ok\xff and more, and more, and more");
    receives(ClientStream{}.frame(0xc1, text.text()), "ok[text is not UTF-8]",
             {.max_message_size = 10});
}

// Noise is longer on the wire than inflated.
void does_not_limit_the_size_on_the_wire(void **) {
    receives(ClientStream{}.frame(0xc1, hello), "Hello", {.max_message_size = 5});
    receives(ClientStream{}.frame(0x41, hello.substr(0, 6)).frame(0x80, hello.substr(6)), "Hello",
             {.max_message_size = 5});
    receives(ClientStream{}.frame(0xc1, hello).frame(0x81, "123456"), "Hello[message is too big]",
             {.max_message_size = 5});
}

void drops_what_comes_after_a_close(void **) {
    receives(ClientStream{}.frame(0xc1, hello).frame(0x88, "").frame(0xc1, hello), "Hello[close]");
}

void receive_whole(Session &session, const ClientStream &stream, std::string_view wanted) {
    Transcript transcript;
    receive(session, stream.bytes(), 200, transcript);
    unit::equal(transcript.text(), wanted);
}

void keeps_an_inflater_while_a_message_is_open(void **) {
    OwnInflater inflater;
    Compression compression(no_takeover, 0);
    compression.lend(&inflater);
    Session session({.compression = &compression});
    receive_whole(session, ClientStream{}.frame(0x02, "un").frame(0x80, "compressed"),
                  "uncompressed");
    unit::check(!compression.keeps_inflater());
    receive_whole(session, ClientStream{}.frame(0x41, hello.substr(0, 2)), "H");
    unit::check(compression.keeps_inflater());
    receive_whole(session, ClientStream{}.frame(0x80, hello.substr(2)), "ello");
    unit::check(!compression.keeps_inflater());
}

void keeps_an_inflater_with_takeover(void **) {
    OwnInflater inflater;
    Compression compression(takeover, 0);
    compression.lend(&inflater);
    Session session({.compression = &compression});
    receive_whole(session, ClientStream{}.frame(0x82, "plain"), "plain");
    unit::check(!compression.keeps_inflater());
    receive_whole(session, ClientStream{}.frame(0xc1, hello), "Hello");
    unit::check(compression.keeps_inflater());
    unit::check(!compression.keeps_deflater());
}

void shares_an_inflater_between_sessions(void **) {
    OwnInflater inflater;
    Compression first_compression(no_takeover, 0);
    Compression second_compression(takeover, 0);
    first_compression.lend(&inflater);
    second_compression.lend(&inflater);
    Session first({.compression = &first_compression});
    Session second({.compression = &second_compression});
    receive_whole(first, ClientStream{}.frame(0xc1, hello), "Hello");
    receive_whole(second, ClientStream{}.frame(0xc1, hello), "Hello");
    receive_whole(second, ClientStream{}.frame(0xc1, hello_again), "Hello");
}

void wants_an_inflater_for_the_clients_window(void **) {
    unit::equal(Compression({.client_bits = 15}, 0).inflater_bits(), 15);
    unit::equal(Compression({.client_bits = 10}, 0).inflater_bits(), 10);
    unit::equal(Compression({.client_bits = 8}, 0).inflater_bits(), 9);
}

// With a room that is full in the middle of a message, and the rest of it still to come.
void drops_data_up_to_the_close(void **) {
    const Compressed zeros(std::string_view("0000000000000000000000000000000000000000"));
    ClientStream stream;
    stream.frame(0x82, "plain").frame(0xc2, zeros.text()).frame(0xc1, "broken").frame(0x88, "");
    for (std::size_t room_size = 1; room_size < 44; ++room_size) {
        OwnInflater inflater;
        Compression compression(no_takeover, 0);
        compression.lend(&inflater);
        Session session({.compression = &compression});
        Received received(stream.bytes());
        Transcript transcript;
        unit::check(received.read(session, room_size, transcript) != 0);
        const Memory rest(received.rest().size());
        std::ranges::copy(received.rest(), rest.bytes().begin());
        std::uint8_t *begin = rest.bytes().data();
        ws::ReadBuffer buffer{begin, begin, begin + rest.bytes().size()};
        unit::equal(session.drop_data(buffer), Event::close);
        unit::equal(session.drop_data(buffer), Event::exhausted);
        unit::check(buffer.unread == buffer.end);
    }
}

// However it comes; an answer to a ping of ours is still heard.
void drops_data_in_every_cut(void **) {
    ClientStream stream;
    stream.frame(0x01, "text").frame(0x8a, "pong").frame(0x80, "\xff").frame(0xc2, "broken");
    stream.frame(0x88, "\x03\xe8").frame(0x82, "too late");
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        Compression compression(no_takeover, 0);
        Session session({.compression = &compression});
        Transcript events;
        unit::receive(stream.bytes(), cut, [&](std::span<std::uint8_t> part) {
            ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
            for (Event event = Event::pong; event != Event::exhausted;) {
                event = session.drop_data(buffer);
                if (event != Event::exhausted) {
                    events.add(event == Event::pong    ? "pong "
                               : event == Event::close ? "close "
                                                       : "?");
                }
            }
            unit::check(buffer.unread == buffer.end);
        });
        unit::equal(events.text(), "pong close ");
        unit::equal(session.peer_status().code, ws::CloseCode::normal);
    });
}

void drops_nothing_that_breaks_the_rules_of_frames(void **) {
    Session session({});
    ClientStream stream;
    stream.frame(0x81, "\xff").frame(0x89, "1").frame(0x83, "");
    const Memory memory(stream.size());
    std::ranges::copy(stream.bytes(), memory.bytes().begin());
    std::uint8_t *begin = memory.bytes().data();
    ws::ReadBuffer buffer{begin, begin, begin + stream.size()};
    unit::equal(session.drop_data(buffer), Event::ping);
    unit::equal(session.drop_data(buffer), Event::violation);
    unit::equal(session.drop_data(buffer), Event::exhausted);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(inflates_messages),
        cmocka_unit_test(takes_messages_without_compression_too),
        cmocka_unit_test(inflates_a_message_over_fragments_with_pings_between),
        cmocka_unit_test(inflates_empty_messages),
        cmocka_unit_test(allows_rsv1_on_the_first_frame_of_a_message_alone),
        cmocka_unit_test(refuses_broken_deflate_data_behind_good_data),
        cmocka_unit_test(refuses_a_message_that_ends_inside_a_block),
        cmocka_unit_test(uses_takeover_if_it_was_agreed),
        cmocka_unit_test(takes_inflated_text_that_is_utf8),
        cmocka_unit_test(refuses_inflated_text_at_the_first_impossible_byte),
        cmocka_unit_test(refuses_inflated_text_cut_by_the_end_of_its_message),
        cmocka_unit_test(limits_the_inflated_size_of_a_message),
        cmocka_unit_test(refuses_what_is_no_text_in_front_of_what_is_too_much),
        cmocka_unit_test(does_not_limit_the_size_on_the_wire),
        cmocka_unit_test(drops_what_comes_after_a_close),
        cmocka_unit_test(keeps_an_inflater_while_a_message_is_open),
        cmocka_unit_test(keeps_an_inflater_with_takeover),
        cmocka_unit_test(shares_an_inflater_between_sessions),
        cmocka_unit_test(wants_an_inflater_for_the_clients_window),
        cmocka_unit_test(drops_data_up_to_the_close),
        cmocka_unit_test(drops_data_in_every_cut),
        cmocka_unit_test(drops_nothing_that_breaks_the_rules_of_frames),
    };
    return unit::run("session_deflate", tests);
}
