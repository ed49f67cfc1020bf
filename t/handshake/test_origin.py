"""ws_origin, end to end: which page may open a WebSocket here."""

import pytest

from harness.origins import EVIL, ask, each, echo  # noqa: F401


# --- the default


def test_by_default_only_the_same_origin_may_enter(ask):
    each(ask, "", {
        None: 101,
        "http://app.example": 101,
        "http://app.example:80": 101,
        "HTTP://App.Example": 101,
        "https://app.example": 403,
        "http://app.example:8080": 403,
        "http://app.example.evil.net": 403,
        "http://evilapp.example": 403,
        "http://evil.net/http://app.example": 403,
        "http://evil.net#http://app.example": 403,
        "http://app.example@evil.net": 403,
        "http://evil.net@app.example": 403,
        "http://app.example/": 403,
        "http://app.example/path": 403,
        "http://app.example.": 403,
        "http://app.exampl": 403,
        "http://pp.example": 403,
        "app.example": 403,
        "//app.example": 403,
        "http:app.example": 403,
        "http://": 403,
        "ftp://app.example": 403,
        "ws://app.example": 403,
        "file://": 403,
        "null": 403,
        "": 403,
        EVIL: 403,
    })


def test_foreign_origin_reaches_no_backend(ask, echo):
    for origin in (EVIL, "null", ""):
        assert ask("", origin) == 403
    assert ask("") == 101  # the first connection that the backend sees
    assert len(echo.connections) == 1


MALFORMED = {
    "blank_inside": ["http://app.example http://app.example"],
    "comma": ["http://app.example, http://app.example"],
    "two_lines": ["http://app.example", "http://app.example"],
    "two_lines_foreign_last": ["http://app.example", EVIL],
    "two_lines_foreign_first": [EVIL, "http://app.example"],
    "two_lines_one_empty": ["http://app.example", ""],
    "two_lines_one_null": ["null", "http://app.example"],
    "not_ascii": ["http://app.ex\xe4mple"],
    "tab_inside": ["http://app\t.example"],
    "four_kilobytes": ["http://app.example" + "x" * 4096],
    "four_kilobytes_that_end_well": ["http://" + "a." * 2048 + "app.example"],
    "four_kilobytes_of_port": ["http://app.example:" + "0" * 4096 + "80"],
    "port_0": ["http://app.example:0"],
    "port_65616": ["http://app.example:65616"],
    "port_of_words": ["http://app.example:http"],
    "port_with_a_sign": ["http://app.example:+80"],
    "empty_port": ["http://app.example:"],
    "percent": ["http://app%2eexample"],
    "backslash": ["http://evil.net\\app.example"],
    "quotes": ['"http://app.example"'],
}


@pytest.mark.parametrize("origins", MALFORMED.values(), ids=MALFORMED)
def test_refuses_malformed_origins(ask, echo, origins):
    settings = "ws_origin same missing null http://app.example https://*.example ~http://.*;"
    assert ask(settings, *origins) == 403
    assert not echo.connections


# --- each keyword

def test_same_compares_with_the_port_of_host(ask):
    each(ask, "ws_origin same;", {
        "http://app.example:8080": 101,
        "http://app.example:08080": 101,
        "http://app.example": 403,
        "http://app.example:80": 403,
        "http://app.example:8081": 403,
        "https://app.example:8080": 403,
        None: 403,
    }, host="app.example:8080")
    each(ask, "ws_origin same;", {"http://app.example": 101}, host="app.example:80")
    each(ask, "ws_origin same;", {"http://app.example": 101}, host="APP.example:")


def test_another_port_of_loopback_is_another_origin(ask):
    each(ask, "", {
        "http://127.0.0.1:3000": 101,
        "http://127.0.0.1:3001": 403,
        "http://127.0.0.1": 403,
        "http://localhost:3000": 403,
    }, host="127.0.0.1:3000")


def test_same_compares_addresses_in_any_form(ask):
    each(ask, "", {
        "http://[::1]": 101,
        "http://[0:0:0:0:0:0:0:1]:80": 101,
        "http://[::2]": 403,
        "http://::1": 403,
        "http://[::1": 403,
        "http://[::1]evil.net": 403,
        "http://[::1%25lo]": 403,
    }, host="[::1]")
    each(ask, "", {
        "http://[2001:db8::a]:8080": 101,
        "http://[2001:DB8:0::000A]:8080": 101,
        "http://[2001:db8::a]": 403,
    }, host="[2001:DB8::A]:8080")


