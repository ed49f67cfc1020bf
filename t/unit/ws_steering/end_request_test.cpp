#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_steering/end_request.hpp"

#include <algorithm>
#include <array>

using ws::EndRequest;

namespace {

std::array<char, 1024> room;

[[nodiscard]] EndRequest read(std::string_view form) {
    std::copy(form.begin(), form.end(), room.begin());
    return EndRequest::read({room.data(), form.size()});
}

void problem(std::string_view form, std::string_view wanted, int line = __builtin_LINE()) {
    unit::equal(read(form).problem, wanted, __FILE__, line);
}

void all_fields_are_read(void **) {
    const EndRequest request = read("key=ada&zone=chat&number=17&code=4321&reason=bye");
    unit::equal(request.problem, "");
    unit::equal(request.key, "ada");
    unit::equal(request.zone, "chat");
    unit::equal(request.number, 17);
    unit::equal(request.code, 4321);
    unit::equal(request.reason, "bye");
}

void one_that_chooses_is_enough(void **) {
    for (const std::string_view form :
         {"key=a", "zone=a", "number=18446744073709551615", "&key=a&"}) {
        const EndRequest request = read(form);
        unit::equal(request.problem, "");
        unit::equal(request.code, 4000);
        unit::equal(request.reason, "");
    }
}

void escapes_are_decoded(void **) {
    const EndRequest request = read("k%65y=a%26b%3D%2b+c%2F&reason=%C3%bc");
    unit::equal(request.problem, "");
    unit::equal(request.key, "a&b=+ c/");
    unit::equal(request.reason, "\xc3\xbc");
}

void broken_escapes_are_refused(void **) {
    for (const std::string_view form :
         {"key=%", "key=%4", "key=%4g", "key=%g4", "key=%!4", "%=a", "key=a%4"}) {
        problem(form, "a % does not stand before two hexadecimal digits");
    }
}

void nothing_is_read_behind_a_problem(void **) {
    const EndRequest request = read("pardon=1&key=ada");
    unit::equal(request.problem,
                "there is a field that is none of key, zone, number, code and reason");
    unit::equal(request.key, "");
}

void without_a_choice_nothing_ends(void **) {
    for (const std::string_view form : {"", "&", "code=4000", "code=4000&reason=x"}) {
        problem(form, "one of key, zone and number is missing");
    }
}

void what_is_not_known_is_refused(void **) {
    constexpr std::string_view wanted =
        "there is a field that is none of key, zone, number, code and reason";
    for (const std::string_view form : {"key=a&x=1", "KEY=a", "{\"key\":\"a\"}", "key", "=a"}) {
        if (form != "key") {
            problem(form, wanted);
        }
    }
    problem("key", "the key is empty");
}

void values_are_checked(void **) {
    problem("key=", "the key is empty");
    problem("zone=", "the zone is empty");
    for (const std::string_view form :
         {"number=", "number=0", "number=-1", "number=1x", "number=18446744073709551616"}) {
        problem(form, "the number is no number above 0");
    }
    for (const std::string_view form :
         {"code=", "code=3999", "code=5000", "code=65536", "code=4000.5", "code=1000"}) {
        problem(form, "the code is no number from 4000 to 4999");
    }
    problem("key=a&code=4999", "");
    problem("reason=%ff", "the reason is not UTF-8");
    problem("reason=%c3", "the reason is not UTF-8");
}

void a_reason_has_at_most_123_bytes(void **) {
    std::array<char, 7 + 124> form;
    form.fill('a');
    constexpr std::string_view name = "reason=";
    std::copy(name.begin(), name.end(), form.begin());
    problem({form.data(), form.size()}, "the reason has more than 123 bytes");
    problem({form.data(), form.size() - 1}, "one of key, zone and number is missing");
}

void a_field_stands_once(void **) {
    problem("key=a&key=a", "a field stands twice");
    problem("key=a&code=4000&code=4000", "a field stands twice");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(one_that_chooses_is_enough),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(nothing_is_read_behind_a_problem),
        cmocka_unit_test(without_a_choice_nothing_ends),
        cmocka_unit_test(what_is_not_known_is_refused),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(a_reason_has_at_most_123_bytes),
        cmocka_unit_test(a_field_stands_once),
    };
    return unit::run("ws_steering/end_request", tests);
}
