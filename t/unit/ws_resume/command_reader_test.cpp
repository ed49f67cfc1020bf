#include "t/unit/ws_resume/hearing.hpp"

using namespace std::literals;
using unit::Cut;
using unit::Hearing;
using unit::hears;
using ws::Breach;

namespace {

constexpr ws::CommandReader::Options own{.own_name = true, .keeps_messages = false};
constexpr ws::CommandReader::Options framed{.own_name = true, .keeps_messages = true};
constexpr ws::CommandReader::Options v4{.own_name = false, .keeps_messages = false};

// A DATA of so many bytes, for which there is room.
std::string_view data_of(std::size_t size) {
    static std::array<char, 70'000> room;
    room.fill('x');
    const char header[] = {0,
                           4,
                           0,
                           static_cast<char>(size >> 16),
                           static_cast<char>(size >> 8),
                           static_cast<char>(size)};
    std::ranges::copy(header, room.begin());
    return {room.data(), sizeof(header) + size};
}

void hears_the_bytes_of_data(void **) {
    hears(own, {"\0\x04\0\0\0\x02hi"sv, "\0\x04\0\0\0\x04 all"sv}, "hi all");
    hears(v4, {"\0\x04\0\0\0\x02hi"sv, "\0\x04\0\0\0\x04 all"sv}, "hi all");
}

void hears_numbers(void **) {
    hears(own, {"\0\x07\0\0\0\0\0\0\0\0"sv, "\0\x07\xff\xff\xff\xff\xff\xff\xff\xff"sv},
          "[ack 0][ack 18446744073709551615]");
    hears(v4, {"\0\x07\0\0\0\0\0\0\x01\x02"sv}, "[ack 258]");
    hears(own, {"\x40\x02\x01\x02\x03\x04\x05\x06\x07\x08"sv}, "[eof 72623859790382856]");
}

void hears_the_echo_of_a_sid(void **) {
    hears(own,
          {"\x40\x03\0\0\0\x02"
           "b2"sv,
           "\x40\x03\0\0\0\0"sv},
          "[sid b2][sid ]");
}

void ignores_what_means_nothing(void **) {
    hears(own,
          {"\0\x03\0\0\0\0\0\0\0\0"sv, "\0\x05"sv, "\0\x06x"sv,
           "\0\x0a\0\0\0\x01\0\0\0\x03"
           "bye"sv,
           "\x40\0"sv, "\x40\x07"sv, "\xff\xff and more"sv, "\0\x04\0\0\0\0"sv},
          "[ignored][ignored][ignored][ignored][ignored][ignored][ignored][ignored]");
}

void knows_no_command_of_ours_under_a_v4_name(void **) {
    hears(v4,
          {"\x40\x01"sv, "\x40\x02"sv, "\x40\x03\0\0\0\x09x"sv, "\x40\x04"sv,
           "\x40\x05\0\0\0\x01x"sv, "\x40\x06\0"sv},
          "[ignored][ignored][ignored][ignored][ignored][ignored]");
}

void takes_parts_for_data_where_messages_mean_nothing(void **) {
    hears(own,
          {"\x40\x05\0\0\0\x01x"sv, "\x40\x05\0\0\0\0"sv, "\x40\x06\0\0\0\0\0\0\0\x09"sv,
           "\0\x04\0\0\0\x01y"sv},
          "x[ignored][ignored]y");
}

void keeps_messages(void **) {
    hears(framed,
          {"\0\x04\0\0\0\x01"
           "a"sv,
           "\x40\x05\0\0\0\x01"
           "b"sv,
           "\x40\x05\0\0\0\x01"
           "c"sv,
           "\0\x04\0\0\0\0"sv, "\0\x07\0\0\0\0\0\0\0\0"sv,
           "\0\x04\0\0\0\x01"
           "d"sv,
           "\x40\x06\0\0\0\0\0\0\0\0"sv,
           "\0\x04\0\0\0\x02"
           "ef"sv},
          "<a><bc[ignored][ack 0]d>[empty 0]<ef>");
}

// Whoever has taken the last byte is not sent it again.
void ends_a_message_with_its_last_byte(void **) {
    Hearing hearing(framed, false);
    hearing.message(unit::bytes("\0\x04\0\0\0\x02hi"sv), Cut{8, 8}, true);
    unit::equal(hearing.text(), "<hi>");
    unit::check(!hearing.reader().inside_message());
}

void refuses_text(void **) {
    for (const ws::CommandReader::Options &options : {own, framed, v4}) {
        Hearing hearing(options, true);
        hearing.text_message("\0\x04\0\0\0\x02hi"sv);
        unit::equal(hearing.text(), "[command is a text message]");
        unit::check(hearing.reader().breach() == Breach::text_message);
    }
}

void refuses_messages_without_a_tag(void **) {
    hears(own, {""sv}, "[command has no tag]");
    hears(v4, {"\x40"sv}, "[command has no tag]");
}

void refuses_bodies_that_are_cut(void **) {
    for (const std::string_view message :
         {"\0\x04"sv, "\0\x04\0\0\0"sv, "\0\x07"sv, "\0\x07\0\0\0\0\0\0\0"sv, "\x40\x02\0"sv,
          "\x40\x03\0\0\0"sv, "\x40\x05\0"sv, "\x40\x06\0\0\0\0\0\0\0"sv}) {
        hears(own, {message}, "[command has a wrong length]");
    }
}

void refuses_bytes_behind_a_body(void **) {
    for (const std::string_view message :
         {"\0\x04\0\0\0\0x"sv, "\0\x07\0\0\0\0\0\0\0\0x"sv, "\x40\x02\0\0\0\0\0\0\0\0x"sv,
          "\x40\x03\0\0\0\0x"sv, "\x40\x06\0\0\0\0\0\0\0\0x"sv}) {
        hears(own, {message}, "[command has a wrong length]");
    }
}

void takes_no_byte_of_data_that_is_known_to_be_wrong(void **) {
    for (const std::string_view message : {"\0\x04\0\0\0\x03hi"sv, "\0\x04\0\0\0\x01hi"sv,
                                           "\x40\x05\0\0\0\x01hi"sv, "\x40\x03\0\0\0\x03hi"sv}) {
        unit::for_every_cut(message.size(), [&](Cut cut) {
            Hearing hearing(own, true);
            hearing.message(unit::bytes(message), cut);
            unit::equal(hearing.text(), "[command has a wrong length]");
        });
    }
}

void takes_bytes_that_are_found_wrong_only_later(void **) {
    unit::for_every_cut(8, [&](Cut cut) {
        Hearing too_short(own, false);
        too_short.message(unit::bytes("\0\x04\0\0\0\x03hi"sv), cut);
        unit::equal(too_short.text(), "hi[command has a wrong length]");
        Hearing too_long(own, false);
        too_long.message(unit::bytes("\0\x04\0\0\0\x01hi"sv), cut);
        unit::equal(too_long.text(), "h[command has a wrong length]");
        Hearing sid(own, false);
        sid.message(unit::bytes("\x40\x03\0\0\0\x03hi"sv), cut);
        unit::equal(sid.text(), "[sid hi[command has a wrong length]");
    });
}

void refuses_data_of_more_than_16384_bytes(void **) {
    for (const bool knows_sizes : {true, false}) {
        Hearing good(own, knows_sizes);
        good.message(unit::bytes(data_of(16384)), Cut{1000, 5000});
        unit::equal(good.text().size(), 16384);
        unit::check(good.reader().breach() == Breach::none);
        Hearing bad(own, knows_sizes);
        bad.message(unit::bytes(data_of(16385)), Cut{1000, 5000});
        unit::equal(bad.text(), "[DATA is longer than 16384 bytes]");
    }
    hears(own, {"\0\x04\xff\xff\xff\xffx"sv}, "[DATA is longer than 16384 bytes]");
    hears(own, {"\x40\x05\0\0\x40\x01x"sv}, "[DATA is longer than 16384 bytes]");
}

// For this leg.
void takes_longer_data_behind_the_word_of_its_client(void **) {
    constexpr std::string_view word = "\x40\x08\0\x01\0\0"sv;
    hears(own, {word, "\0\x04\0\0\0\x01x"sv}, "[longest 65536]x");
    hears(own, {"\x40\x08\0\0\0"sv}, "[command has a wrong length]");
    hears(own, {"\x40\x08\0\0\0\0\0"sv}, "[command has a wrong length]");
    hears(v4, {word, "\0\x04\0\0\x40\x01x"sv}, "[ignored][DATA is longer than 16384 bytes]");
    for (const bool knows_sizes : {true, false}) {
        Hearing hearing(own, knows_sizes);
        hearing.message(unit::bytes(word), Cut{1, 1});
        unit::equal(hearing.reader().most_data(), 65536);
        hearing.message(unit::bytes(data_of(65536)), Cut{1000, 5000});
        unit::equal(hearing.text().size(), "[longest 65536]"sv.size() + 65536);
        hearing.message(unit::bytes(data_of(65537)), Cut{1000, 5000});
        unit::check(hearing.reader().breach() == Breach::long_data_too_long);
        Hearing other(own, knows_sizes);
        other.message(unit::bytes(word), Cut{1, 1});
        other.reader().begin_leg();
        other.message(unit::bytes(data_of(16385)), Cut{1000, 5000});
        unit::equal(other.text(), "[longest 65536][DATA is longer than 16384 bytes]");
    }
}

// As soon as the tag is known.
void refuses_what_only_a_gateway_sends(void **) {
    for (const std::string_view message : {"\0\x01\0\0\0\x01x"sv, "\0\x02"sv}) {
        hears(own, {message}, "[command is sent by gateways alone]");
        hears(v4, {message}, "[command is sent by gateways alone]");
    }
    hears(own, {"\x40\x01"sv}, "[command is sent by gateways alone]");
    hears(own, {"\x40\x04\0\0\0\0"sv}, "[command is sent by gateways alone]");
}

void refuses_pieces_that_are_none(void **) {
    hears(framed, {"\x40\x05\0\0\0\0"sv}, "[PART without bytes]");
    hears(framed, {"\x40\x05\0\0\0\x01x"sv, "\x40\x06\0\0\0\0\0\0\0\0"sv},
          "<x[EMPTY inside a message]");
}

void hears_nothing_behind_a_breach(void **) {
    hears(own, {"\0\x04\0\0\0\x02hi"sv, "\0\x02"sv, "\0\x04\0\0\0\x02hi"sv, ""sv},
          "hi[command is sent by gateways alone]");
}

void forgets_on_a_new_leg_the_command_that_was_cut(void **) {
    constexpr std::string_view command = "\x40\x05\0\0\0\x02hi"sv;
    for (std::size_t size = 0; size <= command.size(); ++size) {
        Hearing hearing(framed, false);
        hearing.message(unit::bytes(command.substr(0, size)), Cut{1, 1}, true);
        hearing.reader().begin_leg();
        hearing.message(unit::bytes("\x40\x05\0\0\0\x01x"sv), Cut{1, 1});
        hearing.message(unit::bytes("\0\x04\0\0\0\x01y"sv), Cut{1, 1});
        const std::string_view wanted[] = {"<xy>", "<hxy>", "<hixy>"};
        unit::equal(hearing.text(), wanted[size < 7 ? 0 : size - 6]);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hears_the_bytes_of_data),
        cmocka_unit_test(hears_numbers),
        cmocka_unit_test(hears_the_echo_of_a_sid),
        cmocka_unit_test(ignores_what_means_nothing),
        cmocka_unit_test(knows_no_command_of_ours_under_a_v4_name),
        cmocka_unit_test(takes_parts_for_data_where_messages_mean_nothing),
        cmocka_unit_test(keeps_messages),
        cmocka_unit_test(ends_a_message_with_its_last_byte),
        cmocka_unit_test(refuses_text),
        cmocka_unit_test(refuses_messages_without_a_tag),
        cmocka_unit_test(refuses_bodies_that_are_cut),
        cmocka_unit_test(refuses_bytes_behind_a_body),
        cmocka_unit_test(takes_no_byte_of_data_that_is_known_to_be_wrong),
        cmocka_unit_test(takes_bytes_that_are_found_wrong_only_later),
        cmocka_unit_test(refuses_data_of_more_than_16384_bytes),
        cmocka_unit_test(takes_longer_data_behind_the_word_of_its_client),
        cmocka_unit_test(refuses_what_only_a_gateway_sends),
        cmocka_unit_test(refuses_pieces_that_are_none),
        cmocka_unit_test(hears_nothing_behind_a_breach),
        cmocka_unit_test(forgets_on_a_new_leg_the_command_that_was_cut),
    };
    return unit::run("command_reader", tests);
}
