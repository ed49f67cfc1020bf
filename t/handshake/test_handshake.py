"""RFC 6455, section 4: who is upgraded, and how that is answered."""

import pytest

from harness.backends import EchoBackend, SpeakFirstBackend
from harness.raw import BINARY, TEXT, accept_for, frame

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def front(gateway, echo):
    return gateway(f"""
        location / {{ ws_pass {echo.address}; }}
        location /plain {{ return 200 "plain"; }}
        """)


def changed(field, *values):
    """The usual request with other lines of this field."""
    return {"without": (field,), "fields": tuple((field, value) for value in values)}


ACCEPTED = {
    "upgrade_in_any_case": changed("Upgrade", "WebSocket"),
    "upgrade_in_a_list": changed("Upgrade", "h2c, websocket"),
    "upgrade_in_a_second_line": changed("Upgrade", "h2c", "websocket"),
    "connection_of_firefox": changed("Connection", "keep-alive, Upgrade"),
    "connection_in_any_case_and_odd_blanks": changed("Connection", "keep-alive ,\tUPGRADE ,"),
    "connection_in_a_second_line": changed("Connection", "keep-alive", "upgrade"),
    "connection_close_beside_upgrade": changed("Connection", "close, upgrade"),
    "blanks_around_version": changed("Sec-WebSocket-Version", " \t13 \t"),
    "blanks_around_key": changed("Sec-WebSocket-Key", f"  {KEY}\t "),
    "no_blank_after_colons": {
        "without": ("Upgrade",), "fields": (("Upgrade", "websocket"),)},
    "empty_body": {"fields": (("Content-Length", "0"),)},
    "field_names_in_upper_case": {
        "without": ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"),
        "fields": (("UPGRADE", "websocket"), ("CONNECTION", "Upgrade"),
                   ("SEC-WEBSOCKET-KEY", KEY), ("SEC-WEBSOCKET-VERSION", "13"))},
    "unknown_extension": {"fields": (("Sec-WebSocket-Extensions", "x-unheard-of; a=\"b, c\""),)},
    "absolute_form": {"path": "http://localhost/a?b=c"},
    "expect_without_a_body": {"fields": (("Expect", "100-continue"),)},
    "headers_of_a_browser": {"fields": tuple((f"X-Filler-{i}", "x" * 900) for i in range(20))},
}


@pytest.mark.parametrize("how", ACCEPTED.values(), ids=ACCEPTED)
def test_accepts(front, raw, how):
    client = raw(front.port)
    response = client.handshake(then=frame(BINARY, b"early"), **{"key": KEY, **how})
    assert response.status == 101, response
    assert response.get("sec-websocket-accept") == accept_for(KEY)
    assert client.read_data(5) == b"early"


def test_answers_with_exactly_the_fields_of_an_upgrade(front, raw):
    client = raw(front.port)
    response = client.handshake(key=KEY)
    assert (response.status, response.reason) == (101, "Switching Protocols")
    assert response.get("upgrade").lower() == "websocket"
    assert response.get("connection").lower() == "upgrade"
    assert response.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    absent = ("content-length", "transfer-encoding", "content-type", "sec-websocket-protocol",
              "sec-websocket-extensions", "sec-websocket-version", "last-modified")
    assert not [name for name, _ in response.fields if name in absent]


def test_accepts_a_request_that_comes_byte_by_byte(front, raw):
    client = raw(front.port)
    for byte in client.request("/", key=KEY) + frame(TEXT, b"early"):
        client.send(bytes([byte]))
    assert client.read_response().status == 101
    assert client.read_data(5) == b"early"


def test_frames_right_behind_the_handshake_are_relayed_in_order(front, raw):
    client = raw(front.port)
    early = b"".join(frame(BINARY, b"%03d," % i) for i in range(200))
    assert client.handshake("/", then=early).status == 101
    client.send_frame(BINARY, b"end")
    assert client.read_data(803) == b"".join(b"%03d," % i for i in range(200)) + b"end"


def test_half_a_frame_behind_the_handshake_waits_for_the_other_half(front, raw):
    client = raw(front.port)
    whole = frame(BINARY, b"in two pieces")
    assert client.handshake("/", then=whole[:4]).status == 101
    client.send(whole[4:])
    assert client.read_data(13) == b"in two pieces"


def test_frames_behind_a_request_of_many_buffers_are_relayed(front, raw):
    client = raw(front.port)
    fields = tuple((f"X-Filler-{i}", "x" * 1500) for i in range(15))
    early = frame(BINARY, b"e" * 3000) + frame(BINARY, b"f" * 300)
    assert client.handshake("/", fields=fields, then=early).status == 101
    assert client.read_data(3300) == b"e" * 3000 + b"f" * 300


def test_upgrade_on_a_connection_that_served_requests_before(front, raw):
    client = raw(front.port)
    plain = b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n"
    # All in one segment: two requests, the upgrade, and a frame.
    client.send(plain + plain + client.request("/") + frame(BINARY, b"early"))
    for _ in range(2):
        assert client.read_response().status == 200
        assert client.read(5) == b"plain"
    assert client.read_response().status == 101
    assert client.read_data(5) == b"early"


def test_backend_that_speaks_first_is_heard(gateway, backend, raw):
    service = backend(SpeakFirstBackend, b"hello")
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    client = raw(front.port)
    client.open("/")
    assert client.read_data(5) == b"hello"


def test_backend_is_dialled_once_for_one_session(front, echo, raw):
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"x")
    assert client.read_data(1) == b"x"
    assert len(echo.connections) == 1
