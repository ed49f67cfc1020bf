"""ws_origin around its rules: the log, what is inherited, and the guard of other locations."""

import re

import pytest

from harness.backends import EchoBackend

EVIL = "https://evil.example"


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


# --- report only

def test_report_only_lets_in_and_logs(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin_report_only on; }}",
                    log_format="$status $ws_origin_verdict")
    for number, (origin, verdict) in enumerate(
            ((EVIL, "reported"), ("http://localhost", "same")), 1):
        with raw(front.port) as client:
            client.open("/", fields=(("Origin", origin),))
        assert front.access_log(number)[-1] == f"101 {verdict}"
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


REMEDIES = {
    "missing": ([], "missing"),
    "null": (["null"], "null"),
    "foreign": (["HTTPS://Evil.Example:443"], EVIL),
    "app": (["file://"], "file://"),
    "final slash": ([EVIL + "/"], f"={EVIL}/"),
    "invented": (["localhost:80"], "=localhost:80"),
    "blanks": (["a b;{}'#"], "=a b;{}'#"),
    "empty": ([""], "any"),
    "two": ([EVIL, EVIL], "any"),
    "quote": (['https://"'], "any"),
    "dollar": (["https://$host/"], "any"),
    "backslash": ([r"https://\x"], "any"),
    "not ASCII": (["https://\xff"], "any"),
    "long": (["x" * 129], "any"),
    "longest": (["x" * 128], "=" + "x" * 128),
    "long and valid": (["https://" + "a." * 150 + "b"], "https://" + "a." * 150 + "b"),
}


@pytest.mark.parametrize("origins, value", REMEDIES.values(), ids=REMEDIES)
def test_refusal_says_what_would_allow_it(gateway, echo, raw, origins, value):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_origin none; }}")
    fields = [("Origin", origin) for origin in origins]
    with raw(front.port) as client:
        assert client.handshake("/", fields=fields).status == 403
    line, = warnings(front)
    said = re.search(r'ws_origin none, would be allowed by "(.*?)", client:', line)[1]
    assert said == value
    front.reload(locations=f'location / {{ ws_pass {echo.address}; ws_origin "{said}"; }}')
    with raw(front.port) as client:
        assert client.handshake("/", fields=fields).status == 101


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


@pytest.mark.parametrize("page", ["/page", "@page", "=200 /page", "=404 @page"])
def test_verdict_outlives_the_page_of_a_refusal(gateway, echo, raw, page):
    where = page.split()[-1]
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; error_page 403 {page}; }}
        location /guarded {{ ws_origin none; error_page 403 {page};
            proxy_pass http://127.0.0.1:9; }}
        location {where} {{ return 202 "sorry"; }}
        """,
        log_format="$ws_origin_verdict")
    for number, path in enumerate(("/", "/guarded"), 1):
        with raw(front.port) as client:
            client.handshake(path, fields=(("Origin", EVIL),))
        assert front.access_log(number)[-1] == "refused"
    assert len(warnings(front)) == 2


def test_each_location_on_a_way_has_its_own_verdict(gateway, echo, raw):
    front = gateway(
        f"""
        location /strict {{ ws_pass {echo.address}; ws_origin none; error_page 403 = /kind; }}
        location /kind {{ ws_pass {echo.address}; ws_origin any; }}
        location /lost {{ ws_pass 127.0.0.1:9; ws_origin any; error_page 502 = /closed; }}
        location /closed {{ ws_pass {echo.address}; ws_origin same; }}
        location /rewritten {{ ws_origin any; try_files /nothing /closed; }}
        """,
        log_format="$status $ws_origin_verdict")
    for number, (path, line) in enumerate(
            (("/strict", "101 any"), ("/lost", "403 refused"), ("/rewritten", "403 refused")), 1):
        with raw(front.port) as client:
            client.handshake(path, fields=(("Origin", EVIL),))
        assert front.access_log(number)[-1] == line


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
    for block in ('if ($http_origin) { set $a b; }',
                  'if ($http_upgrade) { add_header A b always; }',
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
