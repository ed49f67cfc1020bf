#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Cut;
using unit::Memory;
using unit::OwnDeflater;
using unit::OwnInflater;
using unit::Transcript;
using unit::with_max;
using ws::Compression;
using ws::Framer;
using ws::FramingKind;
using ws::FramingSettings;
using ws::Session;

namespace {

constexpr ws::DeflateParameters no_takeover{.server_no_takeover = true, .client_no_takeover = true};

constexpr FramingSettings lf{.kind = FramingKind::line};
constexpr FramingSettings crlf{.kind = FramingKind::line, .crlf = true};
constexpr FramingSettings u8{.kind = FramingKind::length, .length_size = 1};
constexpr FramingSettings u16{.kind = FramingKind::length, .length_size = 2};
constexpr FramingSettings typed{.kind = FramingKind::typed, .length_size = 4};

// A client, which inflates and joins what the session sends.
class Client {
public:
    void get(Bytes frames) {
        while (!frames.empty()) {
            const unsigned first = frames[0];
            std::size_t header = 2;
            std::size_t length = frames[1];
            if (length >= 126) {
                header = length == 126 ? 4 : 10;
                length = 0;
                for (std::size_t i = 2; i < header; ++i) {
                    length = length << 8U | frames[i];
                }
            }
            unit::equal(ws::header_size(length), header);
            get_frame(first, frames.subspan(header, length));
            frames = frames.subspan(header + length);
            ++frames_;
        }
    }

    [[nodiscard]] std::string_view text() const { return transcript_.text(); }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] unsigned compressed() const { return compressed_messages_; }

    Transcript &transcript() { return transcript_; }

private:
    void get_frame(unsigned first, Bytes payload) {
        const unsigned opcode = first & 0x0fU;
        const bool fin = (first & 0x80U) != 0;
        unit::equal(opcode == 0, open_);
        if (opcode != 0) {
            compressed_ = (first & 0x40U) != 0;
            compressed_messages_ += compressed_ ? 1 : 0;
            transcript_.add(opcode == 1 ? "<t " : "<b ");
            inflater_.reset();
        } else {
            unit::equal(first & 0x40U, 0);
        }
        open_ = !fin;
        if (compressed_) {
            std::array<std::uint8_t, 4'000> inflated;
            std::span<std::uint8_t> to = inflated;
            unit::equal(inflater_.inflate(payload, to, fin), ws::InflateStatus::needs_more);
            transcript_.add(Bytes{inflated.data(), to.data()});
        } else {
            transcript_.add(payload);
        }
        transcript_.add(fin ? ">" : "");
    }

    OwnInflater inflater_;
    Transcript transcript_;
    std::uint64_t frames_ = 0;
    unsigned compressed_messages_ = 0;
    bool compressed_ = false;
    bool open_ = false;
};

constexpr std::size_t room_for(std::size_t bytes) {
    std::size_t room = 2 * bytes;
    while (Session::max_framed(room) < bytes) {
        ++room;
    }
    return room;
}

class Sender {
public:
    Sender(const FramingSettings &framing, ws::Opcode outgoing, Compression *compression)
        : framer_(framing),
          session_({.outgoing = outgoing, .compression = compression, .framer = &framer_}) {}

    void send(Bytes bytes, Client &client) {
        const Memory room(room_for(bytes.size()));
        give(session_.wrap_messages(bytes, room.bytes()), client);
    }

    void end(Client &client) {
        const Memory room(Session::min_framed_room);
        give(session_.wrap_end(room.bytes()), client);
        client.transcript().add(ws::words(fault_));
        unit::equal(session_.frames_out(), client.frames());
        unit::equal(session_.held_back(), 0);
    }

private:
    void give(const Session::Framed &framed, Client &client) {
        unit::check(fault_ == ws::BackendFault::none || framed.frames.empty());
        fault_ = framed.fault;
        client.get(framed.frames);
    }

    Framer framer_;
    Session session_;
    ws::BackendFault fault_ = ws::BackendFault::none;
};

// In every cut; with compression with and without takeover, and where no deflater is at hand.
void sends(std::string_view stream, std::string_view wanted, const FramingSettings &framing,
           ws::Opcode outgoing = ws::Opcode::binary) {
    OwnDeflater deflater;
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        for (unsigned way = 0; way < 4; ++way) {
            Compression compression({.server_no_takeover = true}, 0);
            ws::Deflater *const lent[] = {nullptr, &deflater};
            Sender sender(framing, outgoing, way == 0 ? nullptr : &compression);
            Client client;
            unsigned turn = way == 3 ? 1 : way == 2 ? 2 : 0;
            unit::receive(unit::bytes(stream), cut, [&](Bytes part) {
                // The third has one only at first.
                compression.lend(lent[turn != 0 ? 1 : 0]);
                turn = turn == 2 ? 0 : turn;
                sender.send(part, client);
            });
            sender.end(client);
            unit::equal(client.text(), wanted);
            unit::check(client.compressed() == 0 || way >= 2);
        }
    });
}

