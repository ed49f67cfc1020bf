// A client's reader, writer and session, against the server's.
#include "t/unit/unit.hpp"

#include <array>
#include <optional>
#include <string>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::Cut;
using unit::Transcript;
using ws::CloseCode;
using ws::Event;
using ws::FrameReader;
using ws::Opcode;
using ws::Role;
using ws::Session;
using ws::Violation;

namespace {

// 1234, 2345 and so on.
class Keys final : public ws::MaskingKeys {
public:
    [[nodiscard]] ws::MaskingKey draw() noexcept override {
        ++drawn;
        ws::MaskingKey key;
        for (unsigned i = 0; i < key.size(); ++i) {
            key[i] = static_cast<std::uint8_t>('0' + drawn + i);
        }
        return key;
    }

    unsigned drawn = 0;
};

// --- the reader

// The payloads stand where they came.
void read_in_place(FrameReader &reader, std::span<std::uint8_t> part, Transcript &transcript) {
    const unit::Bytes came = part;
    const std::string before(unit::text(part));
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    ws::Piece piece{};
    while (reader.next_in_place(buffer, piece) == ws::ReadStatus::piece) {
        if (!ws::is_control(piece.opcode)) {
            unit::check(piece.payload.data() + piece.payload.size() == buffer.unread);
        }
        transcript.add(piece.payload).add(piece.ends_message ? ";" : "");
    }
    unit::equal(unit::text(came), before);
}

void read(FrameReader &reader, std::span<std::uint8_t> part, Transcript &transcript) {
    ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
    ws::Piece piece{};
    while (reader.next(buffer, piece) == ws::ReadStatus::piece) {
        transcript.add(piece.payload).add(piece.ends_message ? ";" : "");
    }
}

template <typename Read>
void reads(std::string_view stream, std::string_view wanted, Violation violation, Read read) {
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        FrameReader reader(false, 0, Role::client);
        Transcript transcript;
        unit::receive(unit::bytes(stream), cut,
                      [&](std::span<std::uint8_t> part) { read(reader, part, transcript); });
        unit::equal(transcript.text(), wanted);
        unit::equal(reader.violation(), violation);
    });
}

void reads(std::string_view stream, std::string_view wanted,
           Violation violation = Violation::none) {
    reads(stream, wanted, violation, read);
    reads(stream, wanted, violation, read_in_place);
}

std::string server_says(Opcode opcode, std::size_t size) {
    std::string frame(ws::max_header_size, '\0');
    frame.append(size, 'x');
    auto *const payload = reinterpret_cast<std::uint8_t *>(frame.data()) + ws::max_header_size;
    const std::span<std::uint8_t> whole =
        ws::FrameWriter().frame({payload, size}, {.opcode = opcode});
    return std::string(unit::text(whole));
}

