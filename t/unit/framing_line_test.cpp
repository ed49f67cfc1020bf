#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_framing/framing_line.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/framing_reading.hpp"
#include "t/unit/framing_settings.hpp"

using namespace std::string_view_literals;
using unit::Bytes;
using unit::Transcript;
using unit::with_max;
using ws::FramingKind;
using ws::FramingSettings;
using ws::LineReader;
using ws::LineWriter;
using ws::Part;
using ws::PartStatus;
using ws::Violation;

namespace {

constexpr FramingSettings lf{.kind = FramingKind::line};
constexpr FramingSettings lf_split{.kind = FramingKind::line, .split = true};
constexpr FramingSettings crlf{.kind = FramingKind::line, .crlf = true};
constexpr FramingSettings crlf_split{.kind = FramingKind::line, .crlf = true, .split = true};

// Writes to rooms that have just as much as one call needs, or as much as the message.
class Writing {
public:
    Writing(const FramingSettings &settings, std::size_t room_size)
        : writer_(settings), room_size_(room_size) {
        writer_.begin();
    }

    void next_message() { writer_.begin(); }

    // Returns whether more may follow.
    bool take(Bytes bytes, bool ends) {
        do {
            ws::Room room{memory_.data(), memory_.data() + room_size_};
            const ws::Room space = writer_.space(room);
            unit::check(space.filled >= room.filled && space.end <= room.end);
            const std::size_t size = std::min(bytes.size(), ws::free_in(space));
            unit::check(size != 0 || bytes.empty());
            std::ranges::copy(bytes.first(size), space.filled);
            bytes = bytes.subspan(size);
            const Violation violation =
                writer_.take({space.filled, size}, ends && bytes.empty(), room);
            unit::check(room.filled <= room.end);
            transcript_.add(Bytes{memory_.data(), room.filled});
            if (violation != Violation::none) {
                transcript_.add("[").add(ws::words(violation)).add("]");
                return false;
            }
        } while (!bytes.empty());
        return true;
    }

