#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"
#include "ngx_ws_filter/ws_resume/command.hpp"

#include <array>

using namespace std::literals;
using ws::Breach;

namespace {

constexpr Breach all_breaches[] = {
    Breach::none,           Breach::text_message,  Breach::message_too_short,
    Breach::length_wrong,   Breach::data_too_long, Breach::gateway_command,
    Breach::part_empty,     Breach::empty_skips,   Breach::empty_inside_message,
    Breach::data_after_eof, Breach::eof_elsewhere, Breach::window_exceeded,
    Breach::ack_back,       Breach::ack_ahead,     Breach::long_data_too_long,
};

// In memory of exactly its size, and in none that is smaller.
template <typename Write>
void writes(Write write, std::string_view wanted) {
    std::array<std::uint8_t, 512> room;
    unit::equal(write(std::span{room}.first(wanted.size())), wanted.size());
    unit::equal(unit::text(std::span{room}.first(wanted.size())), wanted);
    unit::equal(write(std::span{room}.first(wanted.size() - 1)), 0);
}

void writes_sids(void **) {
    writes([](auto to) { return ws::write_connect_success(to, "a1"); },
           "\0\x01\0\0\0\x02"
           "a1"sv);
    writes([](auto to) { return ws::write_new_sid(to, "b2"); },
           "\x40\x03\0\0\0\x02"
           "b2"sv);
    std::array<char, ws::max_sid> longest;
    longest.fill('~');
    std::array<std::uint8_t, ws::data_header_size + ws::max_sid> room;
    unit::equal(ws::write_new_sid(room, {longest.data(), longest.size()}), room.size());
}

void writes_numbers(void **) {
    writes([](auto to) { return ws::write_reconnect_success(to, 2); },
           "\0\x02\0\0\0\0\0\0\0\x02"sv);
    writes([](auto to) { return ws::write_ack(to, 0x0102030405060708); },
           "\0\x07\x01\x02\x03\x04\x05\x06\x07\x08"sv);
    writes([](auto to) { return ws::write_eof(to, ws::max_position); },
           "\x40\x02\x7f\xff\xff\xff\xff\xff\xff\xff"sv);
    writes([](auto to) { return ws::write_empty(to, 0x1ff); }, "\x40\x06\0\0\0\0\0\0\x01\xff"sv);
    writes([](auto to) { return ws::write_goaway(to, 0x01020304); }, "\x40\x04\x01\x02\x03\x04"sv);
}

void writes_limits(void **) {
    constexpr ws::Limits plain{.replay = 0x40000,
                               .grace = 60'000,
                               .interval = 100,
                               .service = {},
                               .window = 0x40000,
                               .bytes = 32'768,
                               .keeps_messages = false,
                               .is_text = false};
    writes([&](auto to) { return ws::write_limits(to, plain); },
           "\x40\x01\0\x04\0\0\0\0\xea\x60\0\0\0\x64\0\0\0\0\0\x04\0\0\0\0\x80\0\0\0\0\0"sv);
    ws::Limits limits = plain;
    limits.service = "mqtt";
    limits.is_text = true;
    unit::equal(ws::limits_size(limits), 34);
    writes(
        [&](auto to) { return ws::write_limits(to, limits); },
        "\x40\x01\0\x04\0\0\0\0\xea\x60\0\0\0\x64\0\0\0\x04mqtt\0\x04\0\0\0\0\x80\0\0\0\0\x02"sv);
    limits.keeps_messages = true;
    writes(
        [&](auto to) { return ws::write_limits(to, limits); },
        "\x40\x01\0\x04\0\0\0\0\xea\x60\0\0\0\x64\0\0\0\x04mqtt\0\x04\0\0\0\0\x80\0\0\0\0\x03"sv);
    limits = plain;
    limits.longest = 65536;
    unit::equal(ws::limits_size(limits), 34);
    writes([&](auto to) { return ws::write_limits(to, limits); },
           "\x40\x01\0\x04\0\0\0\0\xea\x60\0\0\0\x64\0\0\0\0\0\x04\0\0\0\0\x80\0\0\0\0\0"
           "\0\x01\0\0"sv);
}

void writes_the_header_of_data_in_front_of_it(void **) {
    std::array<std::uint8_t, 8> room{'.', '.', '.', '.', '.', '.', 'h', 'i'};
    unit::check(ws::write_data_before(room.data() + 6, 2) == room.data());
    unit::equal(unit::text(room), "\0\x04\0\0\0\x02hi"sv);
    unit::check(ws::write_data_before(room.data() + 6, 16384, true) == room.data());
    unit::equal(unit::text(room), "\x40\x05\0\0\x40\0hi"sv);
    unit::check(ws::write_data_before(room.data() + 6, 65536) == room.data());
    unit::equal(unit::text(room), "\0\x04\0\x01\0\0hi"sv);
}

void has_words_and_a_code_for_each_breach(void **) {
    for (const Breach breach : all_breaches) {
        unit::equal(words(breach).empty(), breach == Breach::none);
        unit::check(words(breach).size() <= ws::max_close_reason);
        for (const Breach other : all_breaches) {
            unit::equal(words(breach) == words(other), breach == other);
        }
    }
    unit::equal(words(static_cast<Breach>(99)), "");
}

void knows_the_codes_of_section_10(void **) {
    const auto code = [](Breach breach) { return static_cast<unsigned>(close_code(breach)); };
    unit::equal(code(Breach::none), 1000);
    unit::equal(code(Breach::text_message), 1003);
    unit::equal(code(Breach::data_too_long), 1009);
    unit::equal(code(Breach::long_data_too_long), 1009);
    unit::equal(code(Breach::window_exceeded), 1008);
    unit::equal(code(Breach::ack_back), 4005);
    unit::equal(code(Breach::ack_ahead), 4006);
    for (const Breach breach :
         {Breach::message_too_short, Breach::length_wrong, Breach::gateway_command,
          Breach::part_empty, Breach::empty_inside_message, Breach::empty_skips,
          Breach::data_after_eof, Breach::eof_elsewhere}) {
        unit::equal(code(breach), 1002);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_sids),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(writes_limits),
        cmocka_unit_test(writes_the_header_of_data_in_front_of_it),
        cmocka_unit_test(has_words_and_a_code_for_each_breach),
        cmocka_unit_test(knows_the_codes_of_section_10),
    };
    return unit::run("command", tests);
}
