"""RFC 6455, section 4.2.1: who is not upgraded, and that nothing behind a refusal is served."""

import socket
from pathlib import Path

import pytest

from harness.backends import EchoBackend
from harness.gateway import wait_until
from harness.raw import BINARY, frame

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def front(gateway, echo):
    return gateway(
        f"""
        location / {{ ws_pass {echo.address}; }}
        location /smuggled {{ return 200 "smuggled"; }}
        """,
        server="lingering_timeout 200ms;",
    )


def changed(field, *values):
    """The usual request with other lines of this field."""
    return {"without": (field,), "fields": tuple((field, value) for value in values)}


REFUSED = {
    "no_upgrade": (426, {"without": ("Upgrade",)}),
    "empty_upgrade": (426, changed("Upgrade", "")),
    "other_upgrade": (426, changed("Upgrade", "h2c")),
    "upgrade_with_a_longer_name": (426, changed("Upgrade", "websockets")),
    "upgrade_in_quotes": (426, changed("Upgrade", '"websocket"')),
    "upgrade_without_comma": (426, changed("Upgrade", "h2c websocket")),
    "no_connection": (400, {"without": ("Connection",)}),
    "connection_without_upgrade": (400, changed("Connection", "keep-alive")),
    "connection_with_a_longer_name": (400, changed("Connection", "upgrades")),
    "no_version": (400, {"without": ("Sec-WebSocket-Version",)}),
    "empty_version": (426, changed("Sec-WebSocket-Version", "")),
    "version_8": (426, changed("Sec-WebSocket-Version", "8")),
    "version_0": (426, changed("Sec-WebSocket-Version", "0")),
    "version_14": (426, changed("Sec-WebSocket-Version", "14")),
    "version_013": (426, changed("Sec-WebSocket-Version", "013")),
    "version_130": (426, changed("Sec-WebSocket-Version", "130")),
    "version_13_and_8": (426, changed("Sec-WebSocket-Version", "13, 8")),
    "version_of_words": (426, changed("Sec-WebSocket-Version", "thirteen")),
    "version_twice": (426, changed("Sec-WebSocket-Version", "13", "13")),
    "old_version_without_key": (426, {
        "without": ("Sec-WebSocket-Key", "Sec-WebSocket-Version"),
        "fields": (("Sec-WebSocket-Version", "7"),)}),
    "no_key": (400, {"without": ("Sec-WebSocket-Key",)}),
    "key_by_a_shorter_field_name": (400, {
        "without": ("Sec-WebSocket-Key",), "fields": (("Sec", KEY),)}),
    "key_by_a_longer_field_name": (400, {
        "without": ("Sec-WebSocket-Key",), "fields": (("Sec-WebSocket-Key2", KEY),)}),
    "empty_key": (400, changed("Sec-WebSocket-Key", "")),
    "key_of_15_bytes": (400, changed("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA")),
    "key_of_17_bytes": (400, changed("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAAA=")),
    "key_without_padding": (400, changed("Sec-WebSocket-Key", KEY[:-2])),
    "key_with_a_blank": (400, changed("Sec-WebSocket-Key", KEY[:10] + " " + KEY[11:])),
    "key_of_the_url_alphabet": (400, changed("Sec-WebSocket-Key", "-_" + KEY[2:])),
    "key_of_other_bytes": (400, changed("Sec-WebSocket-Key", "\xff" * 22 + "==")),
    "key_with_a_comma": (400, changed("Sec-WebSocket-Key", f"{KEY}, {KEY}")),
    "key_of_four_kilobytes": (400, changed("Sec-WebSocket-Key", "A" * 4096)),
    "key_twice": (400, changed("Sec-WebSocket-Key", KEY, KEY)),
    "post": (405, {"method": "POST"}),
    "put": (405, {"method": "PUT"}),
    "options": (405, {"method": "OPTIONS"}),
    "delete": (405, {"method": "DELETE"}),
    "made_up_method": (405, {"method": "BREW"}),
    "http_1_0": (400, {"version": "HTTP/1.0"}),
    "subprotocol_not_a_token": (400, {"fields": (("Sec-WebSocket-Protocol", "a b"),)}),
}


