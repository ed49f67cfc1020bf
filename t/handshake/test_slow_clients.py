"""Clients that take all the time in the world: for the handshake, for a frame, for an answer. Who
is beside them notices nothing, and afterwards nothing of them is left. WS_SCALE_CONNECTIONS of them,
300 if nothing is said."""

import os

import pytest

from harness.backends import EchoBackend, RecordingBackend, TickerBackend
from harness.crowd import Crowd, most_connections
from harness.echo_process import EchoProcess
from harness.flood import MEGABYTE
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, PING, RawClient, frame
from harness.sessions import plain_and_tls

WANTED = int(os.environ.get("WS_SCALE_CONNECTIONS", "300"))
SHORT = "client_header_timeout 400ms; lingering_time 300ms; lingering_timeout 300ms;"


def trickle(client, data):
    """Sends it byte by byte, for as long as the gateway says nothing and does not end."""
    client.sock.settimeout(0.03)
    for sent, byte in enumerate(data):
        try:
            client.send(bytes([byte]))
            client.buffer += client.sock.recv(65536)
            break
        except TimeoutError:
            continue
        except OSError:
            break
    client.sock.settimeout(client.timeout)
    return sent


@plain_and_tls
def test_handshake_that_trickles_is_ended_in_time(gateway, backend, raw, tls):
    recording = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {recording.address}; }}", tls=tls, http=SHORT)
    client = raw(front.ssl_port if tls else front.port, tls=client_tls() if tls else None)
    request = client.request(fields=[("X-Long", "x" * 1000)])
    assert trickle(client, request) < len(request) // 2
    recording.assert_never_dialled()


def test_tls_handshake_that_stalls_is_ended_in_time(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {recording.address}; }}", tls=True, http=SHORT)
    client = raw(front.ssl_port)
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert client.read_end() in ("eof", "reset")
    recording.assert_never_dialled()


def test_bytes_of_a_frame_s_header_are_no_data(gateway, backend, raw):
    front = gateway(f"location / {{ ws_pass {backend(RecordingBackend).address};"
                    " ws_idle_timeout 200ms; }")
    client = raw(front.port)
    client.open("/")
    trickle(client, frame(BINARY, bytes(70000))[:13])
    assert client.read_close() == (1008, "idle too long")


def test_client_that_stops_inside_a_frame_is_let_go(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {recording.address};"
                    " ws_ping_interval 150ms; ws_pong_timeout 150ms; }")
    client = raw(front.port)
    client.open("/")
    client.send(frame(BINARY, b"and a part", length=1000))
    while (got := client.read_frame()).opcode == PING:
        pass
    assert got.close == (1008, "no pong in time")
    client.close()
    assert recording.wait_connection().wait_ended() == "eof"
    assert recording.wait_connection().wait_received(len(b"and a part")) == b"and a part"


def test_tls_client_that_stops_amid_a_flood_is_let_go_quietly(gateway, backend, raw):
    """A record that it has a part of can neither be finished nor followed by a close_notify."""
    flooding = backend(TickerBackend)
    front = gateway(f"location / {{ ws_pass {flooding.address}; ws_ping_interval 200ms;"
                    " ws_pong_timeout 200ms; ws_close_timeout 200ms; }", tls=True, http=SHORT)
    files = front.open_files()
    clients = [raw(front.ssl_port, tls=client_tls(), receive_buffer=4096) for _ in range(20)]
    for client in clients:
        client.open("/")
    front.wait_log("(?s)" + r"ws: gateway closed: no pong in time.*" * len(clients), 30)
    for client in clients:
        try:
            client.read_rest()
        except OSError:
            pass  # TLS that was cut
    wait_until(lambda: front.open_files() <= files + 1, what="closed descriptors")


class Neighbour:
    """A session that keeps to the rules, whatever else goes on."""

    def __init__(self, client):
        self._client, self._count = client, 0
        client.open("/neighbour")

    def check(self):
        self._count += 1
        said = b"said %d" % self._count
        self._client.send_frame(BINARY, said)
        assert self._client.read_data(len(said)) == said

    def wait_until(self, condition, timeout, what):
        def holds():
            self.check()
            return condition()

        wait_until(holds, timeout, what)


@pytest.mark.time_limit(60 + WANTED // 50)
def test_crowd_that_stops_answering_is_let_go(gateway, raw):
    count = most_connections(WANTED, each=1)
    opening = 2 + count // 200  # seconds that it may take
    with EchoProcess() as service:
        front = gateway(
            f"location / {{ ws_pass {service.address}; ws_ping_interval {opening}s;"
            " ws_pong_timeout 500ms; ws_close_timeout 500ms; }"
            f"location /neighbour {{ ws_pass {service.address}; }}",
            http=SHORT, workers=2, log_level="notice", connections=2 * count + 100)
        neighbour = Neighbour(raw(front.port))
        neighbour.check()
        with Crowd(front.port, 20) as few:
            few.echo(256)
        wait_until(lambda: service.open() == 1, what="the end of the first few")
        files, memory = front.open_files(), front.memory()

        with Crowd(front.port, count) as crowd:
            crowd.echo(256)
            assert service.open() == count + 1
            neighbour.wait_until(lambda: service.open() == 1, 2 * opening + 30, "their end")
            for client in crowd.clients:
                assert client.read_frame().opcode == PING
                assert client.read_close() == (1008, "no pong in time")
            neighbour.wait_until(lambda: front.open_files() <= files, 30, "closed descriptors")
        # The C library keeps some of what it was given back.
        assert front.memory() < memory + 12 * 1024 * count + 2 * MEGABYTE


@pytest.mark.time_limit(60 + WANTED // 50)
def test_crowd_that_never_ends_its_request_is_let_go(gateway, backend, raw):
    count = most_connections(WANTED, each=1)
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", http=SHORT, workers=2,
                    connections=count + 100, log_level="notice", listen="backlog=4096")
    neighbour = Neighbour(raw(front.port))
    neighbour.check()
    files = front.open_files()
    clients = []
    try:
        for number in range(count):
            client = RawClient(front.port, source=f"127.0.0.{1 + number % 100}")
            clients.append(client)
            client.send(client.request()[:-2 - number % 100])
        neighbour.wait_until(lambda: front.open_files() <= files, 30, "closed descriptors")
        for client in clients:
            assert client.read_rest()[:12] in (b"", b"HTTP/1.1 408")
    finally:
        for client in clients:
            client.close()
    assert len(echo.connections) == 1
