"""Time: who is pinged, who is taken for dead, and who is merely quiet or slow."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend
from harness.flood import MEGABYTE, Flood, digest, frames, noise
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE, PING, PONG, TEXT, RawClient, frame
from harness.sessions import location, opened
from harness.tcp_info import unsent

PINGS = "ws_ping_interval 200ms; ws_pong_timeout 400ms;"
NO_PINGS = "ws_ping_interval 0;"


# --- pings


def test_quiet_client_is_pinged_and_stays_as_long_as_it_answers(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording, PINGS))
    client = opened(front, raw)
    for _ in range(5):
        ping = client.read_frame()
        assert ping.opcode == PING
        client.send_frame(PONG, ping.payload)
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert recording.wait_connection().wait_ended() == "eof"


def test_client_that_answers_no_ping_is_closed(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording, PINGS))
    client = opened(front, raw)
    started = time.monotonic()
    assert client.read_frame().opcode == PING
    assert client.read_close() == (1008, "no pong in time")
    assert time.monotonic() - started >= 0.5  # the interval and the timeout, less a tick
    client.send_close(1008)
    assert client.read_end() == "eof"
    assert recording.wait_connection().wait_ended() == "eof"
    client.close()
    front.wait_log(r"\[info\].* ws: gateway closed: no pong in time, code 1008")


def test_client_that_vanished_without_a_word_is_let_go(gateway, backend, raw):
    """Both connections are gone soon, although nobody ever answers the Close."""
    recording = backend(RecordingBackend)
    front = gateway(location(recording, PINGS, "ws_close_timeout 200ms;"),
                    http="lingering_timeout 200ms; lingering_time 200ms;")
    files = front.open_files()
    client = opened(front, raw)
    assert recording.wait_connection().wait_ended() == "eof"
    wait_until(lambda: front.open_files() == files, what="the descriptors")
    assert len(front.access_log(lines=1)) == 1
    client.close()


@pytest.mark.parametrize("talk", [
    [frame(BINARY, b"data")],
    [frame(PING, b"mine")],
    [frame(PONG, b"nobody asked")],
    [frame(TEXT, b"x", fin=False)] + [frame(0, b"x", fin=False)] * 100,
    [bytes([byte]) for byte in frame(BINARY, bytes(100))],  # a frame that trickles in
], ids=["data", "ping", "unsolicited pong", "fragments", "parts of a frame"])
def test_any_byte_from_the_client_counts_as_life(gateway, backend, raw, talk):
    front = gateway(location(backend(RecordingBackend), "ws_ping_interval 200ms;",
                             "ws_pong_timeout 600ms;"))
    client = opened(front, raw)
    end = time.monotonic() + 1.5
    turn = 0
    while time.monotonic() < end:
        client.send(talk[turn % len(talk)])
        turn += 1
        time.sleep(0.05)
    client.sock.setblocking(False)
    try:
        client.buffer += client.sock.recv(65536)
    except BlockingIOError:
        pass
    while client.buffer:
        got = client.read_frame()
        assert got.opcode in (PING, PONG), got


def test_client_that_talks_is_not_pinged(gateway, backend, raw):
    front = gateway(location(backend(RecordingBackend), "ws_ping_interval 500ms;"))
    client = opened(front, raw)
    for _ in range(20):
        client.send_frame(BINARY, b"here I am")
        time.sleep(0.05)
    client.send_close(1000)
    assert client.read_close() == (1000, "")


def test_client_that_only_listens_is_pinged_amid_the_data(gateway, backend, raw):
    def tick(connection):
        while not connection.ended:
            connection.send(b"tick")
            time.sleep(0.02)

    front = gateway(location(backend(ScriptedBackend, tick), PINGS))
    client = opened(front, raw)
    end = time.monotonic() + 1.2
    pings = 0
    while time.monotonic() < end:
        got = client.read_frame()
        if got.opcode == PING:
            pings += 1
            client.send_frame(PONG, got.payload)
        else:
            assert got.opcode == BINARY
    assert pings >= 2

    # And is closed if it answers no more, whatever the backend says.
    while (got := client.read_frame()).opcode != CLOSE:
        pass
    assert got.close == (1008, "no pong in time")


def test_pings_can_be_turned_off_and_silence_lasts(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo, "ws_ping_interval 0; ws_pong_timeout 100ms;",
                             "ws_send_timeout 100ms; ws_close_timeout 100ms;"))
    client = opened(front, raw)
    client.nothing_comes(1)
    client.send_frame(BINARY, b"still here")
    assert client.read_data(10) == b"still here"


# --- idleness


def test_idle_session_is_closed(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording, NO_PINGS, "ws_idle_timeout 300ms;"))
    client = opened(front, raw)
    started = time.monotonic()
    assert client.read_close() == (1008, "idle too long")
    assert 0.25 <= time.monotonic() - started
    client.send_close(1008)
    assert client.read_end() == "eof"
    assert recording.wait_connection().wait_ended() == "eof"
    client.close()
    front.wait_log(r"\[info\].* ws: gateway closed: idle too long, code 1008")


@pytest.mark.parametrize("direction", ["to the backend", "to the client"])
def test_data_in_either_direction_keeps_from_being_idle(gateway, backend, raw, direction):
    turns = 8

    def talk(connection):
        for _ in range(turns):
            connection.send(b"x")
            time.sleep(0.1)
        connection.read_all()

    quiet = backend(RecordingBackend)
    talking = backend(ScriptedBackend, talk)
    front = gateway(location(quiet if direction == "to the backend" else talking, NO_PINGS,
                             "ws_idle_timeout 500ms;"))
    client = opened(front, raw)
    started = time.monotonic()
    if direction == "to the backend":
        for _ in range(turns):
            client.send_frame(BINARY, b"x")
            time.sleep(0.1)
    else:
        client.read_data(turns)
    assert client.read_close() == (1008, "idle too long")
    assert time.monotonic() - started > (turns - 1) * 0.1 + 0.4


def test_pings_alone_do_not_keep_from_being_idle(gateway, backend, raw):
    """Neither the gateway's and their answers, nor the client's."""
    front = gateway(location(backend(RecordingBackend), "ws_ping_interval 100ms;",
                             "ws_pong_timeout 5s; ws_idle_timeout 600ms;"))
    client = opened(front, raw)
    started = time.monotonic()
    while (got := client.read_frame()).opcode != CLOSE:
        assert got.opcode in (PING, PONG)
        if got.opcode == PING:
            client.send_frame(PONG, got.payload)
            client.send_frame(PING, b"mine")
    assert got.close == (1008, "idle too long")
    assert time.monotonic() - started < 5


def test_delivery_to_a_slow_client_is_not_idle(gateway, backend, raw):
    """The backend has said everything long ago, and the kernel still delivers it."""
    data = noise(240_000)

    def speak(connection):
        connection.send(data)
        connection.read_all()

    front = gateway(location(backend(ScriptedBackend, speak), NO_PINGS, "ws_idle_timeout 500ms;"))
    client = opened(front, raw, receive_buffer=8192)
    client.read_slowly(8192, 0.05)
    assert digest(client.read_data(len(data))) == digest(data)
    assert client.read_close() == (1008, "idle too long")


def test_delivery_to_a_slow_backend_is_not_idle(gateway, backend, raw):
    def take_slowly(connection):
        while connection.read(8192):
            time.sleep(0.05)

    slow = backend(ScriptedBackend, take_slowly, receive_buffer=8192)
    front = gateway(location(slow, NO_PINGS, "ws_idle_timeout 500ms;"))
    client = opened(front, raw)
    data = noise(240_000)
    client.send(b"".join(frames(data)))
    assert client.read_close() == (1008, "idle too long")
    connection = slow.wait_connection()
    assert digest(connection.wait_received(len(data))) == digest(data)


# --- data backed up


def stuck(gateway, raw, silent):
    """A client whose kernel has taken all that it has to say, and cannot get rid of it: whether
    the gateway waits for its program or for its pongs is never a question of who runs when."""
    front = gateway(location(silent, "ws_ping_interval 200ms; ws_pong_timeout 500ms;",
                             "ws_backend_window 16k;"), listen="rcvbuf=16k")
    client = opened(front, raw, timeout=30)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MEGABYTE)
    data = noise(450_000)  # on its way there is room for 390,000, in its kernel for 400,000
    Flood(client.send, frames(data)).wait_done()
    return front, client, data


def test_client_is_not_blamed_for_a_backend_that_takes_nothing(gateway, backend, raw):
    """Its pongs stand behind data that the gateway does not read."""
    silent = backend(SilentBackend, receive_buffer=16384)
    _, client, data = stuck(gateway, raw, silent)
    time.sleep(1.2)
    assert unsent(client.sock) > 0
    assert client.read_frame().opcode == PING  # sent all the same
    silent.resume()
    assert digest(silent.wait_connection().wait_received(len(data), 30)) == digest(data)
    # From here on it is expected to answer.
    while (got := client.read_frame()).opcode != CLOSE:
        assert got.opcode == PING
    assert got.close == (1008, "no pong in time")


def test_dead_client_is_let_go_once_its_data_has_been_delivered(gateway, backend, raw):
    silent = backend(SilentBackend, receive_buffer=16384)
    front, client, data = stuck(gateway, raw, silent)
    assert unsent(client.sock) > 0
    silent.resume()
    assert silent.wait_connection().wait_ended(30) == "eof"
    assert digest(silent.wait_connection().received) == digest(data)
    client.close()
    front.wait_log("no pong in time, code 1008")


def test_slow_client_that_answers_late_is_not_killed(gateway, backend, raw):
    """Its pongs wait behind a megabyte in its own receive buffer, for longer than the timeout."""
    data = noise(12 * MEGABYTE)

    def speak(connection):
        connection.send(data)
        connection.read_all()

    front = gateway(location(backend(ScriptedBackend, speak), "ws_ping_interval 200ms;",
                             "ws_pong_timeout 1s;"))
    client = opened(front, raw, receive_buffer=MEGABYTE)
    client.read_slowly(16384, 0.03)
    got = client.read_data(2 * MEGABYTE)
    client.read_slowly(262144, 0)
    got += client.read_data(len(data) - len(got))
    assert digest(got) == digest(data)


DEAD_CLIENT = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(sys.argv[2].encode().replace(b"|", b"\\r\\n"))
while sock.recv(65536):
    pass
"""