def read_refusal(client, status):
    """The one answer to what was sent: nothing else may come, and then the end."""
    response = client.read_response()
    assert response.status == status, response
    rest = client.read_rest()
    assert b"HTTP/1." not in rest and b"smuggled" not in rest, "a second request was served"
    size = response.get("content-length")
    assert size is None or len(rest) == int(size)
    return response


def assert_nothing_smuggled(front, client):
    client.close()
    lines = front.access_log(1)
    assert len(lines) == 1 and "smuggled" not in lines[0]


@pytest.mark.parametrize(("status", "how"), REFUSED.values(), ids=REFUSED)
def test_refuses(front, echo, raw, status, how):
    """With the right status, before any backend is dialled, and deaf to what comes behind."""
    client = raw(front.port)
    client.send(client.request(**how) + SMUGGLED)
    response = read_refusal(client, status)
    assert "sec-websocket-accept" not in [name for name, _ in response.fields]
    if status == 426:
        assert response.get("upgrade") == "websocket"
        assert "upgrade" in ", ".join(response.all("connection")).lower()
    if "version" in " ".join(name for name, _ in how.get("fields", ())).lower() and status == 426:
        assert response.get("sec-websocket-version") == "13"
    if status == 405:
        assert response.get("allow") == "GET"
    assert_nothing_smuggled(front, client)
    assert f" {status} " in front.access_log()[0]
    echo.assert_never_dialled()


def test_head_gets_405_without_a_body(front, echo, raw):
    client = raw(front.port)
    client.send(client.request("/", method="HEAD") + SMUGGLED)
    assert client.read_response().status == 405
    assert client.read_rest() == b""
    assert_nothing_smuggled(front, client)
    echo.assert_never_dialled()


BODIES = {
    "content_length": (("Content-Length", "5"),),
    "a_length_without_the_bytes": (("Content-Length", "5000"),),
    "chunked": (("Transfer-Encoding", "chunked"),),
    "expected": (("Content-Length", "5"), ("Expect", "100-continue")),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fields", BODIES.values(), ids=BODIES)
def test_refuses_a_body_at_once(front, echo, raw, method, fields):
    client = raw(front.port)
    body = b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in str(fields) else b"hello"
    client.send(client.request("/", method=method, fields=fields) + body + SMUGGLED)
    response = client.read_response()
    if response.status == 100:
        response = client.read_response()
    assert response.status == (400 if method == "GET" else 405)
    assert b"HTTP/1." not in client.read_rest()
    assert_nothing_smuggled(front, client)
    echo.assert_never_dialled()


@pytest.mark.parametrize("method", ["POST", "HEAD", "GET"])
def test_http_1_0_is_answered_and_closed(front, echo, raw, method):
    client = raw(front.port)
    client.send(client.request("/", method=method, version="HTTP/1.0",
                               without=("Connection",),
                               fields=(("Connection", "Upgrade, keep-alive"),)) + SMUGGLED)
    response = client.read_response()
    assert response.status == 400
    assert b"HTTP/1." not in client.read_rest()
    echo.assert_never_dialled()


def test_http_0_9_is_answered_and_closed(front, echo, raw):
    client = raw(front.port)
    client.send(b"GET /\r\n")
    assert b"400" in client.read_rest()
    echo.assert_never_dialled()


def test_plain_get_is_told_to_upgrade(front, echo, raw):
    client = raw(front.port)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    response = client.read_response()
    assert response.status == 426
    assert response.get("upgrade") == "websocket"
    assert "upgrade" in ", ".join(response.all("connection")).lower()
    assert len(client.read_rest()) == int(response.get("content-length"))
    echo.assert_never_dialled()


def test_refusals_are_no_errors_in_the_log(front, raw):
    for status, how in REFUSED.values():
        client = raw(front.port)
        client.send(client.request(**how))
        assert client.read_response().status == status
        client.close()
    front.wait_log(r"\[info\] .*ws: refused: ")
    bad = [line for line in front.error_log().splitlines()
           if "[error]" in line or "[warn]" in line]
    assert not bad


def test_refusal_names_the_broken_rule_without_the_query(front, raw):
    client = raw(front.port)
    assert client.handshake("/path?token=secret", without=("Sec-WebSocket-Key",)).status == 400
    line = front.wait_log(r".*ws: refused: .*")[0]
    assert 'no "Sec-WebSocket-Key"' in line and "/path" in line
    ours = [one for one in front.error_log().splitlines() if "ws: " in one]
    assert not [one for one in ours if "secret" in one]


# --- what comes behind a refusal

@pytest.fixture
def closed_port(backend):
    """A port that refuses: one that was listened on a moment ago."""
    service = backend(EchoBackend)
    service.stop()
    return service.port


def test_frames_behind_a_403_are_no_second_request(front, echo, raw):
    client = raw(front.port)
    client.send(client.request("/", fields=(("Origin", "https://evil.example"),)) + SMUGGLED)
    read_refusal(client, 403)
    assert_nothing_smuggled(front, client)
    echo.assert_never_dialled()


def test_frames_behind_a_502_are_no_second_request(gateway, raw, closed_port):
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{closed_port}; }}"
                    ' location /smuggled { return 200 "smuggled"; }')
    client = raw(front.port)
    client.send(client.request("/") + SMUGGLED)
    read_refusal(client, 502)
    assert_nothing_smuggled(front, client)


