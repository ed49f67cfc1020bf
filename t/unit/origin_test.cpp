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

ws::Origin own_origin(std::string_view scheme, std::string_view authority) {
    ws::Origin origin;
    unit::check(origin.parse(scheme, authority));
    return origin;
}

void reads(std::string_view text, std::string_view scheme, std::string_view host,
           std::uint16_t port) {
    const ws::Origin read = origin(text);
    unit::equal(read.scheme(), scheme);
    unit::equal(read.host(), host);
    unit::equal(read.port(), port);
}

void refuses(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        ws::Origin read;
        if (read.parse(text)) {
            fail_msg("\"%.*s\" was taken for an origin", static_cast<int>(text.size()),
                     text.data());
        }
    }
}

std::string serialized(const ws::Origin &origin) {
    std::string text(origin.scheme());
    text.append("://").append(origin.host());
    if (origin.port() != 0) {
        text.append(":").append(std::to_string(origin.port()));
    }
    return text;
}

void reads_scheme_host_and_port(void **) {
    reads("https://example.org", "https", "example.org", 443);
    reads("https://example.org:8443", "https", "example.org", 8443);
    reads("http://a", "http", "a", 80);
    reads("http://127.0.0.1:8000", "http", "127.0.0.1", 8000);
    reads("http://my_host~1.example-site.org", "http", "my_host~1.example-site.org", 80);
    reads("https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443);
}

void knows_the_default_ports(void **) {
    reads("http://h", "http", "h", 80);
    reads("ws://h", "ws", "h", 80);
    reads("https://h", "https", "h", 443);
    reads("wss://h", "wss", "h", 443);
    reads("ftp://h", "ftp", "h", 0);
}

void reads_the_schemes_of_extensions_and_apps(void **) {
    reads("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension",
          "abcdefghijklmnopabcdefghijklmnop", 0);
    reads("moz-extension://0f6b0e4c-7a5e-4a68-9d1b-2f0f2b1c9a11", "moz-extension",
          "0f6b0e4c-7a5e-4a68-9d1b-2f0f2b1c9a11", 0);
    reads("capacitor://localhost", "capacitor", "localhost", 0);
    reads("a+b.c-1://localhost", "a+b.c-1", "localhost", 0);
}

void reads_the_edges_of_the_ports(void **) {
    reads("https://h:1", "https", "h", 1);
    reads("https://h:65535", "https", "h", 65535);
    reads("https://h:0443", "https", "h", 443);
    reads("https://h:00000000000000000443", "https", "h", 443);
}

void refuses_what_is_no_port(void **) {
    refuses({"https://h:", "https://h:0", "https://h:000", "https://h:65536", "https://h:65979",
             "https://h:4294967739", "https://h:18446744073709552059",
             "https://h:99999999999999999999", "https://h:-1", "https://h:+1", "https://h: 1",
             "https://h:1 ", "https://h:0x50", "https://h:80:80", "https://h::80", "https://h:a"});
}

void makes_case_and_default_port_canonical(void **) {
    const ws::Origin plain = origin("https://example.org");
    unit::check(plain == origin("https://Example.ORG"));
    unit::check(plain == origin("HTTPS://example.org"));
    unit::check(plain == origin("https://example.org:443"));
    unit::check(plain == origin("https://EXAMPLE.org:0443"));
}

void tells_other_origins_apart(void **) {
    const ws::Origin plain = origin("https://example.org");
    for (const auto other :
         {"http://example.org"sv, "http://example.org:443"sv, "https://example.org:8443"sv,
          "https://example.org:80"sv, "https://example.org.evil.net"sv, "https://evilexample.org"sv,
          "https://evil.example.org"sv, "https://example.or"sv, "https://xample.org"sv,
          "https://example.org."sv, "wss://example.org"sv, "httpse://xample.org"sv}) {
        unit::check(!(plain == origin(other)));
        unit::check(!(origin(other) == plain));
    }
}

void tells_another_port_of_loopback_apart(void **) {
    unit::check(!(origin("http://127.0.0.1:8080") == origin("http://127.0.0.1:8081")));
    unit::check(!(origin("http://localhost") == origin("http://127.0.0.1")));
    unit::check(!(origin("http://[::1]") == origin("http://127.0.0.1")));
}

void refuses_what_is_no_origin(void **) {
    refuses({"", "null", "NULL", "*", "https", "https:", "https://", "https:/h", "https:h", "//h",
             "://h", "h", "example.org", "example.org:443", "file:", "https://:443",
             "data:text/html", "about:blank"});
}

void refuses_what_an_origin_does_not_have(void **) {
    refuses({"https://h/", "https://h/path", "https://h?x", "https://h#x", "https://user@h",
             "https://user:pass@h", "https://good.org@evil.org", "https://h\\", "https://h:80/",
             "https://h;x", "https://h%2e", "https://*.h", "https://h*", "https://(h)"});
}

void refuses_two_origins_in_one_value(void **) {
    refuses({"https://a https://b", "https://a, https://b", "https://a,https://b",
             "https://a\thttps://b", "https://ahttps://b", "https://a://b"});
}

void refuses_white_space_and_control_characters(void **) {
    refuses({" https://h", "https://h ", "https://h\t", "\thttps://h", "https:// h", "https://a b",
             "https://h\r\n", "https://h\n", "https://h\0"sv, "https://h\0.evil.org"sv,
             "https\0://h"sv, "https://h:44\0"sv, "https://h\x7f"});
}

void refuses_bytes_outside_ascii(void **) {
    refuses(
        {"https://b\xc3\xbc"
         "cher.example",
         "https://h\xff", "https://\x80", "htt\xc3\xbc://h", "https://h:\xd9\xa1"});
}

void refuses_malformed_schemes(void **) {
    refuses({"1http://h", "+http://h", "-http://h", ".http://h", "ht_tp://h", "ht tp://h",
             "ht:tp://h", "ht/tp://h"});
}

void refuses_empty_labels_but_keeps_a_final_dot(void **) {
    refuses({"https://.", "https://..", "https://.example.org", "https://example..org",
             "https://example.org.."});
    reads("https://example.org.", "https", "example.org.", 443);
}

void makes_ipv6_canonical(void **) {
    reads("http://[::1]", "http", "[::1]", 80);
    reads("http://[::1]:8080", "http", "[::1]", 8080);
    const ws::Origin short_form = origin("https://[2001:db8::a]");
    unit::equal(short_form.host(), "[2001:db8::a]"sv);
    unit::check(short_form == origin("https://[2001:DB8:0:0:0:0:0:A]:443"));
    unit::check(short_form == origin("https://[2001:0db8:0000:0000:0000:0000:0000:000a]"));
    unit::check(short_form == origin("https://[2001:db8::0.0.0.10]"));
    unit::check(!(short_form == origin("https://[2001:db8::b]")));
    unit::check(origin("http://[::ffff:127.0.0.1]") == origin("http://[::ffff:7f00:1]"));
}

void refuses_malformed_ipv6(void **) {
    refuses({"http://[",
             "http://[]",
             "http://]",
             "http://[::1",
             "http://::1",
             "http://::1]",
             "http://[::1]x",
             "http://[::1]x:80",
             "http://x[::1]",
             "http://[::1]]",
             "http://[[::1]]",
             "http://[::1]:",
             "http://[::1]80",
             "http://[1::2::3]",
             "http://[:::]",
             "http://[1:2:3:4:5:6:7:8:9]",
             "http://[12345::]",
             "http://[g::]",
             "http://[127.0.0.1]",
             "http://[example.org]",
             "http://[::1%eth0]",
             "http://[fe80::1%25eth0]",
             "http://[v1.a]",
             "http://[::1\0]"sv,
             "http://[ ::1]",
             "http://[::256.0.0.1]",
             "http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"});
}

// A text of max_size bytes that ends in `tail`.
std::string longest(std::string_view head, std::string_view tail) {
    std::string text(head);
    text.append(ws::Origin::max_size - head.size() - tail.size(), 'a');
    return text.append(tail);
}

void reads_the_longest_text_and_refuses_a_longer_one(void **) {
    const std::string in_host = longest("https://", ":443");
    reads(in_host, "https", std::string_view(in_host).substr(8, 308), 443);
    const std::string in_scheme = longest("a", "://h");
    reads(in_scheme, std::string_view(in_scheme).substr(0, 316), "h", 0);
    refuses({longest("https://", ":443") + "0", longest("https://", "") + "a",
             "a" + longest("a", "://h"), "https://" + std::string(4096, 'a')});
}

// "[::ffff:ff:ff]" is 6 bytes shorter than "[::ffff:0.255.0.255]".
void refuses_a_canonical_form_that_does_not_fit(void **) {
    constexpr auto tail = "://[::ffff:ff:ff]"sv;
    const std::string fits = std::string(300, 'a').append(tail);
    unit::equal(origin(fits).host(), "[::ffff:0.255.0.255]"sv);
    unit::equal(origin(fits).scheme(), std::string_view(fits).substr(0, 300));
    refuses({"a" + fits, longest("a", tail)});
}

void reads_the_longest_ipv6_and_refuses_a_longer_one(void **) {
    reads("http://[0000:0000:0000:0000:0000:ffff:255.255.255.255]", "http",
          "[::ffff:255.255.255.255]", 80);
    refuses({"http://[0000:0000:0000:0000:0000:ffff:255.255.255.2555]",
             "http://[0000:0000:0000:0000:0000:0ffff:255.255.255.255]"});
}

void reads_the_two_halves_of_its_own_origin(void **) {
    const ws::Origin page = origin("https://example.org");
    unit::check(own_origin("https", "example.org") == page);
    unit::check(own_origin("https", "Example.org:443") == page);
    unit::check(own_origin("https", "example.org:") == page);
    unit::check(!(own_origin("http", "example.org") == page));
    unit::check(!(own_origin("https", "example.org:8443") == page));
    unit::check(own_origin("http", "[0:0::1]:8080") == origin("http://[::1]:8080"));
    unit::check(own_origin("http", "[::1]:") == origin("http://[::1]"));
}

void refuses_a_malformed_half(void **) {
    ws::Origin read;
    for (const auto authority : {""sv, ":"sv, ":80"sv, "a/b"sv, "u@h"sv, "h:0"sv, "h::"sv, "a b"sv,
                                 "https://h"sv, "[::1"sv, "h:80:"sv}) {
        unit::check(!read.parse("https", authority));
    }
    unit::check(!read.parse("", "h"));
    unit::check(!read.parse("https:", "h"));
    unit::check(!read.parse("https://", "h"));
    const std::string half(ws::Origin::max_size - 3, 'a');
    unit::check(!read.parse(half, "h"));
    unit::check(!read.parse("h", half));
    unit::check(!read.parse(half, half));
    const std::string longer(ws::Origin::max_size, 'a');
    unit::check(!read.parse(longer, ""));
    unit::check(!read.parse(longer, "h"));
    unit::check(!read.parse("", longer));
}

void equals_nothing_before_it_is_read(void **) {
    const ws::Origin nothing;
    const ws::Origin nothing_either;
    unit::check(!(nothing == nothing_either));
    unit::check(!(nothing == origin("https://example.org")));
    unit::check(!(origin("https://example.org") == nothing));
}

void forgets_what_it_was_when_it_cannot_be_read(void **) {
    ws::Origin read = origin("https://example.org");
    unit::check(!read.parse("null"));
    unit::check(!(read == origin("https://example.org")));
    unit::equal(read.host(), ""sv);
    read = origin("https://example.org");
    unit::check(!read.parse("https", "example.org/"));
    unit::check(!(read == origin("https://example.org")));
    unit::equal(read.port(), std::uint16_t{0});
}

constexpr std::array pieces = {
    "http"sv,  "https"sv, "://"sv,     "://"sv,       "."sv,           ":"sv, "/"sv, "["sv,
    "]"sv,     "[::"sv,   "::"sv,      "]:"sv,        "ffff"sv,        "1"sv, "0"sv, "443"sv,
    "65535"sv, "a"sv,     "Ab"sv,      "-"sv,         "_"sv,           "@"sv, "%"sv, " "sv,
    "\0"sv,    "\xff"sv,  "1.2.3.4"sv, "https://a"sv, "http://[::1]"sv};

void reads_its_own_form_of_random_origins_again(void **) {
    std::mt19937 random(3);
    int good = 0;
    for (int round = 0; round < 50000; round++) {
        const unit::RandomText text(random, pieces, 8);
        ws::Origin read;
        if (!read.parse(text.view())) {
            unit::check(read.scheme().empty() && read.host().empty());
            continue;
        }
        good++;
        unit::check(read == read);
        const std::string canonical = serialized(read);
        reads(canonical, read.scheme(), read.host(), read.port());
    }
    unit::check(good > 500);
}

void serializes(std::string_view text, std::string_view wanted) {
    std::array<char, ws::Origin::max_serialized> room;
    unit::equal(origin(text).serialize(room), wanted);
}

void serializes_as_a_browser_does(void **) {
    serializes("HTTPS://Example.ORG:443", "https://example.org");
    serializes("http://example.org:080", "http://example.org");
    serializes("http://example.org:443", "http://example.org:443");
    serializes("https://[0:0::1]:8443", "https://[::1]:8443");
    serializes("moz-extension://a-b", "moz-extension://a-b");
    serializes("app://a:65535", "app://a:65535");
}

void serializes_the_longest_origin(void **) {
    const std::string host(ws::Origin::max_size - "a://:65535"sv.size(), 'h');
    serializes("a://" + host + ":65535", "a://" + host + ":65535");
}

void survives_random_halves(void **) {
    std::mt19937 random(5);
    for (int round = 0; round < 50000; round++) {
        const unit::RandomText scheme(random, pieces, 2);
        const unit::RandomText authority(random, pieces, 6);
        ws::Origin read;
        const bool good = read.parse(scheme.view(), authority.view());
        unit::equal(good, !read.scheme().empty());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_scheme_host_and_port),
        cmocka_unit_test(knows_the_default_ports),
        cmocka_unit_test(reads_the_schemes_of_extensions_and_apps),
        cmocka_unit_test(reads_the_edges_of_the_ports),
        cmocka_unit_test(refuses_what_is_no_port),
        cmocka_unit_test(makes_case_and_default_port_canonical),
        cmocka_unit_test(tells_other_origins_apart),
        cmocka_unit_test(tells_another_port_of_loopback_apart),
        cmocka_unit_test(refuses_what_is_no_origin),
        cmocka_unit_test(refuses_what_an_origin_does_not_have),
        cmocka_unit_test(refuses_two_origins_in_one_value),
        cmocka_unit_test(refuses_white_space_and_control_characters),
        cmocka_unit_test(refuses_bytes_outside_ascii),
        cmocka_unit_test(refuses_malformed_schemes),
        cmocka_unit_test(refuses_empty_labels_but_keeps_a_final_dot),
        cmocka_unit_test(makes_ipv6_canonical),
        cmocka_unit_test(refuses_malformed_ipv6),
        cmocka_unit_test(reads_the_longest_text_and_refuses_a_longer_one),
        cmocka_unit_test(refuses_a_canonical_form_that_does_not_fit),
        cmocka_unit_test(reads_the_longest_ipv6_and_refuses_a_longer_one),
        cmocka_unit_test(reads_the_two_halves_of_its_own_origin),
        cmocka_unit_test(refuses_a_malformed_half),
        cmocka_unit_test(equals_nothing_before_it_is_read),
        cmocka_unit_test(forgets_what_it_was_when_it_cannot_be_read),
        cmocka_unit_test(reads_its_own_form_of_random_origins_again),
        cmocka_unit_test(serializes_as_a_browser_does),
        cmocka_unit_test(serializes_the_longest_origin),
        cmocka_unit_test(survives_random_halves),
    };
    return unit::run("origin", tests);
}
