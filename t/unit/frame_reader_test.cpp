#include "t/unit/unit.hpp"

#include <array>
#include <cstring>

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "t/unit/client_stream.hpp"

using namespace std::string_view_literals;
using unit::ClientStream;
using unit::Cut;
using unit::Transcript;
using ws::FrameReader;
using ws::Opcode;
using ws::Violation;

namespace {

struct Options {
    bool compression = false;
    std::uint64_t max_message_size = 0;
};

std::string_view name(const ws::Piece &piece) {
    switch (piece.opcode) {
        case Opcode::text:
            return piece.compressed ? "compressed text<" : "text<";
        case Opcode::binary:
            return piece.compressed ? "compressed binary<" : "binary<";
        case Opcode::close:
            return "close<";
        case Opcode::ping:
            return "ping<";
        case Opcode::pong:
            return "pong<";
        default:
            return "nothing<";
    }
}

void take(Transcript &transcript, const ws::Piece &piece) {
    if (piece.starts_message) {
        transcript.add(name(piece));
    }
    transcript.add(piece.payload);
    if (piece.ends_message) {
        transcript.add(">");
    }
}

// Reads one buffer, and checks what next() promises about it.
void read(FrameReader &reader, std::span<std::uint8_t> part, Transcript &transcript) {
    std::uint8_t *begin = part.data();
    ws::ReadBuffer buffer{begin, begin, begin + part.size()};
    for (;;) {
        std::uint8_t *packed = buffer.packed;
        ws::Piece piece{};
        const ws::ReadStatus status = reader.next(buffer, piece);
        unit::check(buffer.packed <= buffer.unread && buffer.unread <= begin + part.size());
        if (status != ws::ReadStatus::piece) {
            unit::check(buffer.packed == packed);
            unit::check(status == ws::ReadStatus::violation || buffer.unread == buffer.end);
            unit::equal(status == ws::ReadStatus::violation, reader.violation() != Violation::none);
            return;
        }
        if (ws::is_control(piece.opcode)) {
            unit::check(piece.starts_message && piece.ends_message && buffer.packed == packed);
            unit::equal(reader.control_payload(), piece.payload);
        } else {
            unit::check(piece.payload.data() == packed);
            unit::check(buffer.packed == packed + piece.payload.size());
        }
        take(transcript, piece);
    }
}

// The transcript ends with the broken rule, if any, and the number of frames.
Transcript read(unit::Bytes stream, Cut cut, const Options &options) {
    Transcript transcript;
    FrameReader reader(options.compression, options.max_message_size);
    unit::receive(stream, cut,
                  [&](std::span<std::uint8_t> part) { read(reader, part, transcript); });
    if (reader.violation() != Violation::none) {
        transcript.add("!").add(ws::words(reader.violation()));
    }
    return transcript.add("#").add_number(reader.frames());
}

void reads(const ClientStream &stream, std::string_view wanted, const Options &options = {}) {
    unit::for_every_cut(stream.size(), [&](Cut cut) {
        const Transcript transcript = read(stream.bytes(), cut, options);
        if (transcript.text() != wanted) {
            print_error("cut at %zu, then every %zu bytes\n", cut.first, cut.rest);
            unit::equal(transcript.text(), wanted);
        }
    });
}

void reads_messages(void **) {
    reads(ClientStream{}.frame(0x81, "Hello"), "text<Hello>#1");
    reads(ClientStream{}.frame(0x82, "\x00\xff"sv), "binary<\x00\xff>#1"sv);
    reads(ClientStream{}.frame(0x82, "one").frame(0x81, "two").frame(0x82, "three"),
          "binary<one>text<two>binary<three>#3");
}

void reads_empty_messages(void **) {
    reads(ClientStream{}.frame(0x81, ""), "text<>#1");
    reads(ClientStream{}.frame(0x82, "").frame(0x82, "").frame(0x82, "x"),
          "binary<>binary<>binary<x>#3");
}

void reads_fragments_as_one_message(void **) {
    reads(ClientStream{}.frame(0x01, "Hel").frame(0x00, "l").frame(0x80, "o").frame(0x82, "x"),
          "text<Hello>binary<x>#4");
}

void reads_empty_fragments_with_pings_in_between(void **) {
    reads(ClientStream{}
              .frame(0x01, "")
              .frame(0x89, "a")
              .frame(0x00, "He")
              .frame(0x89, "")
              .frame(0x00, "")
              .frame(0x8a, "b")
              .frame(0x00, "llo")
              .frame(0x89, "c")
              .frame(0x80, ""),
          "text<ping<a>Heping<>pong<b>lloping<c>>#9");
}

void reads_a_message_of_nothing_but_empty_fragments(void **) {
    reads(ClientStream{}.frame(0x02, "").frame(0x00, "").frame(0x80, "").frame(0x81, "x"),
          "binary<>text<x>#4");
}

void reads_control_frames_whole(void **) {
    std::array<char, 125> payload;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<char>('0' + i % 10);
    }
    const std::string_view longest{payload.data(), payload.size()};
    Transcript wanted;
    wanted.add("ping<").add(longest).add(">pong<>close<\x03\xe8>#3");
    reads(ClientStream{}.frame(0x89, longest).frame(0x8a, "").frame(0x88, "\x03\xe8"),
          wanted.text());
}

