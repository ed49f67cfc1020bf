#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Cut;
using unit::Memory;
using unit::OwnDeflater;
using unit::OwnInflater;
using unit::Transcript;
using ws::Compression;
using ws::DeflateParameters;
using ws::Opcode;
using ws::Session;

namespace {

constexpr DeflateParameters takeover{};
constexpr DeflateParameters no_takeover{.server_no_takeover = true, .client_no_takeover = true};

constexpr auto words = "a rose is a rose is a rose is a rose is a rose"sv;

constexpr std::size_t room_for(std::size_t payload) {
    std::size_t room = payload;
    while (Session::max_payload(room) < payload) {
        ++room;
    }
    return room;
}

// A payload with its headroom, a room, and what wrap() made of them.
class Wrapping {
public:
    Wrapping(Session &session, Bytes payload)
        : bytes_(Session::headroom + payload.size()), room_(room_for(payload.size())) {
        const auto place = bytes_.bytes().subspan(Session::headroom);
        std::ranges::copy(payload, place.begin());
        wrapped_ = session.wrap(place, room_.bytes());
    }

    [[nodiscard]] Bytes frame() const { return wrapped_.frame; }
    [[nodiscard]] bool valid() const { return wrapped_.valid; }
    [[nodiscard]] unsigned first_byte() const { return frame()[0]; }
    [[nodiscard]] bool compressed() const { return (first_byte() & 0x40U) != 0; }
    [[nodiscard]] bool in_room() const {
        const Bytes room = room_.bytes();
        return frame().data() >= room.data() && frame().data() < room.data() + room.size();
    }

    [[nodiscard]] Bytes payload() const {
        const std::size_t length = frame()[1];
        const std::size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
        unit::equal(header, ws::header_size(frame().size() - header));
        return frame().subspan(header);
    }

private:
    Memory bytes_;
    Memory room_;
    Session::Wrapped wrapped_;
};

class Client {
public:
    explicit Client(bool with_takeover, unsigned bits = 15)
        : inflater_(bits), takeover_(with_takeover) {}

