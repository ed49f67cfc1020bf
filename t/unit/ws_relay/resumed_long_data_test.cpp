// DATA of more than 16384 bytes, for a client that has said LONGEST. docs/resume-protocol.md,
// section 3.
#include "t/unit/ws_relay/resumed_messages.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::MessageSession;
using unit::Resumed;
using ws::Tag;

namespace {

constexpr std::size_t scratch = 131'072;
constexpr std::size_t ack_frame = 12;

std::string longest(std::uint32_t size) {
    std::string text("\x40\x08", 2);
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        text += static_cast<char>(size >> (shift - 8));
    }
    return text;
}

ws::ResumeTerms roomy(bool keeps_messages = false) {
    ws::ResumeTerms what = unit::terms();
    what.limits.replay = 1'000'000;
    what.limits.window = 1'000'000;
    what.limits.keeps_messages = keeps_messages;
    return what;
}

// "limits; data 16384; ": sizes instead of bytes.
std::string in_sizes(std::string_view text) {
    std::string sizes;
    while (!text.empty()) {
        const std::string_view command = text.substr(0, text.find("; "));
        const std::string_view name = command.substr(0, 5);
        text.remove_prefix(command.size() + 2);
        sizes += name == "data " || name == "part "
                     ? std::string(name) + std::to_string(command.size() - name.size())
                     : std::string(command);
        sizes += "; ";
    }
    return sizes;
}

void sends_data_as_long_as_its_client_takes(void **) {
    Resumed resumed(roomy(), unit::plain(), scratch);
    resumed.backend.says(std::string(40'000, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.client_gets()),
                "connect a1; limits; data 16384; data 16384; data 7232; "sv);
    resumed.client_says(longest(65'536));
    resumed.backend.says(std::string(100'000, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.client_gets()),
                "limits, longest 65536; data 65536; data 34464; "sv);
    resumed.client_says(longest(20'000));
    resumed.backend.says(std::string(40'001, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.client_gets()),
                "limits, longest 65536; data 20000; data 20000; data 1; "sv);
}

void keeps_to_its_own_bounds(void **) {
    Resumed resumed(roomy(), unit::plain(), scratch);
    resumed.client_says(longest(0));
    resumed.backend.says(std::string(20'000, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.client_gets()),
                "connect a1; limits, longest 65536; data 16384; data 3616; "sv);
    resumed.client_says(longest(0xffff'ffff));
    resumed.backend.says(std::string(70'000, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.client_gets()),
                "limits, longest 65536; data 65536; data 4464; "sv);
}

void forgets_the_word_with_its_leg(void **) {
    Resumed resumed(roomy(), unit::plain(), scratch);
    resumed.client_says(longest(65'536));
    resumed.backend.says(std::string(70'000, 'x'));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.goes_on();
    unit::equal(in_sizes(resumed.second_gets()),
                "reconnect 0; limits; sid b2; ack 0; data 16384; data 16384; data 16384; "
                "data 16384; data 4464; "sv);
    resumed.says(resumed.second, longest(65'536));
    resumed.backend.says(std::string(70'000, 'x'));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.second_gets()),
                "limits, longest 65536; data 65536; data 4464; "sv);
    resumed.says(resumed.second, "\0\x04\0\x01\0\1x"sv);
    resumed.goes_on();
    unit::equal(resumed.second_gets(), "close 1009 DATA is longer than 65536 bytes; "sv);
}

void sends_again_as_long_as_its_client_takes(void **) {
    Resumed resumed(roomy(), unit::plain(), scratch);
    resumed.backend.says(std::string(70'000, 'x'));
    resumed.goes_on();
    resumed.client.is_reset();
    resumed.parts();
    resumed.come_back(0);
    resumed.says(resumed.second, longest(65'536));
    resumed.goes_on();
    unit::equal(in_sizes(resumed.second_gets()),
                "reconnect 0; limits, longest 65536; sid b2; ack 0; data 65536; data 4464; "sv);
}

void takes_data_as_long_as_it_has_told(void **) {
    const std::string data = bytes_command(Tag::data, std::string(65'536, 'x'));
    Resumed resumed(roomy(), unit::plain(), scratch);
    resumed.client_says(longest(65'536));
    resumed.client_says(data);
    resumed.goes_on();
    unit::equal(resumed.client_gets(), "connect a1; limits, longest 65536; "sv);
    unit::equal(resumed.backend.written.size(), 65'536);

    Resumed unsaid(roomy(), unit::plain(), scratch);
    unsaid.client_says(data);
    unsaid.goes_on();
    unit::equal(unsaid.client_gets(),
                "connect a1; limits; close 1009 DATA is longer than 16384 bytes; "sv);
    unit::equal(unsaid.backend.written.size(), 0);
}

void sends_long_parts_of_messages(void **) {
    MessageSession session(unit::lines, roomy(true), scratch);
    session.client_says(longest(65'536));
    session.backend.says(std::string(70'000, 'x') + "\nshort\n");
    session.goes();
    unit::equal(in_sizes(session.client_gets()),
                "connect a1; limits, longest 65536; part 65535; data 4465; data 5; "sv);
    const std::string again = session.cut(0);
    unit::equal(
        in_sizes(again),
        "reconnect 0; part 16384; part 16384; part 16384; part 16384; data 4464; data 5; "sv);
}

// The client may say it before the last command of its greeting has room.
void greets_before_it_tells_of_new_limits(void **) {
    std::size_t greeting = 0;
    for (const bool whole : {true, false}) {
        Resumed resumed(roomy(), unit::plain(), scratch);
        resumed.goes_on();
        resumed.client.is_reset();
        resumed.parts();
        resumed.come_back(0);
        resumed.second.takes = whole ? unit::unbounded : greeting - ack_frame - 1;
        resumed.goes_on();
        greeting = resumed.second.written.size();
        resumed.says(resumed.second, longest(65'536));
        resumed.goes_on();
        resumed.second.takes = unit::unbounded;
        resumed.goes_on();
        unit::equal(resumed.second_gets(),
                    "reconnect 0; limits; sid b2; ack 0; limits, longest 65536; "sv);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sends_data_as_long_as_its_client_takes),
        cmocka_unit_test(keeps_to_its_own_bounds),
        cmocka_unit_test(forgets_the_word_with_its_leg),
        cmocka_unit_test(sends_again_as_long_as_its_client_takes),
        cmocka_unit_test(takes_data_as_long_as_it_has_told),
        cmocka_unit_test(sends_long_parts_of_messages),
        cmocka_unit_test(greets_before_it_tells_of_new_limits),
    };
    return unit::run("resumed_long_data", tests);
}
