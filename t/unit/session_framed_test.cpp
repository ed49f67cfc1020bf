#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::ClientStream;
using unit::Cut;
using unit::Memory;
using unit::OwnInflater;
using unit::Transcript;
using unit::with_max;
using ws::Compression;
using ws::Event;
using ws::Framer;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Session;

namespace {

constexpr ws::DeflateParameters no_takeover{.server_no_takeover = true, .client_no_takeover = true};

constexpr FramingSettings lf{.kind = FramingKind::line};
constexpr FramingSettings crlf{.kind = FramingKind::line, .crlf = true};
constexpr FramingSettings crlf_split{.kind = FramingKind::line, .crlf = true, .split = true};
constexpr FramingSettings u8{.kind = FramingKind::length, .length_size = 1};
constexpr FramingSettings u16{.kind = FramingKind::length, .length_size = 2};
constexpr FramingSettings typed{.kind = FramingKind::typed, .length_size = 4};

constexpr auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"sv;  // RFC 7692, section 7.2.3

// Gives rooms of one size, and memory that grows by a few bytes and is taken away as soon as it can
// be.
class Receiver {
public:
    Receiver(const FramingSettings &framing, std::uint64_t limit, std::size_t room_size)
        : framer_(framing),
          compression_(no_takeover, 0),
          session_({.max_message_size = limit, .compression = &compression_, .framer = &framer_}),
          room_size_(room_size) {
        compression_.lend(&inflater_);
    }

    // In memory of exactly its size, that changes whenever a room is full.
    void receive(Bytes bytes) {
        const Memory memory(bytes.size());
        std::ranges::copy(bytes, memory.bytes().begin());
        std::uint8_t *begin = memory.bytes().data();
        ws::ReadBuffer buffer{begin, begin, begin + bytes.size()};
        if (read(buffer)) {
            receive(Bytes{buffer.unread, buffer.end});
            return;
        }
        unit::check(buffer.unread == buffer.end);
    }

    [[nodiscard]] std::string_view text() const { return transcript_.text(); }
    [[nodiscard]] Framer &framer() { return framer_; }

private:
    // Returns whether there is more.
    bool read(ws::ReadBuffer &buffer) {
        const Memory space(room_size_);
        ws::Room room{space.bytes().data(), space.bytes().data() + room_size_};
        Event event;
        do {
            std::uint8_t *begin = room.filled;
            event = session_.receive(buffer, room);
            unit::check(room.filled <= room.end);
            transcript_.add(Bytes{begin, room.filled});
            add(event);
            if (event == Event::memory_full) {
                lent_ += 7;
                framer_.hold_in(std::span{held_}.first(lent_));
            }
        } while (event != Event::exhausted && event != Event::room_full);
        if (!framer_.holds()) {
            lent_ = 0;
            framer_.hold_in({});
        }
        return event == Event::room_full;
    }

    void add(Event event) {
        if (event == Event::ping) {
            transcript_.add("[ping]");
        } else if (event == Event::close) {
            transcript_.add("[close]");
        } else if (event == Event::violation) {
            transcript_.add("[").add(ws::words(session_.violation())).add("]");
        }
    }

