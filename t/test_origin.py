"""ws_origin, end to end: which page may open a WebSocket here."""

import re

import pytest

from backends import EchoBackend
from gateway import client_tls
from raw import BINARY

EVIL = "https://evil.example"


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def ask(gateway, echo, raw):
    """ask(settings, origin...): the status for a request with these Origin lines."""
    started = {}

    def status(settings, *origins, host="app.example", fields=(), tls=False, **parts):
        key = (settings, tls, tuple(parts.items()))
        if key not in started:
            started[key] = gateway(f"location / {{ ws_pass {echo.address}; {settings} }}",
                                   tls=tls, **parts)
        front = started[key]
        lines = [("Origin", origin) for origin in origins]
        port = front.ssl_port if tls else front.port
        with raw(port, tls=client_tls() if tls else None) as client:
            response = client.handshake("/", host=host, fields=[*lines, *fields])
            if response.status == 101:
                client.send_frame(BINARY, b"through")
                assert client.read_data(7) == b"through"
            elif response.status == 403:
                status.front = front
                assert response.get("sec-websocket-accept") is None
            return response.status

    return status


def each(ask, settings, table, **how):
    """All rows of a table at once, so that a failure shows which of them are wrong."""
    got = {origin: ask(settings, *([] if origin is None else [origin]), **how) for origin in table}
    assert got == table


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
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin '~(?m)https://a.example$'; }}")
    for origin in (f"https://a.example{trick}x", f"x{trick}https://a.example",
                   f"https://a.example{trick}"):
        client = raw(front.port)
        client.send(client.request("/", fields=(("Origin", origin),)))
        response = client.read_response()
        # A bare line end makes a field line of what is behind it, or no request at all.
        allowed = origin.startswith("https://a.example\n") or origin.startswith("https://a.example\r")
        assert response.status in ((400, 403, 101) if allowed else (400, 403)), origin
        client.close()


@pytest.mark.parametrize("expression", ["https://a.example)|(?:.*", "(https://", "*", "(?x)a #"])
def test_regex_that_is_none_by_itself_is_refused(config_check, expression):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; ws_origin '~{expression}'; }}")
    assert not accepted, "it could leave the anchors"
    assert "nginx.conf:" in said


# --- variables

def test_variable_origins(ask):
    http = """
        map $arg_x $listed { default https://mapped.example; }
        map $arg_x $nothing { default ""; }
        map $arg_x $wild { default https://*.wild.example; }
        map $arg_x $word { default any; }
        map $arg_x $several { default "https://a.example https://b.example"; }
    """
    each(ask, "ws_origin https://$host;", {
        "https://app.example": 101, "http://app.example": 403, EVIL: 403, None: 403, "null": 403,
    }, http=http)
    each(ask, "ws_origin https://$host:8443 $listed;", {
        "https://app.example:8443": 101, "https://mapped.example": 101, EVIL: 403,
    }, http=http)
    each(ask, "ws_origin $wild;", {
        "https://a.wild.example": 101, "https://wild.example": 403,
    }, http=http)
    # A value is an origin and never a keyword, a list, or an expression.
    each(ask, "ws_origin $nothing $word $several;", {
        None: 403, "": 403, "null": 403, EVIL: 403, "https://a.example": 403,
    }, http=http)


# --- report only

def test_report_only_lets_in_and_logs(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin_report_only on; }}",
                    log_format="$status $ws_origin_verdict")
    for origin, verdict in ((EVIL, "reported"), ("http://localhost", "same")):
        client = raw(front.port)
        client.open("/", fields=(("Origin", origin),))
        client.close()
    assert front.access_log(2) == ["101 reported", "101 same"]
    warned = [line for line in front.error_log().splitlines() if "[warn]" in line]
    assert len(warned) == 1 and EVIL in warned[0] and "reported" in warned[0]


# --- the log

def warnings(front):
    return [line for line in front.error_log().splitlines() if "[warn]" in line]


def test_refusal_is_one_printable_line_at_warn(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin same https://*.example; }}",
                    log_level="warn")
    client = raw(front.port)
    fields = (("Origin", EVIL + "\x1b[31m\xff\"\\"), ("Cookie", "session=secret"))
    assert client.handshake("/path?token=secret", fields=fields).status == 403
    client.close()
    front.access_log(1)
    lines = front.error_log().splitlines()
    assert len(lines) == 1
    assert re.search(r"\[warn\] .* ws: refused: ", lines[0])
    assert EVIL in lines[0] and "ws_origin same https://*.example" in lines[0]
    assert "client: 127.0.0.1" in lines[0] and "/path" in lines[0]
    assert "secret" not in lines[0]
    assert lines[0].isascii() and lines[0].isprintable()