void makes_messages_of_lines(void **) {
    sends("one\n\nthree\nlast", "<b one><b ><b three><b last>", lf);
    sends("one\r\n\r\nthr\ree\nlast\r", "<t one><t ><t thr\ree><t last\r>", crlf, ws::Opcode::text);
    sends("a line that is longer, a line that is longer, a line that is longer\n\n\n\nx\n",
          "<b a line that is longer, a line that is longer, a line that is longer>"
          "<b ><b ><b ><b x>",
          lf);
}

void makes_messages_of_records(void **) {
    sends("\x03one\x00\x05three"sv, "<b one><b ><b three>", u8);
    sends("\0\x03one\0\0\0\x05three"sv, "<t one><t ><t three>", u16, ws::Opcode::text);
    sends("\0\0\0\x03\x01one\0\0\0\0\x02\0\0\0\x05\x02three"sv, "<t one><b ><b three>", typed);
}

void sends_text_that_is_utf8_alone(void **) {
    sends("\xe2\x82\xac\n\xf0\x9f\x98\x80\n", "<t \xe2\x82\xac><t \xf0\x9f\x98\x80>", lf,
          ws::Opcode::text);
    sends("ok\nno \xc3\nmore\n",
          "<t ok><t no \xc3"
          "backend sent bytes that are not UTF-8",
          lf, ws::Opcode::text);
    sends("ok\nno \xff more\n", "<t ok><t no backend sent bytes that are not UTF-8", lf,
          ws::Opcode::text);
    sends("no \xe2\x82",
          "<t no \xe2\x82"
          "backend sent bytes that are not UTF-8",
          lf, ws::Opcode::text);
    sends("\0\0\0\x02\x02\xff\xfe\0\0\0\x02\x01\xc3\xa9\0\0\0\x02\x01\xc3\xff"sv,
          "<b \xff\xfe><t \xc3\xa9><t \xc3"
          "backend sent bytes that are not UTF-8",
          typed);
}

void names_what_a_backend_does_wrong(void **) {
    sends("12345\n123456\n1\n", "<b 12345><b 12345backend sent a line that is too long",
          with_max(lf, 5));
    sends("\0\x05hello\0"sv, "<b hello>backend closed inside a record", u16);
    sends("\0\x05hello\0\x06hello"sv, "<b hello><b hellobackend closed inside a record", u16);
    sends("\0\x05hello\0\x06hello"sv, "<b hello>backend sent a record that is too long",
          with_max(u16, 5));
    sends("\0\0\0\x01\x02x\0\0\0\x01\x09y"sv, "<b x>backend sent a record of unknown type", typed);
}

// However bad their ratio, all that came at a time fits.
void has_room_for_messages_of_any_size(void **) {
    OwnDeflater deflater;
    std::array<std::uint8_t, 3'000> stream;
    for (const unsigned gap : {1U, 2U, 3U, 10U, 40U, 127U, 128U, 500U, 3'001U}) {
        for (const bool with_takeover : {false, true}) {
            for (std::size_t i = 0; i < stream.size(); ++i) {
                stream[i] = static_cast<std::uint8_t>(i % gap == gap - 1 ? '\n' : i * i * 37 % 251);
                stream[i] = stream[i] == '\n' && i % gap != gap - 1 ? ' ' : stream[i];
            }
            Compression compression(with_takeover ? ws::DeflateParameters{} : no_takeover, 0);
            compression.lend(&deflater);
            Framer framer(lf);
            Session session({.compression = &compression, .framer = &framer});
            for (const std::size_t size : {1UL, 1UL, 3UL, 300UL, 1'000UL, 1'000UL}) {
                const Memory room(room_for(size));
                const Memory bytes(size);
                std::ranges::copy(std::span{stream}.first(size), bytes.bytes().begin());
                const Session::Framed framed = session.wrap_messages(bytes.bytes(), room.bytes());
                unit::check(framed.frames.size() <= room.bytes().size());
            }
        }
    }
}

void compresses_lines_that_are_worth_it(void **) {
    OwnDeflater deflater;
    Compression compression(no_takeover, 20);
    compression.lend(&deflater);
    Sender sender(lf, ws::Opcode::text, &compression);
    Client client;
    sender.send(unit::bytes("short\n"
                            "again and again and again and again and again\n"
                            "again and again and again and again and again"),
                client);
    unit::equal(client.compressed(), 2);
    sender.send(unit::bytes(" short\n"), client);
    sender.end(client);
    unit::equal(client.text(),
                "<t short><t again and again and again and again and again>"
                "<t again and again and again and again and again short>");
    unit::check(!compression.keeps_deflater());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(makes_messages_of_lines),
        cmocka_unit_test(makes_messages_of_records),
        cmocka_unit_test(sends_text_that_is_utf8_alone),
        cmocka_unit_test(names_what_a_backend_does_wrong),
        cmocka_unit_test(has_room_for_messages_of_any_size),
        cmocka_unit_test(compresses_lines_that_are_worth_it),
    };
    return unit::run("session_framed_output", tests);
}
