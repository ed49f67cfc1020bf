"""`nginx -t` refuses a wrong value with file, line and what was expected; what is inherited."""

import re

import pytest

from harness.backends import EchoBackend, RecordingBackend, SpeakFirstBackend
from harness.raw import BINARY, PING, TEXT

PASS = "ws_pass 127.0.0.1:9;"
LINE = re.compile(r"nginx\.conf:(\d+)")


@pytest.fixture
def refused(config_check, tmp_path):
    """refused(directive, words...): that it is, at its own line, and with these words."""
    def check(directive, *expected, around="", http=""):
        locations = f"location / {{\n{around}\n{directive}\n}}" if not http else ""
        accepted, said = config_check(locations, http=f"\n{directive}\n" if http else "")
        assert not accepted, f"accepted: {directive}"
        lines = (tmp_path / "config_check" / "nginx.conf").read_text().splitlines()
        where = LINE.search(said)
        assert where and lines[int(where[1]) - 1] == directive, said
        for words in expected:
            assert words in said, said
        return said

    return check


TIMES = ["ws_pong_timeout", "ws_send_timeout", "ws_close_timeout", "ws_connect_timeout"]
TIMES_OR_0 = ["ws_ping_interval", "ws_idle_timeout", "ws_next_upstream_timeout"]


@pytest.mark.parametrize("name", TIMES + TIMES_OR_0)
def test_times(refused, config_check, name):
    for value in ("soon", "-1", "1x", "30 s", '""', "1s2h"):
        quoted = f'invalid value "{value.strip(chr(34))}" in "{name}": expected a time'
        refused(f"{name} {value};", name, *([] if " " in value else [quoted]), around=PASS)
    if name in TIMES:
        refused(f"{name} 0;", f'invalid value "0" in "{name}"', "above 0", around=PASS)
    for value in ("500ms", "30s", "1m30s", "2h"):
        accepted, said = config_check(f"location / {{ {PASS} {name} {value}; }}")
        assert accepted, said


@pytest.mark.parametrize("name", ["ws_max_message_size"])
def test_sizes(refused, config_check, name):
    for value in ("big", "-1", "64kb", "1.5m", '""', "99999999999999999999"):
        quoted = value.strip('"')
        refused(f"{name} {value};", f'invalid value "{quoted}" in "{name}": expected a size',
                around=PASS)
    for value in ("0", "65536", "64k", "1m"):
        accepted, said = config_check(f"location / {{ {PASS} {name} {value}; }}")
        assert accepted, said


@pytest.mark.parametrize("name", ["ws_backend_window", "ws_client_window", "ws_notsent_lowat",
                                  "ws_client_rcvbuf", "ws_backend_rcvbuf"])
def test_windows(refused, config_check, name):
    expected = (f'in "{name}": expected a size such as 65536, 64k or 1m, or "auto" and perhaps'
                ' "max=" with a size')
    for value in ("big", "-1", '""', "max=1m", "64k max=1m", "64k auto", "auto 64k", "auto max=",
                  "auto max=0", "auto max=big", "auto most=1m", "automatic"):
        wrong = value.split()[-1].strip('"')
        refused(f"{name} {value};", f'invalid value "{wrong}" {expected}', around=PASS)
    refused(f"{name} auto max=1m 64k;", "number of arguments", around=PASS)
    refused(f"{name} 64k;", "duplicate", around=f"{PASS} {name} auto;")
    for value in ("0", "65536", "64k", "auto", "auto max=1m", "auto max=64k"):
        accepted, said = config_check(f"location / {{ {PASS} {name} {value}; }}")
        assert accepted, said


@pytest.mark.parametrize("value", ["big", "-1", "0", "4095", "1k"])
def test_buffer_size(refused, value):
    refused(f"ws_buffer_size {value};",
            f'invalid value "{value}" in "ws_buffer_size": expected a size', http="http")


