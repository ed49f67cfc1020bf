"""Everything again through TLS, where a write may be partial and readiness is not the socket's."""

import asyncio
import re
import select
import socket
import ssl
import subprocess
import time

import pytest
import websockets

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend
from harness.flood import MEGABYTE, Flood, digest, frames, noise
from harness.gateway import assert_idle, certificate, client_tls
from harness.raw import BINARY, CLOSE, PING, PONG, RawClient, frame
from harness.sessions import location

# nginx 1.22 leaves out 1.3 unless it is asked for.
TLS = {"tls": True, "server": "ssl_protocols TLSv1.2 TLSv1.3;"}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def tls(version=None):
    context = client_tls()
    if version:
        context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def secure(request):
    return tls(request.param)


def opened(front, raw, context=None, **options):
    client = raw(front.ssl_port, tls=context or tls(), **options)
    client.open("/")
    return client


async def test_echo_is_exact_with_a_slow_reader(gateway, backend, secure):
    """Both directions at once, until nothing moves; then slowly, then as fast as it goes."""
    echo = backend(EchoBackend, receive_buffer=262144)
    front = gateway(location(echo), **TLS)
    data = noise(24 * MEGABYTE)
    async with websockets.connect(front.url("/", "wss"), ssl=secure, max_size=None,
                                  compression=None, max_queue=2, ping_interval=None) as client:
        async def send():
            for at in range(0, len(data), 70_001):
                await client.send(data[at:at + 70_001])

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.5)
        got = bytearray()
        while len(got) < len(data):
            got += await client.recv()
            if len(got) < MEGABYTE:
                await asyncio.sleep(0.02)
        await sending
        assert digest(got) == digest(data)
    assert client.close_code == 1000


