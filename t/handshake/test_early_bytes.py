"""Bytes that are there before the session is: frames behind the handshake, in buffers of nginx that
are larger than any of ours, and what a backend says before it was seen to be connected."""

import os
import subprocess
import threading

import pytest

from harness.backends import Backend, EchoBackend, ScriptedBackend, SpeakFirstBackend
from harness.flood import noise
from harness.gateway import ROOT
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame

LARGE_HEADERS = "client_header_buffer_size 64k; large_client_header_buffers 4 64k;"


class LateReader(Backend):
    """Takes nothing, in as little room as the kernel allows, until read_now is set."""

    def __init__(self, **options):
        self.read_now = threading.Event()
        super().__init__(receive_buffer=4096, **options)

    def serve(self, connection):
        self.read_now.wait(20)
        connection.read_all()


@pytest.mark.parametrize("size", [4, 16])
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("framing, extra", [("stream", 0), ("length u32", 4)], ids=["stream", "length"])
def test_frames_behind_the_handshake_may_be_larger_than_every_buffer(gateway, backend, raw, size,
                                                                     unix, framing, extra):
    service = backend(LateReader, unix=unix)
    front = gateway(
        f"""location / {{ ws_pass {service.address}; ws_backend_window {size}k;
                          ws_framing {framing}; ws_max_message_size 1m; }}""",
        server=LARGE_HEADERS, http=f"ws_buffer_size {size}k;")
    worker = front.workers()
    data = noise(60_000)
    client = raw(front.port)
    client.open("/", then=frame(BINARY, data))
    client.send_frame(BINARY, b"behind")
    connection = service.wait_connection()
    client.nothing_comes(0.2)
    service.read_now.set()
    got = connection.wait_received(len(data) + len(b"behind") + 2 * extra)
    assert got[extra:extra + len(data)] == data
    assert got[-len(b"behind"):] == b"behind"
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert front.workers() == worker


def test_many_frames_behind_the_handshake_are_each_answered(gateway, backend, raw):
    """More pongs than one buffer holds, and a Close at the end."""
    service = backend(ScriptedBackend, lambda connection: connection.read_all())
    front = gateway(f"location / {{ ws_pass {service.address}; }}", server=LARGE_HEADERS,
                    http="ws_buffer_size 4k;")
    count = 400
    early = b"".join(frame(PING, b"%100d" % i) + frame(BINARY, b"%10d" % i) for i in range(count))
    client = raw(front.port)
    client.open("/", then=early + frame(CLOSE, close_payload(4321)))
    answers = [client.read_frame()]
    while answers[-1].opcode == PONG:
        answers.append(client.read_frame())
    assert answers[-1].close == (4321, "")
    # A pong stands for every ping before it.
    assert answers[-2].payload == b"%100d" % (count - 1)
    connection = service.wait_connection()
    assert connection.wait_ended() == "eof"
    assert bytes(connection.received) == b"".join(b"%10d" % i for i in range(count))


class FailingGreeter(SpeakFirstBackend):
    """Whom the gateway may leave at any time."""

    def serve(self, connection):
        try:
            super().serve(connection)
        except OSError:
            pass


@pytest.fixture(scope="module")
def greeters(tmp_path_factory):
    """greeters(backends): an environment in which these greet, and fail right behind that."""
    library = tmp_path_factory.mktemp("greeters") / "greeters.so"
    subprocess.run([os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror",
                    "-fPIC", "-shared", "-fno-exceptions", "-fno-threadsafe-statics", "-o", library,
                    ROOT / "t" / "faults" / "greeters.cpp"], check=True)
    return lambda *backends: {"LD_PRELOAD": str(library),
                              "WS_GREETERS": ",".join(str(one.port) for one in backends)}


@pytest.mark.parametrize("close", [False, True], ids=["open", "ended"])
@pytest.mark.parametrize("size", [10, 480, 5000])
@pytest.mark.parametrize("framing", ["stream", "line"])
def test_what_a_failed_server_said_is_not_the_next_ones(gateway, backend, raw, greeters, close, size,
                                                        framing):
    """Neither its bytes nor its end."""
    def serve(connection):
        connection.send(b"second\n")
        while data := connection.read():
            connection.send(data)

    failing = [backend(FailingGreeter, b"x" * (size - 1) + b"\n", close) for _ in range(2)]
    working = backend(ScriptedBackend, serve)
    servers = "".join(f"server {one.address} max_fails=0;" for one in (*failing, working))
    front = gateway(
        f"location / {{ ws_pass greeters; ws_framing {framing}; add_header X-Tried $upstream_addr always; }}",
        http=f"upstream greeters {{ {servers} }}", environment=greeters(*failing))
    ended = b"" if framing == "line" else b"\n"
    for _ in range(3):
        client = raw(front.port)
        tried = client.open("/").get("x-tried")
        assert tried.endswith(working.address)
        assert client.read_data(6) == b"second" + ended
        client.send_frame(BINARY, b"to and fro" + ended)
        assert client.read_data(10) == b"to and fro" + ended
        client.send_close(1000)
        assert client.read_close() == (1000, "")
    assert front.error_log().count("Connection reset by peer") >= 3


def test_a_server_that_says_nothing_may_follow_one_that_greeted_and_left(gateway, backend, raw,
                                                                         greeters):
    failing, working = backend(FailingGreeter, b"hello", True), backend(EchoBackend)
    front = gateway("location / { ws_pass greeters; }", environment=greeters(failing),
                    http=f"upstream greeters {{ server {failing.address} max_fails=0;"
                         f" server {working.address} backup; }}")
    client = raw(front.port)
    client.open("/")
    client.nothing_comes()
    client.send_frame(BINARY, b"here")
    assert client.read_data(4) == b"here"


@pytest.mark.parametrize("size", [1, 479, 480, 481, 50_000])
@pytest.mark.parametrize("settings", ["", "ws_framing line;", "ws_frame_type text;", "ws_deflate on;",
                                      "ws_framing line; ws_frame_type text; ws_text_errors replace;"])
def test_greeting_arrives_whole_in_the_smallest_buffer(gateway, backend, raw, size, settings):
    greeting = b"g" * (size - 1) + b"\n"
    service = backend(SpeakFirstBackend, greeting, True)
    front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}",
                    http="ws_buffer_size 4k;")
    client = raw(front.port)
    client.open("/")
    data, code, _ = client.read_to_close()
    assert (data.rstrip(b"\n"), code) == (greeting.rstrip(b"\n"), 1000)