def test_path_in_the_log_is_printable(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", log_level="info")
    for path in ("/a%0a2026/01/01 [warn] forged%1b[31m%ff%22%7f?token=secret", "/\xe4\xff"):
        path = path.replace(" ", "%20")
        for fields in ((("Origin", EVIL),), (("Origin", "http://localhost"),)):
            with raw(front.port) as client:
                client.handshake(path, fields=fields)
    front.access_log(4)
    log = (front.prefix / "error.log").read_bytes()
    assert b"/a%0a2026" in log and b"forged" in log
    for line in log.split(b"\n"):
        assert all(0x20 <= byte < 0x7f for byte in line), line
        assert not line.startswith(b"2026/01/01"), "a line was forged"
        assert b"secret" not in line


def test_long_origin_is_cut_in_the_log(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; }}")
    with raw(front.port) as client:
        assert client.handshake("/", fields=(("Origin", "https://" + "a" * 4000),)).status == 403
    front.access_log(1)
    line, = warnings(front)
    assert len(line) < 600 and "https://aaaa" in line and "same missing" in line


@pytest.mark.parametrize(("origins", "words"), [
    ([], "missing origin"), (["null"], "foreign origin"), ([EVIL], "foreign origin"),
    ([""], "malformed origin"), (["https://a b"], "malformed origin"),
    ([EVIL, EVIL], "more than one origin"),
], ids=["missing", "null", "foreign", "empty", "malformed", "two"])
def test_refusal_says_what_was_wrong(gateway, echo, raw, origins, words):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin https://app.example; }}")
    with raw(front.port) as client:
        client.handshake("/", fields=[("Origin", origin) for origin in origins])
    front.access_log(1)
    line, = warnings(front)
    assert words in line