@pytest.mark.parametrize("size", ["4k", "1m"])
def test_client_flood_waits_and_arrives_whole(gateway, backend, raw, secure, size):
    silent = backend(SilentBackend)
    front = gateway(location(silent), **TLS, http=f"ws_buffer_size {size};")
    base = front.memory()
    client = opened(front, raw, secure, timeout=60)
    data = noise(10 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    flood.wait_stalled()
    assert_idle(front)
    assert front.memory() < base + 10 * MEGABYTE
    silent.resume()
    flood.wait_done()
    assert digest(silent.wait_connection().wait_received(len(data), 30)) == digest(data)


@pytest.mark.parametrize("size", ["4k", "1m"])
def test_backend_flood_waits_and_arrives_whole(gateway, backend, raw, secure, size):
    data = noise(10 * MEGABYTE)

    def speak(connection):
        connection.send(data)
        connection.finish()
        connection.read_all()

    front = gateway(location(backend(ScriptedBackend, speak)), **TLS,
                    http=f"ws_buffer_size {size};")
    client = opened(front, raw, secure, receive_buffer=16384)
    time.sleep(0.3)
    assert_idle(front)
    client.read_slowly(9000, 0.01)
    got = client.read_data(300_000)
    client.read_slowly(262144, 0)
    rest, code, reason = client.read_to_close()
    assert digest(got + rest) == digest(data)
    assert (code, reason) == (1000, "")
    client.send_close(1000)
    assert client.read_end() == "eof"


def test_ping_and_close_are_answered(gateway, backend, raw, secure):
    recording = backend(RecordingBackend)
    front = gateway(location(recording), **TLS)
    client = opened(front, raw, secure)
    client.send_frame(PING, b"are you there")
    answer = client.read_frame()
    assert (answer.opcode, answer.payload) == (PONG, b"are you there")
    client.send(frame(BINARY, b"last words") + frame(CLOSE, b"\x0f\xa0"))
    assert client.read_close() == (4000, "")
    assert client.read_end() == "eof"
    connection = recording.wait_connection()
    assert connection.wait_ended() == "eof"
    assert connection.received == b"last words"


def test_end_is_told_by_close_notify(gateway, backend, raw, secure):
    """A client that takes a bare EOF for an attack gets a proper end."""
    front = gateway(location(backend(RecordingBackend)), **TLS)
    client = RawClient(front.ssl_port)
    client.sock = secure.wrap_socket(client.sock, server_hostname="localhost",
                                     suppress_ragged_eofs=False)
    client.open("/")
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"
    client.close()


def test_close_after_a_violation_is_readable_although_more_follows(gateway, backend, raw, secure):
    recording = backend(RecordingBackend)
    front = gateway(location(recording), **TLS)
    client = opened(front, raw, secure)
    client.send(frame(BINARY, b"valid") + frame(BINARY, b"not masked", mask=None) +
                frame(BINARY, noise(200_000)))
    time.sleep(0.2)
    assert client.read_close()[0] == 1002
    assert client.read_end() == "eof"
    connection = recording.wait_connection()
    assert connection.wait_ended() == "eof"
    assert connection.received == b"valid"


@pytest.mark.parametrize("size", [1, 1000, 15_000, 100_000])
def test_frames_in_the_records_of_the_handshake_are_relayed(gateway, backend, raw, secure, size):
    echo = backend(EchoBackend)
    front = gateway(location(echo), **TLS)
    client = raw(front.ssl_port, tls=secure)
    data = noise(size)
    client.open("/", then=frame(BINARY, data) + frame(PING, b"behind"))
    got, pongs = b"", []
    while len(got) < size or not pongs:
        came = client.read_frame()
        if came.opcode == PONG:
            pongs.append(came.payload)
        else:
            got += came.payload
    assert got == data and pongs == [b"behind"]


def test_client_that_disappears_without_close_notify(gateway, backend, raw, secure):
    """What it sent arrives, and the log takes no offence."""
    recording = backend(RecordingBackend)
    front = gateway(location(recording), **TLS)
    for number, end in enumerate(["fin", "reset"]):
        client = opened(front, raw, secure)
        connection = recording.wait_connection(number)
        client.send_frame(BINARY, b"last words")
        connection.wait_received(10)
        with socket.socket(fileno=client.sock.detach()) as plain:
            if end == "reset":
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert connection.wait_ended() == "eof"
        assert connection.received == b"last words"
    front.access_log(lines=2)
    assert len(re.findall(" ws: client closed: connection lost, code 1006",
                          front.error_log())) == 2
    assert "[error]" not in front.error_log()


def test_client_that_takes_nothing_is_cut(gateway, backend, raw):
    data = noise(24 * MEGABYTE)

    def speak(connection):
        try:
            connection.send(data)
        finally:
            connection.read_all()

    flooding = backend(ScriptedBackend, speak)
    front = gateway(location(flooding, "ws_send_timeout 500ms; ws_close_timeout 200ms;"), **TLS)
    opened(front, raw)
    flooding.wait_connection().wait_ended()
    front.wait_log("ws: gateway closed: client takes no data, code 1008")


class CommandLine:
    """openssl s_client: its commands ask for what no library offers."""

    def __init__(self, port, version):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-CAfile",
             str(certificate()[0])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)

    def type(self, line):
        self.process.stdin.write(line)

    def read_until(self, pattern, timeout=10):
        text, end = b"", time.monotonic() + timeout
        while not re.search(pattern, text, re.S):
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            assert ready, text
            data = self.process.stdout.read(65536)
            assert data, text
            text += data
        return text

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def test_keys_can_be_updated_amid_the_stream(gateway, backend):
    """K asks the gateway to update its key too, which it does in the middle of what it sends."""
    echo = backend(EchoBackend)
    front = gateway(location(echo), **TLS)
    client = CommandLine(front.ssl_port, "-tls1_3")
    try:
        client.type(RawClient.request())
        client.read_until(rb"101 Switching Protocols.*\r\n\r\n")
        for turn in range(5):
            client.type(b"K\n")
            client.read_until(rb"KEYUPDATE")
            # A mask of blanks: the payload goes in and comes out as text, a line at a time.
            word = b"word%d\n" % turn
            client.type(frame(BINARY, word, mask=b"\0\0\0\0"))
            client.read_until(word)
        connection = echo.wait_connection()
        connection.wait_received(30)
        assert connection.received == b"".join(b"word%d\n" % turn for turn in range(5))
    finally:
        client.stop()


def test_renegotiation_is_refused_without_harm(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo), **TLS)
    client = CommandLine(front.ssl_port, "-tls1_2")
    try:
        client.type(RawClient.request())
        client.read_until(rb"101 Switching Protocols.*\r\n\r\n")
        client.type(b"R\n")
        client.read_until(rb"RENEGOTIATING")
    finally:
        client.stop()
    assert echo.wait_connection().wait_ended() == "eof"
    other = opened(front, raw)
    other.send_frame(BINARY, b"unharmed")
    assert other.read_data(8) == b"unharmed"
    assert "[error]" not in front.error_log()