def test_same_knows_that_a_tls_listener_is_https(ask):
    each(ask, "", {
        "https://app.example": 101,
        "https://app.example:443": 101,
        "http://app.example": 403,
        "http://app.example:443": 403,
    }, tls=True)
    each(ask, "", {"https://app.example:8443": 101, "https://app.example": 403},
         tls=True, host="app.example:8443")


def test_same_does_not_trust_forwarded_fields(ask):
    forged = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"),
              ("Forwarded", "host=evil.example;proto=https"))
    assert ask("", EVIL, fields=forged) == 403
    assert ask("", "https://app.example", fields=forged) == 403


KEYWORDS = {
    "same": {None: 403, "http://app.example": 101, "null": 403, EVIL: 403, "": 403},
    "missing": {None: 101, "http://app.example": 403, "null": 403, EVIL: 403, "": 403},
    "null": {None: 403, "http://app.example": 403, "null": 101, EVIL: 403, "": 403},
    "any": {None: 101, "http://app.example": 101, "null": 101, EVIL: 101, "": 101},
    "none": {None: 403, "http://app.example": 403, "null": 403, EVIL: 403, "": 403},
    "same null": {None: 403, "http://app.example": 101, "null": 101, EVIL: 403, "": 403},
}


@pytest.mark.parametrize("words", KEYWORDS, ids=KEYWORDS)
def test_keyword_lets_in_what_it_says_and_nothing_else(ask, words):
    each(ask, f"ws_origin {words};", KEYWORDS[words])


def test_null_is_compared_whole_and_with_case(ask):
    each(ask, "ws_origin null;", {"null": 101, "NULL": 403, "null,": 403, "nullx": 403,
                                  "null null": 403})


def test_missing_is_not_two_lines(ask):
    assert ask("ws_origin missing null;", "null", "null") == 403


# --- origins

def test_listed_origin_is_compared_in_canonical_form(ask):
    each(ask, "ws_origin HTTPS://App.Example:443;", {
        "https://app.example": 101,
        "https://app.example:443": 101,
        "https://APP.EXAMPLE": 101,
        "http://app.example": 403,
        "http://app.example:443": 403,
        "https://app.example:8443": 403,
        "https://app.example.evil.net": 403,
        "https://evilapp.example": 403,
        "https://sub.app.example": 403,
        None: 403,
    }, host="elsewhere.example")


def test_several_origins_are_each_let_in(ask):
    each(ask, "ws_origin https://one.example http://two.example:8080 http://[2001:db8::1];", {
        "https://one.example": 101,
        "http://two.example:8080": 101,
        "http://[2001:DB8:0:0::1]": 101,
        "http://one.example": 403,
        "http://two.example": 403,
        "https://[2001:db8::1]": 403,
    })


def test_wildcard_stands_for_subdomains_of_any_depth(ask):
    each(ask, "ws_origin https://*.example.com;", {
        "https://a.example.com": 101,
        "https://a.b.c.example.com:443": 101,
        "https://A.Example.COM": 101,
        "https://example.com": 403,
        "https://.example.com": 403,
        "https://aexample.com": 403,
        "https://evil-example.com": 403,
        "https://a.example.com.evil.net": 403,
        "https://a.example.com:8443": 403,
        "http://a.example.com": 403,
        "https://*.example.com": 403,
        "https://a..example.com": 403,
        "https://evil.net/.example.com": 403,
        "https://evil.net?.example.com": 403,
    })
    each(ask, "ws_origin http://*.example.com:8080;", {
        "http://a.example.com:8080": 101,
        "http://a.example.com": 403,
        "http://example.com:8080": 403,
    })


# --- regular expressions

def test_regex_is_anchored_at_both_ends(ask):
    each(ask, r"ws_origin ~https://[a-z]+\.example\.com;", {
        "https://app.example.com": 101,
        "HTTPS://APP.example.com:443": 101,
        "https://app.example.com.evil.net": 403,
        "xhttps://app.example.com": 403,
        "https://app.example.com:8443": 403,
        "https://a.b.example.com": 403,
        "https://appxexample.com": 403,
        "http://evil.net": 403,
    })