WRONG = {
    "ws_frame_type of neither kind": ("ws_frame_type images;", '"text"', '"binary"'),
    "ws_next_upstream of a status": ("ws_next_upstream error http_502;", '"timeout"', '"off"'),
    "ws_next_upstream_tries of a word": ("ws_next_upstream_tries many;", '"many"',
                                         "expected a number"),
    "ws_next_upstream_tries below 0": ("ws_next_upstream_tries -1;", '"-1"', "expected a number"),
    "ws_deflate_level above 9": ("ws_deflate_level 10;", '"10"', "expected a number from 1 to 9"),
    "ws_deflate_level of a word": ("ws_deflate_level best;", '"best"',
                                   "expected a number from 1 to 9"),
    "ws_deflate_window_bits below 9": ("ws_deflate_window_bits 8;", '"8"',
                                       "expected a number from 9 to 15"),
    "ws_bind of a name": ("ws_bind nowhere;", 'invalid value "nowhere" in "ws_bind": expected',
                          '"off"'),
    "ws_bind of another word": ("ws_bind 127.0.0.1 opaque;",
                                'invalid value "opaque" in "ws_bind": expected "transparent"'),
    "ws_socket_keepalive of a number": ("ws_socket_keepalive 1;", '"on" or "off"'),
    "ws_origin_report_only of a word": ("ws_origin_report_only yes;", '"on" or "off"'),
    "ws_subprotocol of two words": ('ws_subprotocol "a b";', '"a b"', "expected a token"),
    "ws_subprotocol with a comma": ("ws_subprotocol a,b;", "expected a token"),
    "ws_subprotocol that is empty": ('ws_subprotocol "";', "expected a token"),
    "ws_subprotocol without a name": ("ws_subprotocol;", "number of arguments"),
    "ws_subprotocol twice": ("ws_subprotocol a; ws_subprotocol b;", "duplicate"),
    "ws_origin without a value": ("ws_origin;", "number of arguments"),
    "ws_origin twice": ("ws_origin same; ws_origin null;", "duplicate"),
    "ws_origin without a scheme": ("ws_origin app.example;", "app.example", "expected"),
    "ws_origin with a path": ("ws_origin https://app.example/;", "expected"),
    "ws_origin with a user": ("ws_origin https://me@app.example;", "expected"),
    "ws_origin with a wrong port": ("ws_origin https://app.example:65536;", "expected"),
    "ws_origin with an empty port": ("ws_origin https://app.example:;", "expected"),
    "ws_origin with a star for all": ("ws_origin *;", "expected"),
    "ws_origin with a star inside": ("ws_origin https://app.*.example;", "expected"),
    "ws_origin with half a label": ("ws_origin https://*app.example;", "expected"),
    "ws_origin with a star of an address": ("ws_origin https://*.127.0.0.1;", "expected"),
    "ws_origin with a star of an app": ("ws_origin file://*.;", "expected"),
    "ws_origin with a star of a dot": ("ws_origin app://*..;", "expected"),
    "ws_origin with an empty host": ("ws_origin https://;", "expected"),
    "ws_origin with a second star": ("ws_origin https://*.*.$host;", "expected"),
    "ws_origin with a star between": ("ws_origin https$args*.example.com;", "expected"),
    "ws_origin with a variable and a slash": ("ws_origin https://$host/;", "expected"),
    "ws_origin with an equals sign alone": ("ws_origin =;", "expected"),
    "ws_origin of another case": ("ws_origin Same;", "expected"),
    "ws_origin that is empty": ('ws_origin "";', "expected"),
    "ws_origin with a broken expression": ('ws_origin "~https://(";',
                                           'invalid expression in "ws_origin"', "https://("),
    "ws_origin with an empty expression": ("ws_origin ~;", "expected"),
    "ws_origin any beside another": ("ws_origin same any;", '"any"'),
    "ws_origin none beside another": ("ws_origin none https://app.example;", '"none"'),
    "ws_pass twice": ("ws_pass 127.0.0.1:10;", "duplicate"),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.replace(" ", "_"))
def test_wrong_value(refused, case):
    directive, *expected = WRONG[case]
    refused(directive, directive.split()[0].rstrip(";"), *expected, around=PASS)


@pytest.mark.parametrize("directive", ["ws_pass $nothing_known;",
                                       f"{PASS} ws_origin $nothing_known;"])
def test_unknown_variable(config_check, directive):
    accepted, said = config_check(f"location / {{ {directive} }}")
    assert not accepted and 'unknown "nothing_known" variable' in said  # nginx names no line


NO_PORT = "is no upstream{} and has no port"

TARGETS = {
    "ws://127.0.0.1:9": "without a scheme",
    "http://127.0.0.1:9": "without a scheme",
    "tcp://$host": "without a scheme",
    '""': "expected host:port",
    "127.0.0.1": NO_PORT,
    "127.0.0.1:": "invalid port",
    "127.0.0.1:0": "invalid port",
    "127.0.0.1:65536": "invalid port",
    "127.0.0.1:http": "invalid port",
    "127.0.0.1:9/path": "it takes no path",
    "services/path": "it takes no path",
    ":9": "no host",
    "[::1": "invalid host",
    "[::1]": NO_PORT,
    "unix:": "no path",
    "no_such_upstream": NO_PORT,
    "host.example": NO_PORT,
}


