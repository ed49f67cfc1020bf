"""One side is slow: nothing piles up, nothing is lost, and who is dead is told from who is slow."""

import re
import socket
import threading
import time
from pathlib import Path

import pytest

from harness import checker
from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend, SlowBackend
from harness.flood import MEGABYTE, Flood, Reader, digest, frames, noise
from harness.gateway import assert_idle, wait_until
from harness.raw import BINARY, CLOSE, PING, PONG, frame
from harness.senders import SendingFirstBackend
from harness.sessions import location, opened

METHODS = ["epoll", "poll", "select"]  # the last two are level-triggered

# What a fresh worker may take for one session, however much it relays: mostly what every first
# request touches, then scratch buffers and a held buffer each way.
SESSION_MEMORY = 4 * MEGABYTE


@pytest.fixture
def method(request, config_check):
    """A way of waiting for events, if this nginx was built with it: Debian's knows epoll alone."""
    accepted, said = config_check(events=f"use {request.param};")
    if not accepted and "invalid event type" in said:
        pytest.skip(f"nginx was built without {request.param}")
    return request.param


# Receive buffers that do not grow, so that a stall comes soon. The select method knows no
# descriptor above 1023.
TIGHT = {"listen": "rcvbuf=256k", "connections": 512}
TIGHT_BACKEND = {"receive_buffer": 262144}
SHORT = "ws_send_timeout 600ms;"


# --- floods


