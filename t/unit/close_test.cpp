#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_messages/close.hpp"
#include "ngx_ws_filter/ws_messages/utf8.hpp"

using namespace std::string_view_literals;
using ws::CloseCode;
using ws::Violation;

namespace {

// RFC 6455, section 7.4, and the registry: what a peer may send.
bool legal(unsigned code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code < 5000);
}

Violation read(std::string_view payload, ws::CloseStatus &status) {
    return ws::read_close(unit::bytes(payload), status);
}

Violation read(std::string_view payload) {
    ws::CloseStatus status{};
    return read(payload, status);
}

std::string_view write(CloseCode code, std::string_view reason) {
    static std::array<std::uint8_t, ws::max_control_payload + 1> buffer;
    buffer.fill(0xee);
    const std::size_t size = ws::write_close(buffer.data(), code, reason);
    unit::equal(buffer[size], 0xee);
    return unit::text({buffer.data(), size});
}

void allows_the_codes_of_the_registry_and_no_others(void **) {
    for (unsigned code = 0; code <= 0xffff; ++code) {
        unit::equal(ws::may_be_sent(static_cast<std::uint16_t>(code)), legal(code));
    }
}

void reads_an_empty_payload_as_no_status(void **) {
    ws::CloseStatus status{.code = CloseCode::normal, .reason = "old"};
    unit::equal(read({}, status), Violation::none);
    unit::equal(status.code, CloseCode::no_status);
    unit::equal(status.reason, "");
}

void refuses_half_a_code(void **) {
    unit::equal(read("\x03"), Violation::close_payload_too_short);
}

void reads_every_code_and_refuses_what_must_not_be_sent(void **) {
    for (unsigned code = 0; code <= 0xffff; ++code) {
        const std::array<std::uint8_t, 2> payload{static_cast<std::uint8_t>(code >> 8U),
                                                  static_cast<std::uint8_t>(code)};
        ws::CloseStatus status{};
        const Violation violation = ws::read_close(payload, status);
        unit::equal(violation, legal(code) ? Violation::none : Violation::close_code_invalid);
        unit::equal(static_cast<unsigned>(status.code), legal(code) ? code : 0);
    }
}

void reads_a_reason(void **) {
    ws::CloseStatus status{};
    unit::equal(read("\x03\xe9"
                     "au revoir, \xc3\xa9t\xc3\xa9",
                     status),
                Violation::none);
    unit::equal(status.code, CloseCode::going_away);
    unit::equal(status.reason, "au revoir, \xc3\xa9t\xc3\xa9");
}

void refuses_a_reason_that_is_not_utf8(void **) {
    unit::equal(read("\x03\xe8"
                     "a\xff"),
                Violation::close_reason_not_utf8);
    unit::equal(read("\x03\xe8\xed\xa0\x80"), Violation::close_reason_not_utf8);
}

void refuses_a_reason_with_a_cut_code_point(void **) {
    unit::equal(read("\x03\xe8"
                     "a\xc3"),
                Violation::close_reason_not_utf8);
    unit::equal(read("\x03\xe8\xf0\x9f\x98"), Violation::close_reason_not_utf8);
}

void names_a_bad_code_before_a_bad_reason(void **) {
    unit::equal(read("\x03\xed\xff"), Violation::close_code_invalid);
}

void writes_code_and_reason(void **) {
    unit::equal(write(CloseCode::internal_error, "oh"),
                "\x03\xf3"
                "oh"sv);
    unit::equal(write(static_cast<CloseCode>(4999), {}), "\x13\x87"sv);
}

void writes_no_code_that_must_not_travel(void **) {
    for (unsigned code = 0; code <= 0xffff; ++code) {
        const std::size_t size = write(static_cast<CloseCode>(code), "x").size();
        unit::equal(size, legal(code) ? 3 : 0);
    }
}

void keeps_a_reason_of_123_bytes(void **) {
    std::array<char, ws::max_close_reason> reason;
    reason.fill('r');
    const std::string_view payload = write(CloseCode::normal, {reason.data(), reason.size()});
    unit::equal(payload.size(), ws::max_control_payload);
}

// The code point stands at every place around the end of what fits.
void cuts_a_long_reason_between_two_code_points(std::string_view code_point) {
    for (std::size_t at = ws::max_close_reason - 5; at <= ws::max_close_reason; ++at) {
        std::array<char, 200> reason;
        reason.fill('r');
        std::ranges::copy(code_point, reason.begin() + static_cast<std::ptrdiff_t>(at));
        const std::string_view payload = write(CloseCode::normal, {reason.data(), reason.size()});

        const bool fits = at + code_point.size() <= ws::max_close_reason;
        unit::equal(payload.size(), 2 + (fits ? ws::max_close_reason : at));
        unit::equal(payload.substr(2), {reason.data(), payload.size() - 2});
        unit::equal(read(payload), Violation::none);
    }
}

void cuts_a_long_reason_so_that_it_stays_utf8(void **) {
    cuts_a_long_reason_between_two_code_points("\xc3\xa9");
    cuts_a_long_reason_between_two_code_points("\xe2\x82\xac");
    cuts_a_long_reason_between_two_code_points("\xf0\x9f\x98\x80");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(allows_the_codes_of_the_registry_and_no_others),
        cmocka_unit_test(reads_an_empty_payload_as_no_status),
        cmocka_unit_test(refuses_half_a_code),
        cmocka_unit_test(reads_every_code_and_refuses_what_must_not_be_sent),
        cmocka_unit_test(reads_a_reason),
        cmocka_unit_test(refuses_a_reason_that_is_not_utf8),
        cmocka_unit_test(refuses_a_reason_with_a_cut_code_point),
        cmocka_unit_test(names_a_bad_code_before_a_bad_reason),
        cmocka_unit_test(writes_code_and_reason),
        cmocka_unit_test(writes_no_code_that_must_not_travel),
        cmocka_unit_test(keeps_a_reason_of_123_bytes),
        cmocka_unit_test(cuts_a_long_reason_so_that_it_stays_utf8),
    };
    return unit::run("close", tests);
}