    [[nodiscard]] std::string_view text() const { return transcript_.text(); }

private:
    LineWriter writer_;
    std::size_t room_size_;
    std::array<std::uint8_t, 300> memory_;
    Transcript transcript_;
};

void writes(std::string_view message, std::string_view wanted, const FramingSettings &settings) {
    for (const std::size_t room_size : {LineWriter::min_room, LineWriter::min_room + 1, 300UL}) {
        for (std::size_t first = 0; first <= message.size(); ++first) {
            Writing writing(settings, room_size);
            if (writing.take(unit::bytes(message.substr(0, first)), false)) {
                (void)writing.take(unit::bytes(message.substr(first)), true);
            }
            unit::equal(writing.text(), wanted);
        }
        Writing writing(settings, room_size);
        bool more = true;
        for (std::size_t at = 0; more && at < message.size(); ++at) {
            more = writing.take(unit::bytes(message.substr(at, 1)), false);
        }
        if (more) {
            (void)writing.take({}, true);
        }
        unit::equal(writing.text(), wanted);
    }
}

void ends_each_message_with_a_line_end(void **) {
    writes("a message", "a message\n", lf);
    writes("a message", "a message\r\n", crlf);
    writes("", "\n", lf);
    writes("", "\r\n", crlf);
    writes("a\0b"sv, "a\0b\n"sv, lf);
    writes("in lines of LF a CR\r is a byte\r", "in lines of LF a CR\r is a byte\r\n", lf);
}

void refuses_a_line_end_inside_a_message(void **) {
    writes("a\nb", "a[message holds a line end]", lf);
    writes("a\n", "a[message holds a line end]", lf);
    writes("\n", "[message holds a line end]", lf);
    writes("a\r\nb", "a[message holds a line end]", crlf);
    writes("a\nb", "a[message holds a line end]", crlf);
    writes("a\rb", "a[message holds a line end]", crlf);
    writes("a longer line\r", "a longer line[message holds a line end]", crlf);
    writes("a longer line than that\n", "a longer line than that[message holds a line end]", crlf);
}

void splits_a_message_into_lines(void **) {
    writes("one\ntwo\n\nfour", "one\ntwo\n\nfour\n", lf_split);
    writes("one\r\ntwo\nthree\rfour\n\rsix", "one\r\ntwo\r\nthree\r\nfour\r\n\r\nsix\r\n",
           crlf_split);
    writes("\n\n\n\n\n\n\n\n\n\n\n\n", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n",
           crlf_split);
    writes("\r\r\n\n\r\n", "\r\n\r\n\r\n\r\n", crlf_split);
}

void needs_no_line_end_behind_a_message_that_has_one(void **) {
    writes("one\n", "one\n", lf_split);
    writes("\n", "\n", lf_split);
    writes("", "\n", lf_split);
    writes("one\r\n", "one\r\n", crlf_split);
    writes("one\r", "one\r\n", crlf_split);
    writes("one\n", "one\r\n", crlf_split);
    writes("", "\r\n", crlf_split);
}

// A CR at the end of one message has nothing to do with an LF at the front of the next.
void forgets_one_message_before_the_next(void **) {
    Writing writing(crlf_split, 300);
    unit::check(writing.take(unit::bytes("a\r"), true));
    writing.next_message();
    unit::check(writing.take(unit::bytes("\nb"), true));
    unit::equal(writing.text(), "a\r\n\r\nb\r\n");
}

void limits_each_line_of_a_message(void **) {
    writes("12345\n1234\n", "12345\n1234\n", with_max(lf_split, 5));
    writes("12345\n123456\n", "12345\n12345[line is too long]", with_max(lf_split, 5));
    writes("12345\r12345\n12345", "12345\r\n12345\r\n12345\r\n", with_max(crlf_split, 5));
    writes("1\n2\n123456", "1\r\n2\r\n12345[line is too long]", with_max(crlf_split, 5));
    writes("123456", "12345[line is too long]", with_max(crlf, 5));
}

void reads(std::string_view stream, std::string_view wanted, const FramingSettings &settings) {
    unit::reads<LineReader>(stream, wanted, settings);
}

void reads_a_message_from_each_line(void **) {
    reads("one\ntwo\n", "<one><two>", lf);
    reads("one\r\ntwo\r\n", "<one><two>", crlf);
    reads("one\r\ntwo\r\n", "<one\r><two\r>", lf);
    reads("\n\na\n\n", "<><><a><>", lf);
    reads("\r\n\r\na\r\n\r\n", "<><><a><>", crlf);
}

void takes_an_lf_alone_for_a_line_end_too(void **) {
    reads("one\ntwo\r\nthree\n", "<one><two><three>", crlf);
}

void takes_a_cr_alone_for_a_byte_like_others(void **) {
    reads("o\rne\r\r\ntwo\r\r\r\n\rthree\n", "<o\rne\r><two\r\r><\rthree>", crlf);
}

void gives_a_last_line_without_end(void **) {
    reads("one\ntwo", "<one><two>", lf);
    reads("one\r\ntwo", "<one><two>", crlf);
    reads("one\r\ntwo\r", "<one><two\r>", crlf);
    reads("one\r\n\r", "<one><\r>", crlf);
    reads("one\n", "<one>", lf);
}

void refuses_a_line_over_the_limit(void **) {
    reads("12345\n12345\n", "<12345><12345>", with_max(lf, 5));
    reads("12345\r\n12345\r\n12345", "<12345><12345><12345>", with_max(crlf, 5));
    reads("12\n123456\n1\n", "<12><12345[backend sent a line that is too long]", with_max(lf, 5));
    reads("12345\r\r\n", "<12345[backend sent a line that is too long]", with_max(crlf, 5));
    reads("12345\r", "<12345[backend sent a line that is too long]", with_max(crlf, 5));
}

void gives_the_parts_of_a_line_as_they_come(void **) {
    LineReader reader(lf);
    Part part;
    Bytes bytes = unit::bytes("a long");
    unit::check(reader.next(bytes, part) == PartStatus::part);
    unit::check(part.starts_message && !part.ends_message);
    unit::equal(unit::text(part.payload), "a long");
    bytes = unit::bytes("\n");
    unit::check(reader.next(bytes, part) == PartStatus::part);
    unit::check(!part.starts_message && part.ends_message && part.payload.empty());
}

void takes_a_cut_inside_a_line_for_no_end(void **) {
    for (const std::string_view bytes : {"half", "\r", "one\nhalf"}) {
        LineReader reader(crlf);
        Part part;
        Bytes from = unit::bytes(bytes);
        while (reader.next(from, part) == PartStatus::part) {
        }
        reader.cut();
        unit::check(reader.finish(part) == PartStatus::fault);
        unit::check(reader.fault() == ws::BackendFault::line_cut);
    }
    LineReader reader(crlf);
    Part part;
    Bytes from = unit::bytes("one\r\n");
    unit::check(reader.next(from, part) == PartStatus::part);
    reader.cut();
    unit::check(reader.finish(part) == PartStatus::need_more);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_each_message_with_a_line_end),
        cmocka_unit_test(refuses_a_line_end_inside_a_message),
        cmocka_unit_test(splits_a_message_into_lines),
        cmocka_unit_test(needs_no_line_end_behind_a_message_that_has_one),
        cmocka_unit_test(forgets_one_message_before_the_next),
        cmocka_unit_test(limits_each_line_of_a_message),
        cmocka_unit_test(reads_a_message_from_each_line),
        cmocka_unit_test(takes_an_lf_alone_for_a_line_end_too),
        cmocka_unit_test(takes_a_cr_alone_for_a_byte_like_others),
        cmocka_unit_test(gives_a_last_line_without_end),
        cmocka_unit_test(refuses_a_line_over_the_limit),
        cmocka_unit_test(gives_the_parts_of_a_line_as_they_come),
        cmocka_unit_test(takes_a_cut_inside_a_line_for_no_end),
    };
    return unit::run("framing_line", tests);
}
