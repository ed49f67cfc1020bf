#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_life/numeric_date.hpp"

using ws::read_numeric_date;

namespace {

void reads_seconds(void **) {
    unit::equal(*read_numeric_date("0"), 0);
    unit::equal(*read_numeric_date("1700000000"), 1700000000000);
    unit::equal(*read_numeric_date("253402300799"), 253402300799000);
}

void reads_milliseconds_of_a_fraction(void **) {
    unit::equal(*read_numeric_date("1.5"), 1500);
    unit::equal(*read_numeric_date("1.002"), 1002);
    unit::equal(*read_numeric_date("1.0029999999999999999999"), 1002);
}

void what_is_no_date_is_nothing(void **) {
    for (const std::string_view text :
         {"", " 1", "1 ", "-1", "+1", "1.", ".5", "1.5s", "1e9", "0x1", "1,5", "1.5.5", "never",
          "253402300800", "99999999999999999999999"}) {
        unit::check(!read_numeric_date(text).has_value());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_seconds),
        cmocka_unit_test(reads_milliseconds_of_a_fraction),
        cmocka_unit_test(what_is_no_date_is_nothing),
    };
    return unit::run("numeric_date", tests);
}
