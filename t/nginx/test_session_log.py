"""What the error log tells of a session: its first line, its story, and why there is none."""

import re

from harness.backends import EchoBackend, RecordingBackend, SilentBackend
from harness.raw import BINARY, PING, PONG


def lines_of(front):
    return [line for line in front.error_log().splitlines() if " ws: " in line]


def test_first_line_names_client_backend_and_subprotocol(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_subprotocol mqtt; }}")
    client = raw(front.port)
    client.open("/console?token=secret", fields=(("Sec-WebSocket-Protocol", "mqtt"),))
    front.wait_log("ws: session opened")
    [line] = lines_of(front)
    assert re.search(r'\[info\] .*ws: session opened, subprotocol "mqtt", client: 127\.0\.0\.1, '
                     r'server: .*, uri: "/console", upstream: "127\.0\.0\.1:\d+"$', line), line


def test_first_line_without_a_subprotocol(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    with raw(front.port) as client:
        client.open("/")
        client.send_close(1000)
    front.wait_log("ws: client closed")
    opened, closed = lines_of(front)
    assert "[info]" in opened and "ws: session opened, client: 127.0.0.1" in opened
    assert "ws: client closed, code 1000" in closed


def test_subprotocol_that_the_configuration_does_not_name_may_be_a_token(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    client = raw(front.port)
    client.open("/", fields=(("Sec-WebSocket-Protocol", "secret"),))
    front.wait_log("ws: session opened, client: ")
    assert "secret" not in front.error_log()


def test_refused_backend_opens_no_session(gateway, raw):
    front = gateway("location / { ws_pass 127.0.0.1:1; }")
    assert raw(front.port).handshake("/").status == 502
    front.access_log(1)
    assert not lines_of(front)


def test_debug_level_tells_of_pings_and_pongs(gateway, backend, raw):
    service = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_ping_interval 50ms; }}",
                    log_level="debug")
    client = raw(front.port)
    client.open("/")
    ping = client.read_frame()
    assert ping.opcode == PING
    front.wait_log(r"\[debug\] .* ws: ping, client was silent for \d+ ms")
    client.send_frame(PONG, ping.payload)
    front.wait_log(r"\[debug\] .* ws: pong after \d+ ms")


def test_debug_level_tells_of_each_phase(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}", log_level="debug")
    with raw(front.port) as client:
        client.open("/")
        client.send_close(1000)
        assert client.read_close() == (1000, "")
    front.wait_log("ws: client closed")
    phases = re.findall(r"\[debug\] .* ws: phase (\S+) after (\S+)$", front.error_log(), re.M)
    assert [after for _, after in phases] == ["connecting", "open", "delivering", "closing",
                                              "draining"]
    assert [phase for phase, _ in phases] == ["open", "delivering", "closing", "draining", "over"]


def test_no_free_connection_for_the_backend_is_503_and_one_line(gateway, backend, raw):
    """A session takes two of worker_connections, and nginx itself two of these 17."""
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}", connections=17)
    clients = []
    while True:
        client = raw(front.port)
        answer = client.handshake("/")
        if answer.status != 101:
            break
        clients.append(client)
        assert len(clients) < 17
    assert answer.status == 503
    assert len(clients) >= 5
    [line] = [line for line in lines_of(front) if "[error]" in line]
    assert "ws: no connection is free for the backend: all 17 of worker_connections are" in line
    assert "not enough" not in front.error_log()

    clients.pop().close()
    front.wait_log("ws: client closed")
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"room again")
    assert client.read_data(10) == b"room again"


def test_debug_level_names_the_directive_that_ends_a_session(gateway, backend, raw):
    service = backend(RecordingBackend)
    front = gateway(
        f"location /idle {{ ws_pass {service.address}; ws_idle_timeout 100ms; }}"
        f" location /pong {{ ws_pass {service.address}; ws_ping_interval 50ms;"
        "    ws_pong_timeout 100ms; }", log_level="debug")
    idle, silent = raw(front.port), raw(front.port)
    idle.open("/idle")
    silent.open("/pong")
    front.wait_log(r"\[debug\] .* ws: ws_idle_timeout: no data for 1\d\d+ ms")
    front.wait_log(r"\[debug\] .* ws: ws_pong_timeout: no pong for 1\d\d+ ms, client silent for \d+ ms")


def test_debug_level_names_the_side_that_takes_nothing(gateway, backend, raw):
    service = backend(SilentBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_send_timeout 200ms; }}",
                    log_level="debug")
    client = raw(front.port)
    client.open("/")
    client.sock.settimeout(0.2)
    try:
        while True:
            client.send_frame(BINARY, bytes(65536))
    except OSError:
        pass
    front.wait_log(r"\[debug\] .* ws: ws_send_timeout: the backend has acknowledged nothing")