void client_reads_what_a_server_writes(void **) {
    reads(server_says(Opcode::binary, 0) + server_says(Opcode::text, 5), ";xxxxx;");
    reads("\x01\x02he\x89\x01p\x80\x03llo\x82\x01!"sv, "hep;llo;!;");
    for (const std::size_t size : {125U, 126U, 300U}) {
        reads(server_says(Opcode::binary, size), std::string(size, 'x') + ";");
    }
    const std::string longest = server_says(Opcode::binary, 65'536);
    FrameReader reader(false, 0, Role::client);
    Transcript transcript;
    unit::receive(unit::bytes(longest), Cut{7, 1000},
                  [&](std::span<std::uint8_t> part) { read(reader, part, transcript); });
    unit::equal(transcript.text(), std::string(65'536, 'x') + ";");
}

void client_refuses_masked_frames_at_the_second_byte(void **) {
    for (unsigned length = 0x80; length < 0x100; ++length) {
        const std::array<char, 2> header{'\x82', static_cast<char>(length)};
        reads({header.data(), 2}, "", Violation::mask_unexpected);
    }
    reads("\x81\x01x\x81\x81", "x;", Violation::mask_unexpected);
    unit::equal(ws::words(Violation::mask_unexpected), "frame is masked");
    unit::equal(ws::close_code(Violation::mask_unexpected), CloseCode::protocol_error);
}

void client_refuses_what_a_server_refuses(void **) {
    reads("\x83", "", Violation::unknown_opcode);
    reads("\x89\x7e", "", Violation::control_too_long);
    reads("\x82\x7e\x00\x7d"sv, "", Violation::length_not_minimal);
}

void server_reads_in_place_too(void **) {
    unit::ClientStream stream;
    stream.frame(0x82, "one").frame(0x89, "ping").frame(0x82, "two");
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        FrameReader reader;
        Transcript transcript;
        unit::receive(stream.bytes(), cut, [&](std::span<std::uint8_t> part) {
            ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
            ws::Piece piece{};
            while (reader.next_in_place(buffer, piece) == ws::ReadStatus::piece) {
                transcript.add(piece.payload).add(piece.ends_message ? ";" : "");
            }
        });
        unit::equal(transcript.text(), "one;ping;two;");
    });
}

// --- the writer

void client_masks_each_frame_with_a_key_of_its_own(void **) {
    Keys keys;
    ws::FrameWriter writer(&keys);
    unit::equal(writer.role(), Role::client);
    std::string memory(ws::max_masked_header_size, '\0');
    memory += "Hello";
    auto *const payload = reinterpret_cast<std::uint8_t *>(memory.data()) + memory.size() - 5;
    unit::equal(unit::text(writer.frame({payload, 5}, {.opcode = Opcode::text})),
                "\x81\x85\x31\x32\x33\x34\x79\x57\x5f\x58\x5e"sv);
    std::array<std::uint8_t, 20> room;
    const std::size_t size = writer.control_frame(room.data(), Opcode::ping, unit::bytes("abc"));
    unit::equal(unit::text({room.data(), size}), "\x89\x83\x32\x33\x34\x35\x53\x51\x57"sv);
    unit::equal(writer.control_frame(room.data(), Opcode::pong, {}), 6);
    unit::equal(keys.drawn, 3);
}

void keys_that_nobody_draws_are_zeros(void **) {
    class Bare final : public ws::MaskingKeys {};
    unit::check(Bare().draw() == ws::MaskingKey{});
}

// --- the session

// Both ends of one conversation. What one writes is received by the other, cut in every way.
class Conversation {
public:
    explicit Conversation(Cut cut, Opcode outgoing = Opcode::binary)
        : cut_(cut),
          client({.outgoing = outgoing, .keys = &keys_}),
          server({.outgoing = outgoing}) {}

    void say(Session &from, std::string_view payload) {
        const std::size_t headroom =
            from.role() == Role::client ? Session::client_headroom : Session::headroom;
        std::string memory(headroom, '\0');
        memory += payload;
        auto *const begin = reinterpret_cast<std::uint8_t *>(memory.data()) + headroom;
        const Session::Wrapped wrapped = from.wrap({begin, payload.size()});
        unit::check(wrapped.valid);
        take(from, wrapped.frame);
    }

    void say_due(Session &from) {
        std::array<std::uint8_t, Session::max_client_due_size> room;
        const std::size_t size = from.write_due(room);
        take(from, {room.data(), size});
    }

    [[nodiscard]] std::string_view heard() const { return heard_.text(); }

private:
    void take(const Session &from, unit::Bytes bytes) {
        Session &to = &from == &client ? server : client;
        unit::receive(bytes, cut_, [&](std::span<std::uint8_t> part) { receive(to, part); });
    }

    void receive(Session &to, std::span<std::uint8_t> part) {
        ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
        Event event;
        do {
            const std::uint8_t *packed = buffer.packed;
            event = to.receive(buffer);
            heard_.add(unit::Bytes{packed, buffer.packed});
            note(to, event);
        } while (event != Event::exhausted);
    }

    void note(Session &to, Event event) {
        switch (event) {
            case Event::ping:
                heard_.add("[ping ").add(to.control_payload()).add("]");
                to.answer_ping();
                break;
            case Event::pong:
                heard_.add("[pong ").add(to.control_payload()).add("]");
                break;
            case Event::close:
                heard_.add("[close ").add(to.peer_status().reason).add("]");
                to.answer_close();
                break;
            case Event::violation:
                heard_.add("[").add(ws::words(to.violation())).add("]");
                break;
            default:
                break;
        }
    }

    Cut cut_;
    Keys keys_;
    Transcript heard_;

public:
    Session client;
    Session server;
};

// Reads of one size, after a first of another.
template <typename Talk>
void in_every_cut(Talk talk) {
    for (std::size_t size = 1; size < 40; ++size) {
        talk(Cut{size, 400});
        talk(Cut{size, size});
    }
}

void client_and_server_talk(void **) {
    in_every_cut([](Cut cut) {
        Conversation joined(cut);
        unit::equal(joined.client.role(), Role::client);
        unit::equal(joined.server.role(), Role::server);
        joined.say(joined.client, "question;");
        joined.say(joined.server, "answer;");
        joined.say(joined.client, std::string(130, 'x'));
        joined.say(joined.server, std::string(130, 'y'));
        unit::equal(joined.heard(),
                    "question;answer;" + std::string(130, 'x') + std::string(130, 'y'));
        unit::equal(joined.server.frames_in(), 2);
        unit::equal(joined.client.frames_in(), 2);
    });
}

void client_and_server_ping_each_other_and_close(void **) {
    in_every_cut([](Cut cut) {
        Conversation joined(cut);
        joined.client.ping(unit::bytes("c"));
        joined.say_due(joined.client);
        joined.server.ping(unit::bytes("s"));
        joined.say_due(joined.server);
        joined.client.close(CloseCode::normal, "bye");
        joined.say_due(joined.client);
        joined.say_due(joined.server);
        unit::equal(joined.heard(), "[ping c][pong c][ping s][pong s][close bye][close ]");
        unit::check(joined.client.close_received() && joined.server.close_received());
    });
}

// A code point that is cut waits in front of the next payload, and is masked with it.
void client_sends_text_whose_code_points_are_whole(void **) {
    in_every_cut([](Cut cut) {
        Conversation joined(cut, Opcode::text);
        joined.say(joined.client, "gr\xc3\xbc\xc3");
        unit::equal(joined.client.held_back(), 1);
        joined.say(joined.client,
                   "\x9f"
                   "e");
        joined.say(joined.server, "\xe2\x82");
        joined.say(joined.server, "\xac");
        unit::equal(joined.heard(),
                    "gr\xc3\xbc\xc3\x9f"
                    "e\xe2\x82\xac");
    });
}

// What is due is written whole or not at all.
void client_needs_room_for_a_key(void **) {
    Keys keys;
    Session client({.keys = &keys});
    client.ping(unit::bytes("abc"));
    std::array<std::uint8_t, 9> room;
    unit::equal(client.write_due(std::span(room).first(8)), 0);
    unit::equal(client.write_due(room), 9);
    unit::equal(keys.drawn, 1);
    unit::check(!client.passes_bytes());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(client_reads_what_a_server_writes),
        cmocka_unit_test(client_refuses_masked_frames_at_the_second_byte),
        cmocka_unit_test(client_refuses_what_a_server_refuses),
        cmocka_unit_test(server_reads_in_place_too),
        cmocka_unit_test(client_masks_each_frame_with_a_key_of_its_own),
        cmocka_unit_test(keys_that_nobody_draws_are_zeros),
        cmocka_unit_test(client_and_server_talk),
        cmocka_unit_test(client_and_server_ping_each_other_and_close),
        cmocka_unit_test(client_sends_text_whose_code_points_are_whole),
        cmocka_unit_test(client_needs_room_for_a_key),
    };
    return unit::run("client_role", tests);
}