def test_alternatives_of_a_regex_are_anchored_too(ask):
    each(ask, "ws_origin ~https://one.example|https://two.example;", {
        "https://one.example": 101,
        "https://two.example": 101,
        "https://one.example.evil.net": 403,
        "https://one.example:8443": 403,
        "xx-https://two.example": 403,
    })


def test_anchors_of_ones_own_do_no_harm(ask):
    each(ask, "ws_origin ~^https://one.example(:8443)?$;", {
        "https://one.example": 101,
        "https://one.example:443": 101,
        "https://one.example:8443": 101,
        "https://one.example:84430": 403,
    })


def test_regex_ignores_case_as_origins_do(ask):
    each(ask, r"ws_origin ~https://App\.Example;", {
        "https://app.example": 101,
        "https://APP.example": 101,
        "http://app.example": 403,
    })


@pytest.mark.parametrize("trick", ["\n", "\r\n", "\x0b", "\x0c", "\x00", "\x85", "\n "])
def test_line_ends_do_not_help_against_a_regex(gateway, echo, raw, trick):
    rule = "ws_origin '~(?m)https://a.example$';"
    front = gateway(f"location / {{ ws_pass {echo.address}; {rule} }}")
    for origin in (f"https://a.example{trick}x", f"x{trick}https://a.example",
                   f"https://a.example{trick}"):
        client = raw(front.port)
        client.send(client.request("/", fields=(("Origin", origin),)))
        response = client.read_response()
        # A bare line end makes a field line of what is behind it, or no request at all.
        allowed = origin.startswith(("https://a.example\n", "https://a.example\r"))
        assert response.status in ((400, 403, 101) if allowed else (400, 403)), origin
        client.close()


@pytest.mark.parametrize("expression", ["https://a.example)|(?:.*", "(https://", "*", "(?x)a #"])
def test_regex_that_is_none_by_itself_is_refused(config_check, expression):
    accepted, said = config_check(f"location / {{ ws_origin '~{expression}'; }}")
    assert not accepted, "it could leave the anchors"
    assert "nginx.conf:" in said


# --- variables

def test_variable_origins(ask):
    http = """
        map $arg_x $listed { default https://mapped.example; }
        map $arg_x $nothing { default ""; }
        map $arg_x $wild { default https://*.wild.example; }
        map $arg_x $domain { default wild.example; }
        map $arg_x $word { default any; }
        map $arg_x $several { default "https://a.example https://b.example"; }
    """
    each(ask, "ws_origin https://$host;", {
        "https://app.example": 101, "http://app.example": 403, EVIL: 403, None: 403, "null": 403,
    }, http=http)
    each(ask, "ws_origin https://$host:8443 $listed;", {
        "https://app.example:8443": 101, "https://mapped.example": 101, EVIL: 403,
    }, http=http)
    each(ask, "ws_origin https://*.$domain;", {
        "https://a.wild.example": 101, "https://wild.example": 403, "https://a.b": 403,
    }, http=http)
    # Whose value it is cannot be told: a wildcard is what stands in the rule itself.
    each(ask, "ws_origin $wild;", {
        "https://a.wild.example": 403, "https://wild.example": 403,
    }, http=http)
    # A value is an origin and never a keyword, a list, or an expression.
    each(ask, "ws_origin $nothing $word $several;", {
        None: 403, "": 403, "null": 403, EVIL: 403, "https://a.example": 403,
    }, http=http)


WILDCARDS_BY_THE_REQUEST = {
    "host": ("https://$host", {"host": "*.example.com"}),
    "http_host": ("https://$http_host", {"host": "*.example.com"}),
    "host behind a wildcard": ("https://*.$host", {"host": "*.com"}),
    "own field": ("https://$http_x_name", {"fields": [("X-Name", "*.example.com")]}),
    "whole origin": ("$http_x_origin", {"fields": [("X-Origin", "https://*.example.com")]}),
    "scheme and star": ("$http_x_begin.example.com", {"fields": [("X-Begin", "https://*")]}),
    "star": ("https://$http_x_star.example.com", {"fields": [("X-Star", "*")]}),
}


@pytest.mark.parametrize("rule, how", WILDCARDS_BY_THE_REQUEST.values(),
                         ids=WILDCARDS_BY_THE_REQUEST)
def test_no_wildcard_comes_from_the_request(ask, rule, how):
    assert ask(f"ws_origin {rule};", "https://evil.example.com", **how) == 403
