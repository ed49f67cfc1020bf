#include "t/unit/unit.hpp"

#include <string>

#include "ngx_ws_filter/ws_life/undelivered.hpp"

using namespace std::string_view_literals;
using ws::Undelivered;

namespace {

void says_how_much_is_missing_and_why(void **) {
    unit::equal(Undelivered(12, true, "backend connection was reset").text(),
                "12 bytes undelivered, backend connection was reset"sv);
}

void says_at_most_where_nobody_knows_exactly(void **) {
    unit::equal(Undelivered(12, false, "why").text(), "at most 12 bytes undelivered, why"sv);
}

void says_only_why_when_nothing_is_missing(void **) {
    unit::equal(Undelivered(0, true, "why").text(), "why"sv);
    unit::equal(Undelivered(0, false, "why").text(), "why"sv);
}

void tells_the_largest_number(void **) {
    unit::equal(Undelivered(UINT64_MAX, false, "why").text(),
                "at most 18446744073709551615 bytes undelivered, why"sv);
}

void cuts_what_a_close_has_no_room_for(void **) {
    const std::string longest(ws::max_close_reason, 'x');
    unit::equal(Undelivered(0, true, longest + "y").text(), longest);
    const Undelivered cut(10, true, longest);
    unit::equal(cut.text().size(), ws::max_close_reason);
    unit::check(cut.text().starts_with("10 bytes undelivered, xxx"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(says_how_much_is_missing_and_why),
        cmocka_unit_test(says_at_most_where_nobody_knows_exactly),
        cmocka_unit_test(says_only_why_when_nothing_is_missing),
        cmocka_unit_test(tells_the_largest_number),
        cmocka_unit_test(cuts_what_a_close_has_no_room_for),
    };
    return unit::run("ws_life/undelivered", tests);
}