void keeps_the_masking_phase_of_a_frame_around_a_cut(void **) {
    reads(ClientStream{}.frame(0x82, "0123456789abcdef").frame(0x82, "0123456789abcdef"),
          "binary<0123456789abcdef>binary<0123456789abcdef>#2");
}

void gives_an_empty_piece_for_an_empty_frame_and_none_for_a_header(void **) {
    const ClientStream stream = ClientStream{}.frame(0x02, "").frame(0x80, "x");
    std::array<std::uint8_t, 13> bytes;
    std::ranges::copy(stream.bytes(), bytes.begin());
    FrameReader reader;
    ws::ReadBuffer buffer{bytes.data(), bytes.data(), bytes.data() + 12};
    ws::Piece piece{};
    unit::equal(reader.next(buffer, piece), ws::ReadStatus::piece);
    unit::check(piece.starts_message && !piece.ends_message && piece.payload.empty());
    unit::equal(reader.next(buffer, piece), ws::ReadStatus::need_more);
    ++buffer.end;
    unit::equal(reader.next(buffer, piece), ws::ReadStatus::piece);
    unit::check(!piece.starts_message && piece.ends_message);
    unit::equal(unit::text(piece.payload), "x");
}

// A masked payload of which each test takes the beginning, with room for a header before it.
struct LongFrame {
    static constexpr std::size_t max_size = 70'000;
    static constexpr std::array<std::uint8_t, 4> key{0xd1, 0x07, 0x5a, 0x9c};