@pytest.mark.parametrize("flooded", [False, True], ids=["quiet", "flooded"])
def test_stopped_client_is_killed(gateway, backend, flooded):
    """Its kernel goes on acknowledging as long as there is room."""
    data = noise(24 * MEGABYTE)

    def speak(connection):
        try:
            if flooded:
                time.sleep(0.2)
                connection.send(data)
        finally:
            connection.read_all()

    speaking = backend(ScriptedBackend, speak)
    front = gateway(location(speaking, PINGS, "ws_close_timeout 200ms;"),
                    http="lingering_timeout 200ms; lingering_time 200ms;")
    request = RawClient.request().decode().replace("\r\n", "|")
    client = subprocess.Popen([sys.executable, "-c", DEAD_CLIENT, str(front.port), request])
    try:
        connection = speaking.wait_connection()
        os.kill(client.pid, signal.SIGSTOP)
        front.wait_log("ws: gateway closed: no pong in time, code 1008")
        wait_until(lambda: connection.ended, what="the end of the backend's connection")
    finally:
        client.kill()
        client.wait()


def test_client_that_stops_reading_and_answering_amid_a_flood_is_killed(gateway, backend, raw):
    data = noise(24 * MEGABYTE)

    def speak(connection):
        try:
            connection.send(data)
        finally:
            connection.read_all()

    speaking = backend(ScriptedBackend, speak)
    front = gateway(location(speaking, PINGS, "ws_close_timeout 200ms;"))
    opened(front, raw)
    front.wait_log("ws: gateway closed: no pong in time, code 1008")
    wait_until(lambda: speaking.wait_connection().ended, what="the end of the backend's connection")


# --- settings


@pytest.mark.parametrize("name", ["ws_ping_interval", "ws_pong_timeout", "ws_idle_timeout",
                                  "ws_send_timeout", "ws_close_timeout"])
@pytest.mark.parametrize("value", ["-1", "soon", "1x", ""])
def test_wrong_time_is_refused(config_check, name, value):
    accepted, said = config_check(f'location / {{ ws_pass 127.0.0.1:9; {name} "{value}"; }}')
    assert not accepted and name in said and "nginx.conf:" in said