@pytest.mark.parametrize("method", METHODS, indirect=True)
def test_client_flood_waits_for_the_backend_and_arrives_whole(gateway, backend, raw, method):
    silent = backend(SilentBackend, **TIGHT_BACKEND)
    front = gateway(location(silent), events=f"use {method};", **TIGHT)
    base = front.memory()
    client = opened(front, raw, timeout=60)
    data = noise(56 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    flood.wait_stalled()
    assert_idle(front, 1.0)
    assert front.memory() < base + SESSION_MEMORY
    assert flood.running()

    silent.resume()
    flood.wait_done()
    got = silent.wait_connection().wait_received(len(data), timeout=30)
    assert digest(got) == digest(data)
    assert front.memory() < base + SESSION_MEMORY


@pytest.mark.parametrize("method", METHODS, indirect=True)
def test_backend_flood_waits_for_the_client_and_arrives_whole(gateway, backend, raw, method):
    data = noise(56 * MEGABYTE)
    flooding = backend(SendingFirstBackend, data)
    front = gateway(location(flooding), events=f"use {method};", **TIGHT)
    base = front.memory()
    client = opened(front, raw)
    flooding.wait_stalled()
    assert_idle(front, 1.0)
    assert front.memory() < base + SESSION_MEMORY

    reader = Reader(client)
    assert digest(reader.wait_payload(len(data))) == digest(data)
    wait_until(lambda: reader.controls, what="the Close")
    assert [got.close for got in reader.controls] == [(1000, "")]
    client.send_close(1000)
    assert reader.wait_end() == "eof"
    assert front.memory() < base + SESSION_MEMORY


@pytest.mark.parametrize("method", METHODS, indirect=True)
def test_backend_that_floods_before_it_is_seen_to_be_connected(gateway, backend, raw, method):
    """Its first bytes can be there as soon as the connection is: nothing waits for their end."""
    data = noise(2 * MEGABYTE)
    flooding = backend(SendingFirstBackend, data)
    front = gateway(location(flooding), events=f"use {method};", **TIGHT)
    base = front.memory()
    for _ in range(25):
        client = opened(front, raw)
        first = client.read_data(1000)
        assert first == data[:len(first)]
        client.close()
    assert front.memory() < base + SESSION_MEMORY
    client = opened(front, raw)
    got, code, _ = client.read_to_close()
    assert digest(got) == digest(data) and code == 1000


@pytest.mark.parametrize("method, size", [("epoll", "4k"), ("epoll", "64k"), ("epoll", "1m"),
                                          ("poll", "64k"), ("select", "4k")],
                         indirect=["method"])
def test_echo_stalls_both_ways_and_is_exact(gateway, backend, raw, method, size):
    """First a client that sends only, until nothing moves anywhere; then one that reads slowly."""
    echo = backend(EchoBackend, **TIGHT_BACKEND)
    front = gateway(location(echo), http=f"ws_buffer_size {size};", events=f"use {method};",
                    **TIGHT)
    client = opened(front, raw, receive_buffer=65536, timeout=60)
    data = noise(64 * MEGABYTE)
    flood = Flood(client.send, frames(data, 70_001))
    flood.wait_stalled()
    assert_idle(front, 0.5)

    client.read_slowly(200_000, 0.002)
    reader = Reader(client)
    assert digest(reader.wait_payload(len(data), 50)) == digest(data)
    flood.wait_done()
    client.send_close(1000)
    assert reader.wait_end() == "eof"
    assert [got.close for got in reader.controls] == [(1000, "")]


def test_session_echoes_beside_one_that_floods_and_one_that_stalls(gateway, backend, raw):
    silent = backend(SilentBackend, **TIGHT_BACKEND)
    recording = backend(RecordingBackend)
    echo = backend(EchoBackend)
    front = gateway(
        f"location /stalled {{ ws_pass {silent.address}; }}"
        f"location /flood {{ ws_pass {recording.address}; }}"
        f"location / {{ ws_pass {echo.address}; }}", listen="rcvbuf=256k")
    stalled, flooding = raw(front.port, timeout=60), raw(front.port, timeout=60)
    stalled.open("/stalled")
    flooding.open("/flood")
    flood = Flood(stalled.send, frames(noise(24 * MEGABYTE)))
    flood.wait_stalled()
    piece = frames(noise(MEGABYTE))
    busy = Flood(flooding.send, piece * 200)

    client = opened(front, raw)
    for turn in range(100):
        client.send_frame(BINARY, b"turn %d" % turn)
        assert client.read_frame().payload == b"turn %d" % turn
    assert busy.running() and flood.running()
    flooding.reset()
    stalled.reset()


# --- what is held


def mapped(front):
    """Bytes of writable private memory, touched or not."""
    status = Path(f"/proc/{front.workers()[0]}/status").read_text()
    return int(re.search(r"VmData:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif(not checker.MEASURES_MEMORY, reason="more than nginx's memory would be measured")
def test_many_stalled_sessions_hold_one_buffer_each_and_give_it_back(gateway, backend, raw):
    sessions, spares, buffer = 50, 16, 136 * 1024
    data = noise(4 * MEGABYTE)
    go_on = threading.Event()

    def flood_then_read(connection):
        try:
            connection.send(data)
        finally:
            connection.read_all()

    def stall(connection):
        go_on.wait()
        connection.read_all()

    # Over unix sockets, whose buffers do not grow.
    silent = backend(ScriptedBackend, stall, unix=True)
    flooding = backend(ScriptedBackend, flood_then_read, unix=True)
    front = gateway(f"location /up {{ ws_pass {silent.address}; }}"
                    f"location /down {{ ws_pass {flooding.address}; }}",
                    listen="rcvbuf=64k sndbuf=64k")
    opened_first = raw(front.port)
    opened_first.open("/up")
    base = mapped(front)

    clients = [raw(front.port, receive_buffer=65536, timeout=60) for _ in range(sessions)]
    for client in clients[:sessions // 2]:
        client.open("/up")
    for client in clients[sessions // 2:]:
        client.open("/down")
    for client in clients:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    pieces = frames(data[:2 * MEGABYTE])
    floods = [Flood(client.send, pieces) for client in clients[:sessions // 2]]
    for flood in floods:
        flood.wait_stalled(0.1)

    held = wait_until(lambda: (grown := mapped(front) - base) > sessions * 128 * 1024 and grown,
                      what="a held buffer for each session")
    assert held < sessions * buffer + 2 * MEGABYTE
    assert_idle(front, 0.5)

    go_on.set()
    for flood in floods:
        flood.wait_done()
    for client in clients:
        client.reset()
    # malloc() keeps what the sessions themselves had, 12 KB each, in steps of 132 KiB.
    most = spares * buffer + sessions * 12 * 1024 + 132 * 1024
    assert most < held // 2  # or this would tell nothing
    wait_until(lambda: mapped(front) - base <= most, what="the buffers to be given back")

    opened_first.send_close(1000)
    assert opened_first.read_close() == (1000, "")


@pytest.mark.parametrize("size", ["4095", "1", "0", "-1", "64q", ""])
def test_wrong_buffer_size_is_refused(config_check, size):
    accepted, said = config_check(http=f'ws_buffer_size "{size}";')
    assert not accepted and "ws_buffer_size" in said and "nginx.conf:" in said


# --- control frames and endings while data is backed up


def test_ping_is_answered_before_the_backlog_of_data_has_passed(gateway, backend, raw):
    data = noise(16 * MEGABYTE)
    flooding = backend(SendingFirstBackend, data)
    front = gateway(location(flooding))
    client = opened(front, raw)
    flooding.wait_stalled()
    client.send_frame(PING, b"in between")
    payload, pong_after = b"", None
    while len(payload) < len(data):
        got = client.read_frame()
        if got.opcode == PONG:
            assert got.payload == b"in between" and pong_after is None
            pong_after = len(payload)
        else:
            payload += got.payload
    # What the kernels and one buffer of ours held goes first, and no more.
    assert pong_after is not None and pong_after < len(data) - MEGABYTE
    assert digest(payload) == digest(data)


def test_ping_is_answered_while_the_backend_takes_nothing(gateway, backend, raw):
    """As long as the client's frames can be read at all."""
    silent = backend(SilentBackend)
    front = gateway(location(silent))
    client = opened(front, raw)
    for turn in range(8):
        client.send_frame(BINARY, noise(1000))
        client.send_frame(PING, b"%d" % turn)
        assert client.read_frame().payload == b"%d" % turn


def test_flood_of_pings_from_a_client_that_reads_nothing_is_bounded(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording))
    base = front.memory()
    client = opened(front, raw, receive_buffer=8192, timeout=60)
    pings = b"".join(frame(PING, b"%0125d" % n) for n in range(1000))
    for _ in range(100):
        client.send(pings)
    client.send_frame(BINARY, b"after the pings")
    assert recording.wait_connection().wait_received(15, 30) == b"after the pings"
    assert front.memory() < base + SESSION_MEMORY
    client.read_slowly(262144, 0)
    client.send_close(1000)
    last = None
    while (got := client.read_frame()).opcode == PONG:
        last = got
    assert got.close == (1000, "")
    # Older ones may be left unanswered, the newest never.
    assert last.payload == b"%0125d" % 999


@pytest.mark.parametrize("method", METHODS, indirect=True)
def test_data_then_close_arrive_at_a_slow_backend(gateway, backend, raw, method):
    slow = backend(SlowBackend, 65536, 0.01, receive_buffer=65536)
    front = gateway(location(slow), events=f"use {method};", **TIGHT)
    client = opened(front, raw, timeout=30)
    data = noise(6 * MEGABYTE)
    client.send(b"".join(frames(data)) + frame(CLOSE, b"\x0f\xa0bye"))
    assert client.read_close() == (4000, "")
    assert client.read_end() == "eof"
    connection = slow.wait_connection()
    assert connection.wait_ended() == "eof"
    assert digest(connection.received) == digest(data)


@pytest.mark.parametrize("method", METHODS, indirect=True)
def test_client_that_vanishes_leaves_all_it_sent(gateway, backend, raw, method):
    silent = backend(SilentBackend, **TIGHT_BACKEND)
    front = gateway(location(silent), events=f"use {method};", **TIGHT)
    client = opened(front, raw, timeout=30)
    # It fits into the sockets and one held buffer, more or less.
    data = noise(3 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    time.sleep(0.2)
    assert_idle(front, 0.3)
    silent.resume()
    flood.wait_done()
    client.finish()  # half of the way to vanishing: what was sent is still to be delivered
    connection = silent.wait_connection()
    assert connection.wait_ended() == "eof"
    assert digest(connection.received) == digest(data)
    front.wait_log("ws: client closed: connection lost, code 1006")


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_client_that_vanishes_behind_a_stall_leaves_all_it_sent(gateway, backend, raw, unix):
    """The worker cannot see the end, because data stands before it. It must get there."""
    silent = backend(SilentBackend, unix=unix, **TIGHT_BACKEND)
    front = gateway(location(silent), listen="rcvbuf=1m")
    client = opened(front, raw, timeout=30)
    data = noise(16 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    flood.wait_stalled()
    assert_idle(front, 0.5)
    silent.resume()
    flood.wait_done()
    client.close()
    connection = silent.wait_connection()
    assert connection.wait_ended() == "eof"
    assert digest(connection.received) == digest(data)


def test_one_line_a_session_and_none_at_error(gateway, backend, raw):
    silent = backend(SilentBackend)
    flooding = backend(SendingFirstBackend, noise(24 * MEGABYTE))
    front = gateway(f"location /up {{ ws_pass {silent.address}; {SHORT} }}"
                    f"location /down {{ ws_pass {flooding.address}; {SHORT} "
                    "ws_close_timeout 300ms; }", listen="rcvbuf=64k")
    up, down = raw(front.port, timeout=30), raw(front.port)
    up.open("/up")
    down.open("/down")
    Flood(up.send, frames(noise(24 * MEGABYTE)))
    assert up.read_close()[0] == 1013
    front.wait_log("client takes no data, code 1008")
    up.reset()
    down.close()
    front.access_log(lines=2)
    said = [line for line in front.error_log().splitlines() if " ws: " in line]
    assert len(said) == 4, said  # of each session its begin and its end
    assert all("[info]" in line for line in said)
    assert not re.search(r"\[(error|alert|crit|emerg)\]", front.error_log())