    LongFrame() {
        for (std::size_t i = 0; i < max_size; ++i) {
            payload[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
            masked[i] = payload[i] ^ key[i % 4];
        }
    }

    // Returns the frame's size.
    std::size_t write(std::uint8_t *to, std::size_t size) const {
        ClientStream header;
        header.header(0x82, size, size < 126 ? 0 : size <= 0xffff ? 2 : 8);
        const std::size_t header_size = header.size();
        std::memcpy(to, header.bytes().data(), header_size - key.size());
        std::memcpy(to + header_size - key.size(), key.data(), key.size());
        std::memcpy(to + header_size, masked.data(), size);
        return header_size + size;
    }

    std::array<std::uint8_t, max_size> payload;
    std::array<std::uint8_t, max_size> masked;
};

const LongFrame long_frame;

void reads_every_length_up_to_70000(void **) {
    static std::array<std::uint8_t, LongFrame::max_size + 14> bytes;
    for (std::size_t size = 0; size <= LongFrame::max_size; ++size) {
        std::uint8_t *end = bytes.data() + long_frame.write(bytes.data(), size);
        ws::ReadBuffer buffer{bytes.data(), bytes.data(), end};
        FrameReader reader;
        ws::Piece piece{};
        unit::equal(reader.next(buffer, piece), ws::ReadStatus::piece);
        unit::check(piece.ends_message && piece.payload.data() == bytes.data());
        unit::equal(piece.payload, unit::Bytes{long_frame.payload}.first(size));
        unit::equal(reader.next(buffer, piece), ws::ReadStatus::need_more);
        unit::check(buffer.unread == end);
    }
}

void reads_lengths_of_every_form_cut_in_and_behind_the_header(void **) {
    static std::array<std::uint8_t, LongFrame::max_size + 14> bytes;
    for (const std::size_t size :
         {0U, 1U, 2U, 124U, 125U, 126U, 127U, 128U, 65'534U, 65'535U, 65'536U, 65'537U, 70'000U}) {
        const std::size_t total = long_frame.write(bytes.data(), size);
        Transcript wanted;
        wanted.add("binary<").add(unit::Bytes{long_frame.payload}.first(size)).add(">#1");
        const auto reads_with = [&](Cut cut) {
            const Transcript transcript = read({bytes.data(), total}, cut, {});
            unit::equal(transcript.text(), wanted.text());
        };
        for (std::size_t first = 1; first <= total; first += first < 40 ? 1 : total / 40 + 1) {
            reads_with({first, total});
        }
        reads_with({1, 1});
        reads_with({total - 1, 1});
    }
}

void tells_compressed_messages_from_others(void **) {
    reads(ClientStream{}.frame(0x41, "a").frame(0x89, "b").frame(0x80, "c").frame(0x82, "d").frame(
              0xc2, "e"),
          "compressed text<aping<b>c>binary<d>compressed binary<e>#5", {.compression = true});
}

void takes_no_memory_on_the_word_of_a_length(void **) {
    ClientStream stream;
    stream.raw("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"sv).raw("some");
    reads(stream, "binary<some#1");
}

void reads_messages_of_exactly_the_size_that_is_allowed(void **) {
    reads(ClientStream{}
              .frame(0x82, "0123456789")
              .frame(0x02, "01234")
              .frame(0x89, "a longer ping")
              .frame(0x00, "56789")
              .frame(0x80, "")
              .frame(0x81, "0123456789"),
          "binary<0123456789>binary<01234ping<a longer ping>56789>text<0123456789>#6",
          {.max_message_size = 10});
}

void keeps_what_stands_before_a_violation(void **) {
    reads(ClientStream{}.frame(0x81, "good").frame(0x02, "half").raw("\x81").frame(0x81, "late"),
          "text<good>binary<half!new message inside another#2");
    reads(ClientStream{}.frame(0x82, "good").raw("\x82\x04late"),
          "binary<good>!frame is not masked#1");
}

bool inside_after(const ClientStream &stream, std::size_t size, bool byte_by_byte) {
    FrameReader reader;
    std::array<std::uint8_t, 64> bytes;
    std::memcpy(bytes.data(), stream.bytes().data(), size);
    const std::size_t step = byte_by_byte ? 1 : size;
    for (std::size_t at = 0; at < size; at += step) {
        std::uint8_t *begin = bytes.data() + at;
        ws::ReadBuffer buffer{begin, begin, begin + step};
        ws::Piece piece{};
        while (reader.next(buffer, piece) == ws::ReadStatus::piece) {
        }
    }
    return reader.inside_message();
}

void tells_whether_what_was_read_ends_inside_a_message(void **) {
    const ClientStream stream =
        ClientStream{}.frame(0x82, "one").frame(0x02, "two").frame(0x80, "");
    const std::size_t one = 6 + 3;
    for (const bool byte_by_byte : {false, true}) {
        for (std::size_t size = 0; size <= stream.bytes().size(); ++size) {
            const bool between = size == 0 || size == one || size == stream.bytes().size();
            unit::check(inside_after(stream, size, byte_by_byte) == !between);
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages),
        cmocka_unit_test(reads_empty_messages),
        cmocka_unit_test(reads_fragments_as_one_message),
        cmocka_unit_test(reads_empty_fragments_with_pings_in_between),
        cmocka_unit_test(reads_a_message_of_nothing_but_empty_fragments),
        cmocka_unit_test(reads_control_frames_whole),
        cmocka_unit_test(keeps_the_masking_phase_of_a_frame_around_a_cut),
        cmocka_unit_test(gives_an_empty_piece_for_an_empty_frame_and_none_for_a_header),
        cmocka_unit_test(reads_every_length_up_to_70000),
        cmocka_unit_test(reads_lengths_of_every_form_cut_in_and_behind_the_header),
        cmocka_unit_test(tells_compressed_messages_from_others),
        cmocka_unit_test(takes_no_memory_on_the_word_of_a_length),
        cmocka_unit_test(reads_messages_of_exactly_the_size_that_is_allowed),
        cmocka_unit_test(keeps_what_stands_before_a_violation),
        cmocka_unit_test(tells_whether_what_was_read_ends_inside_a_message),
    };
    return unit::run("frame_reader", tests);
}