    OwnInflater inflater_;
    Framer framer_;
    Compression compression_;
    Session session_;
    std::size_t room_size_;
    std::size_t lent_ = 0;
    std::array<std::uint8_t, 400> held_;
    Transcript transcript_;
};

// In every cut, with rooms of some sizes.
void receives(const ClientStream &stream, std::string_view wanted, const FramingSettings &framing,
              std::uint64_t limit = 0) {
    for (const std::size_t room_size : {Session::min_room, Session::min_room + 3, 300UL}) {
        unit::for_every_cut(stream.size(), [&](Cut cut) {
            Receiver receiver(framing, limit, room_size);
            unit::receive(stream.bytes(), cut, [&](Bytes part) { receiver.receive(part); });
            if (receiver.text() != wanted) {
                print_error("cut at %zu, then %zu, rooms of %zu\n", cut.first, cut.rest, room_size);
                unit::equal(receiver.text(), wanted);
            }
        });
    }
}

void makes_lines_of_messages(void **) {
    const ClientStream stream =
        ClientStream{}.frame(0x81, "one").frame(0x82, "").frame(0x81, "three and more");
    receives(stream, "one\n\nthree and more\n", lf);
    receives(stream, "one\r\n\r\nthree and more\r\n", crlf);
}

void makes_records_of_messages(void **) {
    const ClientStream stream =
        ClientStream{}.frame(0x81, "one").frame(0x82, "").frame(0x82, "three and more");
    receives(stream, "\x03one\x00\x0ethree and more"sv, u8);
    receives(stream,
             "\0\0\0\x03\x01one"
             "\0\0\0\0\x02"
             "\0\0\0\x0e\x02three and more"sv,
             typed);
}

void takes_fragments_with_pings_between_for_one_message(void **) {
    const ClientStream stream = ClientStream{}
                                    .frame(0x01, "")
                                    .frame(0x89, "")
                                    .frame(0x00, "frag")
                                    .frame(0x00, "")
                                    .frame(0x89, "")
                                    .frame(0x80, "ments")
                                    .frame(0x82, "whole");
    receives(stream, "[ping]frag[ping]ments\nwhole\n", lf);
    receives(stream,
             "[ping][ping]\0\x09"
             "fragments\0\x05whole"sv,
             u16);
    receives(stream,
             "[ping][ping]\0\0\0\x09\x01"
             "fragments\0\0\0\x05\x02whole"sv,
             typed);
}

void inflates_messages_first(void **) {
    const ClientStream stream = ClientStream{}
                                    .frame(0xc1, hello)
                                    .frame(0x42, hello.substr(0, 2))
                                    .frame(0x89, "")
                                    .frame(0x80, hello.substr(2))
                                    .frame(0xc1, "\x00"sv)
                                    .frame(0x81, "plain");
    receives(stream, "Hello\nH[ping]ello\n\nplain\n", lf);
    receives(stream, "Hello\r\nH[ping]ello\r\n\r\nplain\r\n", crlf_split);
    receives(stream, "\x05Hello[ping]\x05Hello\x00\x05plain"sv, u8);
    receives(stream,
             "\0\0\0\x05\x01Hello[ping]\0\0\0\x05\x02Hello"
             "\0\0\0\0\x01\0\0\0\x05\x01plain"sv,
             typed);
}

void refuses_or_splits_line_ends_inside_messages(void **) {
    const ClientStream stream = ClientStream{}.frame(0x81, "a\nb\r").frame(0x81, "\nc");
    receives(stream, "a[message holds a line end]", lf);
    receives(stream, "a[message holds a line end]", crlf);
    receives(stream, "a\r\nb\r\n\r\nc\r\n", crlf_split);
}

void limits_lines_and_messages(void **) {
    const ClientStream stream = ClientStream{}.frame(0x81, "12345").frame(0x81, "123456");
    receives(stream, "12345\n[message is too big]", with_max(lf, 5));
    receives(stream, "12345\n[message is too big]", lf, 5);
    receives(stream, "12345\r\n12345[line is too long]", with_max(crlf_split, 5));
    receives(stream,
             "\0\x05"
             "12345[message is too big]"sv,
             with_max(u16, 5));
    receives(stream,
             "\0\x05"
             "12345[message is too big]"sv,
             u16, 5);
    receives(ClientStream{}.frame(0xc1, hello), "Hell[message is too big]", with_max(lf, 4));
    receives(ClientStream{}.frame(0xc1, hello), "[message is too big]", u16, 4);
    receives(ClientStream{}.frame(0x01, "123").frame(0x80, "45"),
             "\0\x05"
             "12345"sv,
             u16, 5);
    receives(ClientStream{}.frame(0x01, "123").frame(0x80, "456"), "[message is too big]", u16, 5);
}

void refuses_what_a_length_cannot_tell(void **) {
    std::array<char, 256> message;
    message.fill('x');
    Receiver receiver(u8, 0, 300);
    ClientStream stream;
    stream.frame(0x81, {message.data(), 255}).frame(0x81, {message.data(), 256});
    receiver.receive(stream.bytes());
    unit::equal(receiver.text().substr(0, 4), "\xffxxx");
    unit::equal(receiver.text().substr(256), "[message is too big]");
}

// Whichever comes first in the message, however it is cut.
void names_the_first_rule_that_is_broken(void **) {
    receives(ClientStream{}.frame(0x81, "ok\n\xff"), "ok[message holds a line end]", lf);
    receives(ClientStream{}.frame(0x81, "ok\xff\n"), "ok[text is not UTF-8]", lf);
    receives(ClientStream{}.frame(0x81, "ok\xc3"), "ok\xc3[text is not UTF-8]", lf);
    receives(ClientStream{}.frame(0x81, "ok").frame(0x83, ""), "ok\n[opcode is unknown]", lf);
    receives(ClientStream{}.frame(0x01, "ok\xff"), "[text is not UTF-8]", u16);
    receives(ClientStream{}.frame(0x01, "ok").frame(0x88, "").frame(0x80, ""), "ok[close]", lf);
    receives(ClientStream{}.frame(0x01, "ok").frame(0x88, "").frame(0x80, ""), "[close]", u16);
}

void tells_what_it_holds(void **) {
    Receiver receiver(u16, 0, 300);
    receiver.receive(ClientStream{}.frame(0x82, "whole").bytes());
    unit::check(!receiver.framer().holds());
    receiver.receive(ClientStream{}.frame(0x02, "held ").frame(0x00, "back").bytes());
    unit::check(receiver.framer().holds());
    unit::equal(receiver.framer().held(), 9);
    receiver.receive(ClientStream{}.frame(0x80, "").bytes());
    unit::check(!receiver.framer().holds());
    unit::equal(receiver.framer().held(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(makes_lines_of_messages),
        cmocka_unit_test(makes_records_of_messages),
        cmocka_unit_test(takes_fragments_with_pings_between_for_one_message),
        cmocka_unit_test(inflates_messages_first),
        cmocka_unit_test(refuses_or_splits_line_ends_inside_messages),
        cmocka_unit_test(limits_lines_and_messages),
        cmocka_unit_test(refuses_what_a_length_cannot_tell),
        cmocka_unit_test(names_the_first_rule_that_is_broken),
        cmocka_unit_test(tells_what_it_holds),
    };
    return unit::run("session_framed", tests);
}