    void gets(const Wrapping &wrapping, Bytes wanted) {
        unit::equal(wrapping.compressed(), wrapping.in_room());
        if (!wrapping.compressed()) {
            unit::equal(wrapping.payload(), wanted);
            return;
        }
        if (!takeover_) {
            inflater_.reset();
        }
        Bytes from = wrapping.payload();
        const Memory to(wanted.size() + 1);
        std::span<std::uint8_t> room = to.bytes();
        unit::equal(inflater_.inflate(from, room, true), ws::InflateStatus::needs_more);
        unit::equal(to.first(to.bytes().size() - room.size()), wanted);
    }

private:
    OwnInflater inflater_;
    bool takeover_;
};

void compresses_a_message(void **) {
    OwnDeflater deflater;
    Compression compression(no_takeover, 0);
    compression.lend(&deflater);
    Session session({.compression = &compression});
    Client client(false);
    for (unsigned i = 0; i < 3; ++i) {
        const Wrapping wrapping(session, unit::bytes(words));
        unit::equal(wrapping.first_byte(), 0xc2);
        unit::check(wrapping.frame().size() < words.size());
        client.gets(wrapping, unit::bytes(words));
        unit::check(!compression.keeps_deflater());
    }
    unit::equal(session.frames_out(), 3);
}

void compresses_messages_of_every_length_form(void **) {
    static std::array<std::uint8_t, 70'000> bytes;
    std::mt19937 random(3);
    for (const bool with_takeover : {false, true}) {
        OwnDeflater deflater;
        Compression compression(with_takeover ? takeover : no_takeover, 0);
        compression.lend(&deflater);
        Session session({.compression = &compression});
        Client client(with_takeover);
        for (const unsigned characters : {1U, 4U, 100U, 256U}) {
            std::ranges::generate(bytes,
                                  [&] { return static_cast<std::uint8_t>(random() % characters); });
            for (const std::size_t size : {1U, 10U, 125U, 126U, 200U, 65'535U, 65'536U, 70'000U}) {
                const Bytes message = std::span{bytes}.last(size);
                client.gets(Wrapping(session, message), message);
            }
        }
    }
}

void leaves_short_messages_as_they_are(void **) {
    OwnDeflater deflater;
    Compression compression(takeover, 46);
    compression.lend(&deflater);
    Session session({.compression = &compression});
    const Wrapping one_short(session, unit::bytes(words).first(45));
    unit::equal(one_short.first_byte(), 0x82);
    unit::equal(unit::text(one_short.payload()), words.substr(0, 45));
    unit::check(!one_short.in_room());
    unit::check(!compression.keeps_deflater());
    unit::check(Wrapping(session, unit::bytes(words)).compressed());
    unit::check(compression.keeps_deflater());
}

void needs_no_deflater_for_short_messages(void **) {
    Compression compression(no_takeover, 10);
    Session session({.compression = &compression});
    unit::check(!Wrapping(session, unit::bytes("short")).compressed());
}

void leaves_noise_as_it_is_without_takeover(void **) {
    OwnDeflater deflater;
    Compression compression(no_takeover, 0);
    compression.lend(&deflater);
    Session session({.compression = &compression});
    const Wrapping wrapping(session, unit::bytes("\x01\x80\xfe\x33\x9c"));
    unit::equal(wrapping.first_byte(), 0x82);
    unit::equal(unit::text(wrapping.payload()), "\x01\x80\xfe\x33\x9c");
    Client(false).gets(Wrapping(session, unit::bytes(words)), unit::bytes(words));
}

// The client's window must have seen all that later messages refer to.
void compresses_even_noise_with_takeover(void **) {
    OwnDeflater deflater;
    Compression compression(takeover, 0);
    compression.lend(&deflater);
    Session session({.compression = &compression});
    Client client(true);
    const Bytes noise = unit::bytes("\x01\x80\xfe\x33\x9c\x70\xe1\x08\x55\xab");
    const Wrapping first(session, noise);
    unit::check(first.compressed() && first.payload().size() > noise.size());
    client.gets(first, noise);
    const Wrapping second(session, noise);
    unit::check(second.payload().size() < noise.size());
    client.gets(second, noise);
}

void shares_a_deflater_between_sessions(void **) {
    OwnDeflater deflater;
    Compression first_compression(no_takeover, 0);
    Compression second_compression(no_takeover, 0);
    first_compression.lend(&deflater);
    second_compression.lend(&deflater);
    Session first({.compression = &first_compression});
    Session second({.compression = &second_compression});
    for (Session *session : {&first, &second, &first}) {
        Client(false).gets(Wrapping(*session, unit::bytes(words)), unit::bytes(words));
    }
}

void keeps_to_the_window(void **) {
    static std::array<std::uint8_t, 5'000> bytes;
    std::mt19937 random(4);
    std::ranges::generate(std::span{bytes}.first(1'000),
                          [&] { return static_cast<std::uint8_t>(random()); });
    std::ranges::copy(std::span{bytes}.first(1'000), bytes.begin() + 4'000);
    for (unsigned bits = 9; bits <= 15; ++bits) {
        OwnDeflater deflater({.level = 9, .bits = bits});
        Compression compression({.server_bits = bits}, 0);
        unit::equal(compression.agreed().server_bits, bits);
        compression.lend(&deflater);
        Session session({.compression = &compression});
        Client client(true, bits);
        for (unsigned i = 0; i < 3; ++i) {
            client.gets(Wrapping(session, bytes), bytes);
        }
    }
}

// Cut as the stream is, what is not ready waits, compressed or not.
void compresses_text_between_code_points(void **) {
    constexpr std::string_view text =
        "a\xc3\xa9"
        "b\xe2\x82\xac\xf0\x9f\x98\x80"
        "c\xf4\x8f\xbf\xbf";
    OwnDeflater deflater;
    unit::for_every_cut(text.size(), [&](Cut cut) {
        Compression compression(takeover, 0);
        compression.lend(&deflater);
        Session session({.outgoing = Opcode::text, .compression = &compression});
        Client client(true);
        std::size_t told = 0;
        std::size_t given = 0;
        unit::receive(unit::bytes(text), cut, [&](Bytes part) {
            const Wrapping wrapping(session, part);
            unit::check(wrapping.valid());
            given += part.size();
            const std::size_t size = given - session.held_back() - told;
            unit::equal(wrapping.frame().empty(), size == 0);
            if (size != 0) {
                unit::equal(wrapping.first_byte(), 0xc1);
                client.gets(wrapping, unit::bytes(text.substr(told, size)));
            }
            told += size;
        });
        unit::equal(told, text.size());
    });
}

void compresses_text_up_to_the_first_impossible_byte(void **) {
    OwnDeflater deflater;
    Compression compression(no_takeover, 0);
    compression.lend(&deflater);
    Session session({.outgoing = Opcode::text, .compression = &compression});
    const Wrapping wrapping(session, unit::bytes("aaaaaaaaaaaaaaaaaaaaaaaa\xff more"));
    unit::check(!wrapping.valid());
    unit::check(wrapping.compressed());
    Client(false).gets(wrapping, unit::bytes("aaaaaaaaaaaaaaaaaaaaaaaa"));
    const Wrapping after(session, unit::bytes("b"));
    unit::check(!after.valid() && after.frame().empty());
}

void tells_what_was_compressed_and_nothing_without_compression(void **) {
    unit::check(Session({}).compressed() == nullptr);
    OwnDeflater deflater;
    Compression compression(no_takeover, 0);
    compression.lend(&deflater);
    Session session({.compression = &compression});
    const Wrapping wrapping(session, unit::bytes(words));
    unit::check(wrapping.compressed());
    unit::equal(session.compressed()->plain_out, words.size());
}

void says_how_much_fits_into_a_room(void **) {
    unit::equal(Session::max_payload(0), 0);
    unit::equal(Session::max_payload(50), 0);
    unit::check(Session::max_payload(65'536) > 57'000);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(compresses_a_message),
        cmocka_unit_test(compresses_messages_of_every_length_form),
        cmocka_unit_test(leaves_short_messages_as_they_are),
        cmocka_unit_test(needs_no_deflater_for_short_messages),
        cmocka_unit_test(leaves_noise_as_it_is_without_takeover),
        cmocka_unit_test(compresses_even_noise_with_takeover),
        cmocka_unit_test(shares_a_deflater_between_sessions),
        cmocka_unit_test(keeps_to_the_window),
        cmocka_unit_test(compresses_text_between_code_points),
        cmocka_unit_test(compresses_text_up_to_the_first_impossible_byte),
        cmocka_unit_test(tells_what_was_compressed_and_nothing_without_compression),
        cmocka_unit_test(says_how_much_fits_into_a_room),
    };
    return unit::run("session_deflate_output", tests);
}
