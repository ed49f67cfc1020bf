#include "t/unit/unit.hpp"

#include <array>
#include <random>
#include <string>

#include "ngx_ws_filter/ws_framing/delimiter.hpp"

using namespace std::string_view_literals;
using ws::Delimiter;

namespace {

void reads(std::string_view text, std::string_view wanted) {
    Delimiter delimiter;
    unit::check(delimiter.parse(text));
    unit::equal(unit::text(delimiter.bytes()), wanted);
    unit::equal(delimiter.size(), wanted.size());
}

void reads_bytes_and_escapes(void **) {
    reads(R"(\0)", "\0"sv);
    reads(R"(\x03)", "\3");
    reads(R"(\x1c\r)", "\x1c\r");
    reads(R"(\xfF\xF9)", "\xff\xf9");
    reads(R"(\t\n)", "\t\n");
    reads(R"(]]>]]>)", "]]>]]>");
    reads(R"(\\0)", "\\0");
    reads(R"(\0a)", "\0a"sv);
    reads("\r\n.\r\n", "\r\n.\r\n");
    reads("12345678", "12345678");
    reads(R"(\x31\x32\x33\x34\x35\x36\x37\x38)", "12345678");
}

void refuses_what_is_none(void **) {
    for (const auto text : {""sv, R"(\)"sv, R"(a\)"sv, R"(\x)"sv, R"(\x1)"sv, R"(\xg0)"sv,
                            R"(\x0g)"sv, R"(\x 1)"sv, R"(\x-1)"sv, R"(\xx1)"sv, R"(\a)"sv,
                            R"(\1)"sv, R"(\01)"sv, R"(\")"sv, "123456789"sv, R"(12345678\0)"sv}) {
        Delimiter delimiter;
        unit::check(delimiter.parse("kept"));
        unit::check(!delimiter.parse(text));
        unit::equal(unit::text(delimiter.bytes()), "kept"sv);
    }
}

void finds_the_first_in_whatever_parts_it_comes(void **) {
    constexpr std::array delimiters = {"\0"sv,   "a"sv,       "aa"sv,     "ab"sv,      "aab"sv,
                                       "abab"sv, "aabaaab"sv, "abcabd"sv, "aaaaaaab"sv};
    std::mt19937 random(7);
    for (const auto text : delimiters) {
        const Delimiter delimiter(unit::bytes(text));
        for (int round = 0; round < 3000; ++round) {
            std::string stream;
            for (auto i = random() % 40; i != 0; --i) {
                stream += static_cast<char>("abcd"[random() % 2 + (random() % 8 == 0 ? 2 : 0)]);
            }
            if (random() % 2 == 0) {
                stream.insert(random() % (stream.size() + 1), text);
            }
            const std::size_t found = stream.find(text);
            const std::size_t end = found == stream.npos ? stream.size() : found + text.size();
            std::size_t matched = 0;
            std::size_t at = 0;
            while (at < stream.size() && matched != delimiter.size()) {
                const std::string_view part = std::string_view(stream).substr(at, 1 + random() % 5);
                const std::size_t read = delimiter.read(unit::bytes(part), matched);
                unit::check(read == part.size() || matched == delimiter.size());
                at += read;
            }
            unit::equal(at, end);
            unit::equal(matched == delimiter.size(), found != stream.npos);
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_bytes_and_escapes),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(finds_the_first_in_whatever_parts_it_comes),
    };
    return unit::run("delimiter", tests);
}