@pytest.fixture
def full_port():
    """A port whose queue of connections is full, so that connecting to it takes for ever."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        waiting.append(filler)
    yield listener.getsockname()[1]
    for one in [listener, *waiting]:
        one.close()


def test_frames_behind_a_504_are_no_second_request(gateway, raw, full_port):
    front = gateway(
        f"location / {{ ws_connect_timeout 300ms; ws_pass 127.0.0.1:{full_port}; }}"
        ' location /smuggled { return 200 "smuggled"; }')
    client = raw(front.port)
    client.send(client.request("/") + SMUGGLED)
    read_refusal(client, 504)
    assert_nothing_smuggled(front, client)


def dialling(port):
    """How many connections to this port of loopback are under way."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    remote_and_state = [line.split()[2:4] for line in lines]
    return remote_and_state.count([f"0100007F:{port:04X}", "02"])


def test_client_that_leaves_while_the_backend_is_dialled_is_given_up(gateway, raw, full_port):
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{full_port}; }}")
    before = dialling(full_port)
    client = raw(front.port)
    client.send(client.request("/") + frame(BINARY, b"early"))
    wait_until(lambda: dialling(full_port) > before, what="the dial")
    client.close()
    assert " 499 " in front.access_log(1)[0]
    wait_until(lambda: dialling(full_port) == before, what="the end of the dial")


OTHERS = {
    "deny": (403, "deny all;"),
    "return": (403, "return 403;"),
    "rewrite_if": (410, "if ($http_upgrade) { return 410; }"),
    "auth_basic": (401, 'auth_basic "closed"; auth_basic_user_file @PREFIX@/nginx.conf;'),
    "auth_request": (403, "auth_request /deny;"),
    "limit_req": (503, "limit_req zone=slow;"),
    "limit_except": (403, "limit_except POST { deny all; }"),
}


@pytest.mark.parametrize(("status", "directive"), OTHERS.values(), ids=OTHERS)
def test_frames_behind_another_modules_refusal_are_no_second_request(
        gateway, echo, raw, status, directive):
    front = gateway(
        f"location / {{ ws_pass {echo.address}; {directive} }}"
        " location /deny { return 403; }"
        ' location /smuggled { return 200 "smuggled"; }',
        http="limit_req_zone $server_port zone=slow:32k rate=1r/m;")
    used = 0
    if status == 503:
        raw(front.port).handshake("/", without=("Upgrade",))
        used = 1
    client = raw(front.port)
    client.send(client.request("/") + SMUGGLED)
    read_refusal(client, status)
    client.close()
    lines = front.access_log(1 + used)
    assert len(lines) == 1 + used and not [line for line in lines if "smuggled" in line]
    echo.assert_never_dialled()
