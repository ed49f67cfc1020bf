// What reaches the backend of a command whose length is wrong. docs/resume-protocol.md, section 3.
#include "t/unit/ws_relay/resumed.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::Resumed;
using ws::Tag;

namespace {

constexpr std::string_view too_short = "\0\x04\0\0\0\x05yo"sv;
constexpr std::string_view too_long = "\0\x04\0\0\0\x01yo"sv;

// The header of its frame tells how much there is.
void takes_no_byte_of_data_with_a_wrong_length(void **) {
    for (const std::string_view command : {too_short, too_long}) {
        Resumed resumed;
        resumed.client_says(bytes_command(Tag::data, "hello"));
        resumed.client_says(command);
        resumed.goes_on();
        unit::equal(resumed.client_gets(),
                    "connect a1; limits; close 1002 command has a wrong length; "sv);
        unit::equal(resumed.backend.written, "hello"sv);
    }
}

void takes_bytes_of_a_fragment_before_their_length_is_wrong(void **) {
    constexpr unsigned binary_that_goes_on = 0x02;
    constexpr unsigned last_fragment = 0x80;
    Resumed resumed;
    resumed.client_says(too_short, binary_that_goes_on);
    resumed.client_says("", last_fragment);
    resumed.goes_on();
    unit::equal(resumed.client_gets(),
                "connect a1; limits; close 1002 command has a wrong length; "sv);
    unit::equal(resumed.backend.written, "yo"sv);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_no_byte_of_data_with_a_wrong_length),
        cmocka_unit_test(takes_bytes_of_a_fragment_before_their_length_is_wrong),
    };
    return unit::run("resumed_lengths", tests);
}
