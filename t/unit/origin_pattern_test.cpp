#include "t/unit/unit.hpp"

#include <array>
#include <initializer_list>
#include <string>

#include "ngx_ws_filter/ws_handshake/origin.hpp"
#include "t/unit/random_text.hpp"

using namespace std::string_view_literals;

namespace {

ws::Origin origin(std::string_view text) {
    ws::Origin origin;
    unit::check(origin.parse(text));
    return origin;
}

bool matches(std::string_view pattern_text, std::string_view origin_text) {
    ws::OriginPattern pattern;
    unit::check(pattern.parse(pattern_text));
    return pattern.matches(origin(origin_text));
}

void matches_subdomains_of_any_depth(void **) {
    constexpr auto pattern = "https://*.example.com"sv;
    unit::check(matches(pattern, "https://x.example.com"));
    unit::check(matches(pattern, "https://a.b.c.example.com"));
    unit::check(matches(pattern, "https://X.EXAMPLE.com:443"));
    unit::check(matches("HTTPS://*.Example.COM:443", "https://x.example.com"));
    unit::check(matches("https://*.example.com:8443", "https://x.example.com:8443"));
    unit::check(matches("https://*.localhost", "https://x.localhost"));
    unit::check(matches("https://*.example.com.", "https://x.example.com."));
    unit::check(matches("https://*.1.example", "https://x.1.example"));
}

void matches_no_foreign_host_by_wildcard(void **) {
    for (const auto other : {"https://example.com"sv, "https://evilexample.com"sv,
                             "https://x-example.com"sv, "https://x.example.com.evil.net"sv,
                             "https://x.example.org"sv, "https://com"sv, "https://x.example.com."sv,
                             "https://example.com.x"sv, "https://127.0.0.1"sv, "https://[::1]"sv}) {
        unit::check(!matches("https://*.example.com", other));
    }
}

// The scheme may end in a dot, and the dot before the host must be the host's own.
void matches_no_bare_host_of_a_scheme_with_a_dot(void **) {
    unit::check(!matches("a.://*.example.com", "a.://example.com"));
    unit::check(matches("a.://*.example.com", "a.://x.example.com"));
}

void matches_no_other_scheme_or_port_by_wildcard(void **) {
    unit::check(!matches("https://*.example.com", "http://x.example.com"));
    unit::check(!matches("https://*.example.com", "http://x.example.com:443"));
    unit::check(!matches("https://*.example.com", "https://x.example.com:8443"));
    unit::check(!matches("https://*.example.com:8443", "https://x.example.com"));
}

void matches_an_origin_without_wildcard_exactly(void **) {
    unit::check(matches("https://app.example.com", "https://APP.example.com:443"));
    unit::check(matches("http://[::1]:8080", "http://[0::1]:8080"));
    unit::check(matches("chrome-extension://abcdef", "chrome-extension://abcdef"));
    unit::check(!matches("https://app.example.com", "https://x.app.example.com"));
    unit::check(!matches("https://app.example.com", "https://app.example.com:8443"));
    unit::check(!matches("https://app.example.com", "http://app.example.com"));
}

void refuses(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        ws::OriginPattern pattern;
        if (pattern.parse(text)) {
            fail_msg("\"%.*s\" was taken for a pattern", static_cast<int>(text.size()),
                     text.data());
        }
    }
}

void refuses_what_is_no_pattern(void **) {
    refuses({"https://*",
             "https://*.",
             "https://*..",
             "https://*example.com",
             "https://a.*.com",
             "https://*.*.com",
             "https://*.a*",
             "https://**.com",
             "*.example.com",
             "*://*.example.com",
             "*://example.com",
             "://*.example.com",
             "https://*.example.com/",
             "https://*.example.com/a",
             "https://example.com/",
             "https://*.example.com:",
             "https://*.example.com:0",
             "https://*.example.com:*",
             "https://*.:443",
             "https://*.[::1]",
             "https://*.0.0.1",
             "https://*.1",
             "https://*.1.",
             "https://*..example.com",
             "https://a://*.b",
             "https://u@*.b",
             "",
             "null",
             "same"});
}

void refuses_a_pattern_that_is_too_long(void **) {
    refuses({"https://*." + std::string(ws::Origin::max_size - 9, 'a')});
}

void matches_nothing_unless_it_was_read(void **) {
    const ws::Origin page = origin("https://x.example.com");
    ws::OriginPattern pattern;
    unit::check(!pattern.matches(page));
    unit::check(!pattern.matches(ws::Origin{}));
    unit::check(pattern.parse("https://*.example.com"));
    unit::check(!pattern.matches(ws::Origin{}));
    unit::check(pattern.matches(page));
    unit::check(!pattern.parse("https://*"));
    unit::check(!pattern.matches(page));
    for (const auto text : {"https://*.example.com"sv, "https://x.example.com"sv}) {
        unit::check(pattern.parse(text));
        unit::check(pattern.matches(page));
        unit::check(!pattern.parse("https://*.1"));
        unit::check(!pattern.matches(page));
    }
}

void matches_a_subdomain_of_each_random_pattern(void **) {
    constexpr std::array pieces = {"https"sv, "://"sv, "://*."sv, "https://*.a"sv, "*"sv,
                                   "."sv,     ":"sv,   "/"sv,     "["sv,           "::1]"sv,
                                   "443"sv,   "0"sv,   "a"sv,     "Ab"sv,          "-"sv,
                                   "@"sv,     " "sv,   "\0"sv,    "\xff"sv,        "1.2.3.4"sv};
    std::mt19937 random(4);
    int good = 0;
    for (int round = 0; round < 50000; round++) {
        const unit::RandomText text(random, pieces, 8);
        ws::OriginPattern pattern;
        if (!pattern.parse(text.view())) {
            continue;
        }
        // A subdomain of what stands behind the wildcard, or the origin itself.
        std::string example(text.view());
        const std::size_t star = example.find('*');
        if (star != example.npos) {
            example[star] = 'x';
            good++;
        }
        unit::check(pattern.matches(origin(example)));
    }
    unit::check(good > 100);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(matches_subdomains_of_any_depth),
        cmocka_unit_test(matches_no_foreign_host_by_wildcard),
        cmocka_unit_test(matches_no_bare_host_of_a_scheme_with_a_dot),
        cmocka_unit_test(matches_no_other_scheme_or_port_by_wildcard),
        cmocka_unit_test(matches_an_origin_without_wildcard_exactly),
        cmocka_unit_test(refuses_what_is_no_pattern),
        cmocka_unit_test(refuses_a_pattern_that_is_too_long),
        cmocka_unit_test(matches_nothing_unless_it_was_read),
        cmocka_unit_test(matches_a_subdomain_of_each_random_pattern),
    };
    return unit::run("origin pattern", tests);
}