@pytest.mark.parametrize("target", TARGETS, ids=TARGETS)
def test_wrong_target(refused, target):
    refused(f"ws_pass {target};", TARGETS[target], "ws_pass", target.strip('"'),
            "expected host:port")


def test_host_of_another_module_is_no_upstream(refused):
    """nginx knows it by then, with the port that this module has by default."""
    refused("ws_pass localhost;", NO_PORT,
            around="location /other { proxy_pass http://localhost; }")


def test_upstream_may_be_defined_behind_its_use(config_check):
    accepted, said = config_check(f"location / {{ ws_pass services; }} }}"
                                  " upstream services { server 127.0.0.1:9; } server {")
    assert accepted, said


@pytest.mark.parametrize("target", [
    "127.0.0.1:9", "[::1]:9", "unix:/nowhere/s", "localhost:9", "services", "SERVICES",
    "$http_x", "127.0.0.1:$arg_port", "unix:/nowhere/$host"])
def test_right_target(config_check, target):
    accepted, said = config_check(f"location / {{ ws_pass {target}; }}",
                                  http="upstream services { server 127.0.0.1:9; }")
    assert accepted, said


def test_one_upstream_serves_many_locations_and_other_modules(config_check):
    accepted, said = config_check(
        "location /a { ws_pass services; } location /b { ws_pass services; }"
        " location /c { proxy_pass http://services; } location /d { ws_pass 127.0.0.1:9; }"
        " location /e { ws_pass 127.0.0.1:9; }",
        http="upstream services { server 127.0.0.1:9; server 127.0.0.1:10 backup; }")
    assert accepted, said


CONTEXTS = {
    "ws_pass in server": {"server": PASS},
    "ws_pass in http": {"http": PASS},
    "ws_pass in limit_except": {"locations": f"location / {{ limit_except GET {{ {PASS} }} }}"},
    "ws_origin in if": {"locations": "location / { if ($args) { ws_origin any; } }"},
    "ws_origin in limit_except": {
        "locations": "location / { limit_except GET { ws_origin any; } }"},
    "ws_buffer_size in server": {"server": "ws_buffer_size 64k;"},
    "ws_buffer_size in location": {"locations": "location / { ws_buffer_size 64k; }"},
}


@pytest.mark.parametrize("case", CONTEXTS, ids=lambda case: case.replace(" ", "_"))
def test_wrong_context(config_check, case):
    accepted, said = config_check(**CONTEXTS[case])
    assert not accepted
    assert f'"{case.split()[0]}" directive is not allowed here' in said


def test_arguments_are_counted(config_check):
    for directive in ("ws_pass;", "ws_pass a b;", "ws_frame_type;", "ws_frame_type text text;",
                      "ws_ping_interval;", "ws_bind;", "ws_next_upstream;"):
        accepted, said = config_check(f"location / {{ {directive} }}")
        assert not accepted and "invalid number of arguments" in said


@pytest.mark.parametrize("directive", [
    "ws_frame_type text;", "ws_ping_interval 1s;", "ws_max_message_size 1m;",
    "ws_origin_report_only on;", "ws_bind off;",
    "ws_next_upstream_tries 2;", "ws_connect_timeout 1s;"])
def test_same_directive_twice_is_refused(refused, directive):
    refused(directive, "duplicate", around=f"{PASS} {directive}")


# --- inheritance, as seen from outside

LEVELS = ["http", "server", "location"]


@pytest.fixture
def inherited(gateway):
    """inherited(level, service, setting): a gateway with the setting at that level, and with
    `other` in the levels around it."""
    def start(level, service, setting, other):
        settings = {name: other for name in LEVELS[:LEVELS.index(level)]}
        settings[level] = setting
        return gateway(
            f"location / {{ ws_pass {service.address}; {settings.get('location', '')} }}",
            server=settings.get("server", ""), http=settings["http"])

    return start


@pytest.mark.parametrize("level", LEVELS)
def test_frame_type_is_inherited(inherited, backend, raw, level):
    service = backend(SpeakFirstBackend, b"hello")
    front = inherited(level, service, "ws_frame_type text;", "ws_frame_type binary;")
    client = raw(front.port)
    client.open("/")
    assert client.read_data(5, TEXT) == b"hello"


