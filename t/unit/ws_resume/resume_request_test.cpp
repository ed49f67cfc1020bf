#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/resume_request.hpp"

#include <algorithm>

using namespace std::literals;
using ws::ResumeRequest;

namespace {

struct Read {
    explicit Read(std::string_view query) : request(ws::read_resume_request(query, room)) {}

    ws::SidRoom room;
    ResumeRequest request;
};

void says(std::string_view query, std::string_view sid, std::uint64_t ack,
          const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    const Read read(query);
    unit::check(read.request.resumes, file, line);
    unit::equal(read.request.sid, sid, file, line);
    unit::check(read.request.has_ack, file, line);
    unit::equal(read.request.ack, ack, file, line);
}

void is_unknown(std::string_view query, const char *file = __builtin_FILE(),
                int line = __builtin_LINE()) {
    const Read read(query);
    unit::check(read.request.resumes, file, line);
    unit::equal(read.request.sid, "", file, line);
}

void has_no_ack(std::string_view query, const char *file = __builtin_FILE(),
                int line = __builtin_LINE()) {
    const Read read(query);
    unit::equal(read.request.sid, "a1", file, line);
    unit::check(!read.request.has_ack, file, line);
}

void begins_a_session_without_a_sid(void **) {
    for (const std::string_view query :
         {""sv, "&"sv, "ack=1"sv, "host=sid&port=1"sv, "SID=a1"sv, "sidx=a1"sv, "xsid=a1"sv, "si"sv,
          "=sid"sv, "%73id=a1"sv}) {
        unit::check(!Read(query).request.resumes);
    }
}

void reads_sid_and_ack_among_others(void **) {
    says("sid=a1&ack=0", "a1", 0);
    says("ack=12&sid=a1", "a1", 12);
    says("&&host=h&sid=a1&port=22&ack=3&try=2&pos=9&", "a1", 3);
    says("sid=a=1&ack=1", "a=1", 1);
}

void decodes_what_is_encoded(void **) {
    says("sid=%61%31&ack=%31%30", "a1", 10);
    says("sid=a%2bb%2Fc%3D%26%25+&ack=1", "a+b/c=&%+", 1);
    says("sid=%21%7e&ack=1", "!~", 1);
}

void knows_no_sid_that_cannot_be(void **) {
    for (const std::string_view query :
         {"sid"sv, "sid="sv, "sid=&ack=1"sv, "sid=a%20b&ack=1"sv, "sid=a%7f&ack=1"sv,
          "sid=a%00&ack=1"sv, "sid=%e4&ack=1"sv, "sid=a b&ack=1"sv, "sid=%&ack=1"sv,
          "sid=a%1&ack=1"sv, "sid=%g1&ack=1"sv, "sid=%1g&ack=1"sv, "sid=%/1&ack=1"sv}) {
        is_unknown(query);
    }
}

void knows_sids_of_at_most_256_characters(void **) {
    std::array<char, 300> room;
    room.fill('x');
    std::ranges::copy("sid="sv, room.begin());
    const std::string_view query{room.data(), room.size()};
    unit::equal(Read(query.substr(0, 4 + 256)).request.sid, query.substr(4, 256));
    is_unknown(query.substr(0, 4 + 257));
}

void knows_no_sid_where_anything_is_repeated(void **) {
    is_unknown("sid=a1&ack=1&sid=a1");
    is_unknown("sid=a1&sid&ack=1");
    is_unknown("sid=a1&ack=1&ack=1");
    is_unknown("ack&sid=a1&ack=1");
}

void wants_a_number_of_63_bits(void **) {
    says("sid=a1&ack=9223372036854775807", "a1", INT64_MAX);
    says("sid=a1&ack=00000000000000000000000000000007", "a1", 7);
    for (const std::string_view query :
         {"sid=a1"sv, "sid=a1&ack"sv, "sid=a1&ack="sv, "sid=a1&ack=x"sv, "sid=a1&ack=1x"sv,
          "sid=a1&ack=-1"sv, "sid=a1&ack=+1"sv, "sid=a1&ack=1.0"sv, "sid=a1&ack=0x1"sv,
          "sid=a1&ack=%201"sv, "sid=a1&ack=%3"sv, "sid=a1&ack=9223372036854775808"sv,
          "sid=a1&ack=18446744073709551616"sv, "sid=a1&ack=99999999999999999999999999"sv}) {
        has_no_ack(query);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(begins_a_session_without_a_sid),
        cmocka_unit_test(reads_sid_and_ack_among_others),
        cmocka_unit_test(decodes_what_is_encoded),
        cmocka_unit_test(knows_no_sid_that_cannot_be),
        cmocka_unit_test(knows_sids_of_at_most_256_characters),
        cmocka_unit_test(knows_no_sid_where_anything_is_repeated),
        cmocka_unit_test(wants_a_number_of_63_bits),
    };
    return unit::run("resume_request", tests);
}
