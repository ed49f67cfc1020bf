#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_status/query.hpp"

using ws::StatusQuery;
using Format = StatusQuery::Format;

namespace {

void equal(std::string_view accept, Format wanted, int line = __builtin_LINE()) {
    unit::equal(StatusQuery::read({}, accept).format, wanted, __FILE__, line);
}

void accept_chooses_the_format(void **) {
    equal("", Format::text);
    equal("*/*", Format::text);
    equal("application/json", Format::json);
    equal("APPLICATION/JSON", Format::json);
    equal("application/*", Format::json);
    equal("application/json;Q=0.5,text/*;q=0.6", Format::text);
    equal("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::page);
    // Prometheus' own.
    equal(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Format::open_metrics);
    equal("text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::text);
}

void the_higher_quality_counts_and_then_the_first(void **) {
    equal("application/json;q=0.5, text/html;q=0.6", Format::page);
    equal("application/json; q=0.6 , text/html;q=0.5", Format::json);
    equal("application/json;q=0.55,text/html;q=0.555", Format::page);
    equal("text/html;q=0, application/json;q=0.001", Format::json);
    equal("text/html;q=1.000,application/json", Format::page);
}

void what_cannot_be_obeyed_is_not(void **) {
    equal("image/png", Format::text);
    equal("application/json;q=0", Format::text);
    equal("application/json;q=much", Format::text);
    equal("application/json;q=1.00000", Format::text);
    equal("application/json;q=.5", Format::text);
    equal("application/json;q=0:5", Format::text);
    equal(",;,=;q=,", Format::text);
}

void an_argument_overrules_accept(void **) {
    unit::equal(StatusQuery::read("format=prometheus", "text/html").format, Format::text);
    unit::equal(StatusQuery::read("format=openmetrics", "").format, Format::open_metrics);
    unit::equal(StatusQuery::read("a=b&format=json&", "").format, Format::json);
    unit::equal(StatusQuery::read("format=html", "").format, Format::page);
    unit::check(!StatusQuery::read("format=xml", "").valid);
    unit::check(!StatusQuery::read("format", "").valid);
}

void reads_what_is_asked_of_the_list(void **) {
    const StatusQuery usual = StatusQuery::read("sessions", "");
    unit::check(usual.valid && usual.sessions && usual.order == StatusQuery::Order::number);
    unit::equal(usual.after, 0);
    unit::equal(usual.limit, 100);
    const StatusQuery query = StatusQuery::read("sessions&after=17&limit=1000&sort=slowest", "");
    unit::check(query.valid && query.order == StatusQuery::Order::slowest);
    unit::equal(query.after, 17);
    unit::equal(query.limit, 1000);
    unit::check(!StatusQuery::read("x=sessions", "").sessions);
    unit::check(StatusQuery::read("sort=number", "").valid);
    unit::equal(StatusQuery::read("file=page.js", "").file, "page.js");
    unit::check(usual.file.empty() && !StatusQuery::read("file=", "").valid);
}

void refuses_what_cannot_be(void **) {
    for (const std::string_view arguments :
         {"limit=0", "limit=1001", "limit=", "limit=1x", "limit=-1", "after=", "after=x",
          "sort=", "sort=Number", "limit=99999999999999999999", "limit=0&limit=5",
          "limit=0&after=5", "limit=0&sort=number", "limit=0&file=page.js"}) {
        unit::check(!StatusQuery::read(arguments, "").valid);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(accept_chooses_the_format),
        cmocka_unit_test(the_higher_quality_counts_and_then_the_first),
        cmocka_unit_test(what_cannot_be_obeyed_is_not),
        cmocka_unit_test(an_argument_overrules_accept),
        cmocka_unit_test(reads_what_is_asked_of_the_list),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    return unit::run("query", tests);
}