def test_verdict_variable(gateway, echo, raw):
    rules = 'same missing null https://*.listed.example "~https://regex.example"'
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; ws_origin {rules}; }}
        location /any {{ ws_pass {echo.address}; ws_origin any; }}
        location /plain {{ return 200 ""; }}
        """,
        log_format="$ws_origin_verdict")
    expected = [
        ("/", ["http://localhost"], "same"),
        ("/", [], "missing"),
        ("/", ["null"], "null"),
        ("/", ["https://a.listed.example"], "listed"),
        ("/", ["https://regex.example"], "listed"),
        ("/", [EVIL], "refused"),
        ("/any", [EVIL], "any"),
        ("/any", [], "any"),
        ("/plain", [EVIL], "-"),
    ]
    for number, (path, origins, verdict) in enumerate(expected, 1):
        with raw(front.port) as client:
            client.handshake(path, fields=[("Origin", origin) for origin in origins])
        assert front.access_log(number)[-1] == verdict, (path, origins)


# --- inheritance, and what stands around it

def test_rules_are_inherited_and_replaced_as_a_whole(gateway, echo, raw):
    front = gateway(
        f"""
        location /server {{ ws_pass {echo.address}; }}
        location /own {{
            ws_pass {echo.address}; ws_origin https://own.example;
            location /own/nested {{ ws_pass {echo.address}; }}
        }}
        """,
        server="server_name first; ws_origin https://server.example;",
        http=f"""
            ws_origin https://http.example;
            server {{
                listen 127.0.0.1:@PORT@; server_name other;
                location / {{ ws_pass {echo.address}; }}
                location /report {{ ws_pass {echo.address}; ws_origin_report_only on; }}
            }}
        """)
    allowed = {
        ("first", "/server"): "server", ("first", "/own"): "own", ("first", "/own/nested"): "own",
        ("other", "/"): "http",
    }
    for (host, path), name in allowed.items():
        for candidate in ("server", "own", "http"):
            with raw(front.port) as client:
                response = client.handshake(
                    path, host=host, fields=(("Origin", f"https://{candidate}.example"),))
                assert response.status == (101 if candidate == name else 403), (path, candidate)
    with raw(front.port) as client:
        assert client.handshake("/report", host="other",
                                fields=(("Origin", EVIL),)).status == 101


@pytest.mark.parametrize("around", [
    "satisfy any; allow all;",
    "satisfy any; allow all; deny all; auth_basic off;",
    "satisfy all; allow all;",
    "auth_request /yes;",
    "satisfy any; auth_request /yes; allow all;",
])
def test_nothing_around_opens_what_is_refused(gateway, echo, raw, around):
    front = gateway(f"location / {{ ws_pass {echo.address}; {around} }}"
                    " location /yes { return 204; }")
    with raw(front.port) as client:
        assert client.handshake("/", fields=(("Origin", EVIL),)).status == 403
    with raw(front.port) as client:
        assert client.handshake("/", fields=(("Origin", "http://localhost"),)).status == 101
    assert len(warnings(front)) == 1


def test_refusal_costs_no_subrequest(gateway, echo, raw):
    front = gateway(
        f"location / {{ ws_pass {echo.address}; auth_request /yes; ws_origin same; }}"
        " location /yes { log_subrequest on; return 204; }")
    with raw(front.port) as client:
        assert client.handshake("/", fields=(("Origin", EVIL),)).status == 403
    assert len(front.access_log(1)) == 1


# --- ws_origin beside proxy_pass

@pytest.fixture
def proxied(gateway, raw):
    """proxied(settings): the status of an upgrade or a plain request in a proxy_pass location."""
    started = {}

    def status(settings, origin, upgrade=True, server=""):
        key = (settings, server)
        if key not in started:
            started[key] = gateway(
                f"location / {{ proxy_pass http://127.0.0.1:@PORT@/behind; {settings} }}"
                " location /behind { return 201; }", server=server)
        front = started[key]
        with raw(front.port) as client:
            without = () if upgrade else ("Upgrade", "Connection")
            fields = () if origin is None else (("Origin", origin),)
            return client.handshake("/", without=without, fields=fields).status

    return status


def test_guards_the_upgrades_of_a_proxied_location(proxied):
    guard = "ws_origin same https://app.example;"
    assert proxied(guard, EVIL) == 403
    assert proxied(guard, None) == 403
    assert proxied(guard, "null") == 403
    assert proxied(guard, "http://localhost") == 201
    assert proxied(guard, "https://app.example") == 201
    # Not what is no upgrade: CORS is another matter.
    assert proxied(guard, EVIL, upgrade=False) == 201
    assert proxied(guard, None, upgrade=False) == 201


def test_proxied_location_without_ws_origin_is_left_alone(proxied):
    assert proxied("", EVIL) == 201
    assert proxied("", EVIL, server="ws_origin none;") == 201


def test_if_block_keeps_the_guard_of_its_location(proxied):
    for block in ('if ($http_origin) { set $a b; }', 'if ($http_upgrade) { add_header A b always; }',
                  'if ($arg_none = "") { proxy_pass http://127.0.0.1:@PORT@; }'):
        guard = f"ws_origin same; {block}"
        assert proxied(guard, EVIL) == 403, block


def test_limit_except_block_keeps_the_guard_of_its_location(proxied):
    assert proxied("ws_origin same; limit_except POST { allow all; }", EVIL) == 403


def test_nested_location_has_no_guard_of_its_own(gateway, raw):
    front = gateway(
        """
        location /outer { ws_origin same; return 201;
            location /outer/inner { proxy_pass http://127.0.0.1:@PORT@/behind; } }
        location /behind { return 201; }
        """)
    with raw(front.port) as client:
        assert client.handshake("/outer/inner", fields=(("Origin", EVIL),)).status == 201


def test_guard_reports_only(proxied):
    assert proxied("ws_origin same; ws_origin_report_only on;", EVIL) == 201


def test_guard_sees_an_upgrade_however_it_is_written(gateway, raw):
    front = gateway(
        "location / { ws_origin same; proxy_pass http://127.0.0.1:@PORT@/behind; }"
        " location /behind { return 201; }")
    for lines in (["WebSocket"], ["h2c, websocket"], ["h2c", "WEBSOCKET"], ["websocket,"]):
        with raw(front.port) as client:
            fields = [("Origin", EVIL), *(("Upgrade", line) for line in lines)]
            assert client.handshake("/", without=("Upgrade",), fields=fields).status == 403, lines


def test_frames_behind_a_guards_refusal_are_no_second_request(gateway, raw):
    front = gateway("location / { ws_origin same; proxy_pass http://127.0.0.1:9/; }"
                    ' location /smuggled { return 200 "smuggled"; }')
    client = raw(front.port)
    client.send(client.request("/", fields=(("Origin", EVIL),))
                + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.read_response().status == 403
    assert b"smuggled" not in client.read_rest()
    client.close()
    assert len(front.access_log(1)) == 1


def test_guard_logs_once_and_tells_its_verdict(gateway, raw):
    front = gateway("location / { ws_origin same; proxy_pass http://127.0.0.1:9/; }",
                    log_format="$status $ws_origin_verdict")
    with raw(front.port) as client:
        assert client.handshake("/?token=secret", fields=(("Origin", EVIL),)).status == 403
    assert front.access_log(1) == ["403 refused"]
    line, = warnings(front)
    assert EVIL in line and "secret" not in line


def test_foreign_page_in_a_browser_cannot_connect(gateway, echo, browser):
    front = gateway(f"""
        location / {{ ws_pass {echo.address}; }}
        location /page {{ default_type text/html; return 200 "<!doctype html><title>p</title>"; }}
        """)
    other = gateway("""
        location /page { default_type text/html; return 200 "<!doctype html><title>p</title>"; }
        """)
    script = """
        await page.goto(args.page);
        return page.evaluate((url) => new Promise((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => { resolve('open'); socket.close(); };
            socket.onclose = (event) => resolve(event.code);
        }), args.url);
    """
    assert browser.run(script, page=front.url("/page", "http"), url=front.url("/")) == "open"
    assert browser.run(script, page=other.url("/page", "http"), url=front.url("/")) == 1006
    assert len(warnings(front)) == 1
