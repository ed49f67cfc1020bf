#include "t/unit/unit.hpp"

#include <array>
#include <string>

#include "ngx_ws_filter/ws_handshake/origin.hpp"

using namespace std::string_view_literals;

namespace {

constexpr std::array web = {"http"sv, "https"sv, "ws"sv, "wss"sv, "ftp"sv, "HTTPS"sv};

bool reads(std::string_view text) {
    ws::Origin origin;
    return origin.parse(text);
}

void reads_an_app_without_a_host(void **) {
    std::array<char, ws::Origin::max_serialized> room;
    for (const auto text : {"file://"sv, "app://."sv, "x-y.z+1://"sv}) {
        ws::Origin origin;
        unit::check(origin.parse(text));
        unit::check(origin == origin);
        unit::equal(origin.port(), std::uint16_t{0});
        unit::equal(origin.serialize(room), text);
    }
    ws::Origin dot;
    unit::check(dot.parse("app://."));
    unit::equal(dot.host(), "."sv);
}

void wants_a_host_of_the_schemes_of_the_web(void **) {
    for (const auto scheme : web) {
        unit::check(!reads(std::string(scheme) + "://"));
        unit::check(!reads(std::string(scheme) + "://."));
        unit::check(reads(std::string(scheme) + "://h"));
    }
}

void refuses_what_else_an_app_may_not_say(void **) {
    for (const auto text : {"file:///"sv, "file:///a"sv, "file://:80"sv, "file://:"sv, "app://.."sv,
                            "app://./"sv, "app://.a"sv, "app://a..b"sv, "file:"sv, "file"sv,
                            "://"sv, "://."sv, "file:// "sv, " file://"sv}) {
        unit::check(!reads(text));
    }
}

void tells_apps_apart(void **) {
    constexpr std::array texts = {"file://"sv, "app://"sv,   "app://."sv,  "app://-"sv,
                                  "app://a"sv, "app://a."sv, "app://a:1"sv};
    for (const auto left : texts) {
        for (const auto right : texts) {
            ws::Origin one;
            ws::Origin other;
            unit::check(one.parse(left) && other.parse(right));
            unit::equal(one == other, left == right);
        }
    }
}

void has_no_subdomains_of_no_host(void **) {
    ws::OriginPattern pattern;
    for (const auto text : {"file://*."sv, "app://*.."sv, "file://*"sv}) {
        unit::check(!pattern.parse(text));
    }
    unit::check(!pattern.parse("file://", true));
    unit::check(!pattern.parse("app://.", true));
    ws::Origin page;
    unit::check(page.parse("app://x."));
    unit::check(!pattern.matches(page));
}

void takes_a_value_for_no_wildcard(void **) {
    ws::OriginPattern pattern;
    ws::Origin page;
    unit::check(page.parse("https://x.example.com"));
    unit::check(!pattern.parse("https://*.example.com", false));
    unit::check(!pattern.parse("https://*.example.com", true));
    unit::check(!pattern.matches(page));
    unit::check(pattern.parse("https://example.com", true));
    unit::check(pattern.matches(page));
    unit::check(pattern.parse("https://example.com", false));
    unit::check(!pattern.matches(page));
    unit::check(!pattern.parse("https://1.2.3.4", true));
    unit::check(pattern.parse("https://1.2.3.4", false));
}

void finds_the_wildcard(void **) {
    unit::equal(ws::OriginPattern::find_wildcard("https://*.a"), std::size_t{8});
    for (const auto text : {"https://a"sv, "https://*"sv, "https://a.*.b"sv, "*.a"sv, ""sv}) {
        unit::equal(ws::OriginPattern::find_wildcard(text), text.npos);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_app_without_a_host),
        cmocka_unit_test(wants_a_host_of_the_schemes_of_the_web),
        cmocka_unit_test(refuses_what_else_an_app_may_not_say),
        cmocka_unit_test(tells_apps_apart),
        cmocka_unit_test(has_no_subdomains_of_no_host),
        cmocka_unit_test(takes_a_value_for_no_wildcard),
        cmocka_unit_test(finds_the_wildcard),
    };
    return unit::run("origin app", tests);
}