@pytest.mark.parametrize("level", LEVELS)
def test_ping_interval_is_inherited(inherited, backend, raw, level):
    service = backend(RecordingBackend)
    front = inherited(level, service, "ws_ping_interval 100ms;", "ws_ping_interval 1h;")
    client = raw(front.port)
    client.open("/")
    assert client.read_frame().opcode == PING


@pytest.mark.parametrize("level", LEVELS)
def test_max_message_size_is_inherited(inherited, backend, raw, level):
    service = backend(RecordingBackend)
    front = inherited(level, service, "ws_max_message_size 10;", "ws_max_message_size 1m;")
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"x" * 11)
    assert client.read_close()[0] == 1009


@pytest.mark.parametrize("level", LEVELS)
def test_idle_timeout_is_inherited(inherited, backend, raw, level):
    service = backend(RecordingBackend)
    front = inherited(level, service, "ws_idle_timeout 100ms;", "ws_idle_timeout 0;")
    client = raw(front.port)
    client.open("/")
    assert "idle" in client.read_close()[1]


@pytest.mark.parametrize("level", LEVELS)
def test_report_only_is_inherited(inherited, backend, raw, level):
    service = backend(EchoBackend)
    front = inherited(level, service, "ws_origin_report_only on;", "ws_origin_report_only off;")
    client = raw(front.port)
    client.open("/", fields=(("Origin", "https://evil.example"),))


def test_nested_location_inherits_all_but_the_target(gateway, backend, raw):
    service = backend(SpeakFirstBackend, b"hello")
    front = gateway(
        f"""
        location /outer {{
            ws_pass {service.address}; ws_frame_type text; ws_origin any;
            location /outer/same {{ ws_pass {service.address}; }}
            location /outer/none {{ }}
        }}
        """)
    client = raw(front.port)
    client.open("/outer/same", fields=(("Origin", "https://evil.example"),))
    assert client.read_data(5, TEXT) == b"hello"
    assert raw(front.port).handshake("/outer/none").status == 404


def test_limit_except_keeps_the_target_of_its_location(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(
        f"location / {{ ws_pass {service.address}; limit_except POST {{ allow all; }} }}")
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"through")
    assert client.read_data(7) == b"through"


# --- targets that are known only with the request

UNREADABLE = {
    "nothing": "/to/", "blank": "/to/%20127.0.0.1:@", "line_end": "/to/127.0.0.1:@%0d%0a",
    "line_end_inside": "/to/127.0.0.1%0a:@", "path": "/to/127.0.0.1:@/path",
    "no_port": "/to/127.0.0.1", "port_0": "/to/127.0.0.1:0",
    "port_too_large": "/to/127.0.0.1:65536",
    "port_of_words": "/to/127.0.0.1:http", "two_ports": "/to/127.0.0.1:@:@",
    "open_bracket": "/to/[::1:@", "ipv6_without_brackets": "/to/::1:@", "ipv6_no_port": "/to/[::1]",
    "scheme": "/to/ws%3a%2f%2f127.0.0.1:@", "only_port": "/to/:@", "unix_without_path": "/to/unix:",
    "unknown_upstream": "/to/no_such_upstream", "query": "/to/127.0.0.1%3f:@",
    "user": "/to/me%40127.0.0.1:@", "very_long": "/to/" + "a" * 3000,
}


@pytest.mark.parametrize("path", UNREADABLE.values(), ids=UNREADABLE)
def test_target_that_is_no_address_is_502_and_one_line(gateway, backend, raw, path):
    service = backend(EchoBackend)
    front = gateway('location ~ "^/to/([^!]*)$" { ws_pass $1; }', server="merge_slashes off;",
                    log_level="warn")
    with raw(front.port) as client:
        response = client.handshake(path.replace("@", str(service.port)) + "?token=secret")
    assert response.status == 502
    front.access_log(1)
    lines = front.error_log().splitlines()
    assert len(lines) == 1 and "[error]" in lines[0], lines
    assert all(character.isprintable() for character in lines[0])
    assert not service.connections


def test_target_of_the_request_is_dialled(gateway, backend, raw):
    service, local = backend(EchoBackend), backend(EchoBackend, unix=True)
    front = gateway('location ~ "^/to/(.*)$" { ws_pass $1; }', server="merge_slashes off;",
                    http=f"upstream Services {{ server {service.address}; }}")
    for target in (service.address, local.address, "Services", "services"):
        client = raw(front.port)
        client.open(f"/to/{target}")
        client.send_frame(BINARY, b"through")
        assert client.read_data(7) == b"through"
