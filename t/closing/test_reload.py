"""Workers come and go; sessions end when their time is up, and not before."""

import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend
from harness.flood import MEGABYTE, Flood, Reader, digest, frames, noise
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, PING, PONG, TEXT, Closed
from harness.sessions import location, opened

SHUTDOWN = "worker_shutdown_timeout 500ms;"


def assert_echoes(client, text):
    client.send_frame(BINARY, text)
    assert client.read_data(len(text)) == text


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_gone(pids, timeout=10):
    wait_until(lambda: not any(map(alive, pids)), timeout, "the old workers' exit")


def close_cleanly(client):
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"
    client.close()


def test_new_worker_serves_the_new_configuration_and_the_old_its_sessions(gateway, backend, raw):
    old_backend, new_backend = backend(EchoBackend), backend(EchoBackend)
    front = gateway(location(old_backend, "ws_frame_type binary;"))
    old = opened(front, raw)
    assert_echoes(old, b"before")
    workers = front.reload(locations=location(new_backend, "ws_frame_type text;"))

    new = opened(front, raw)
    new.send_frame(BINARY, b"to the new one")
    assert new.read_frame().opcode == TEXT
    assert new_backend.wait_connection().received == b"to the new one"
    for turn in range(5):
        assert_echoes(old, b"after %d" % turn)
    assert len(old_backend.connections) == len(new_backend.connections) == 1
    assert all(map(alive, workers))

    close_cleanly(old)
    wait_gone(workers)
    close_cleanly(new)


def test_old_worker_waits_for_a_silent_session_without_any_timer(gateway, backend, raw):
    """It has nothing to wait for but the session, and does not spin."""
    echo = backend(EchoBackend)
    front = gateway(location(echo, "ws_ping_interval 0;"))
    client = opened(front, raw)
    workers = front.reload()
    before = cpu_seconds(workers[0])
    client.nothing_comes(1)
    assert cpu_seconds(workers[0]) - before <= 0.05
    assert_echoes(client, b"still here")
    close_cleanly(client)
    wait_gone(workers)
    assert "open socket" not in front.error_log()


def test_old_worker_still_pings_and_still_notices_the_dead(gateway, backend, raw):
    front = gateway(location(backend(RecordingBackend), "ws_ping_interval 200ms;",
                             "ws_pong_timeout 300ms; ws_close_timeout 200ms;"),
                    http="lingering_timeout 200ms; lingering_time 200ms;")
    client = opened(front, raw)
    workers = front.reload()
    for _ in range(2):
        ping = client.read_frame()
        assert ping.opcode == PING
        client.send_frame(PONG, ping.payload)
    while (got := client.read_frame()).opcode == PING:
        pass
    assert got.close == (1008, "no pong in time")
    wait_gone(workers)


@pytest.mark.parametrize("how", ["reload", "quit"])
def test_sessions_are_told_when_the_workers_time_is_up(gateway, backend, raw, how):
    recording = backend(RecordingBackend)
    front = gateway(location(recording), main=SHUTDOWN)
    clients = [opened(front, raw) for _ in range(5)]
    for number, client in enumerate(clients):
        client.send_frame(BINARY, b"bytes of %d" % number)
        recording.wait_connection(number).wait_received(10)
    workers = front.workers()
    if how == "reload":
        front.reload()
    else:
        front.quit()
    for client in clients:
        assert client.read_close() == (1001, "gateway is shutting down")
        assert client.read_end() == "eof"
    for number, connection in enumerate(recording.connections):
        assert connection.wait_ended() == "eof"
        assert connection.received == b"bytes of %d" % number
    wait_gone(workers)
    if how == "quit":
        assert front.wait() == 0
    said = re.findall(r"\[(\w+)\].* ws: gateway closed: gateway is shutting down, code 1001",
                      front.error_log())
    assert said == ["info"] * 5


def test_tls_sessions_are_told_when_the_workers_time_is_up(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording), main=SHUTDOWN, tls=True)
    client = raw(front.ssl_port, tls=client_tls())
    client.open("/")
    client.send_frame(BINARY, b"the last")
    recording.wait_connection().wait_received(8)
    workers = front.reload()
    assert client.read_close() == (1001, "gateway is shutting down")
    assert client.read_end() == "eof"
    assert recording.wait_connection().wait_ended() == "eof"
    wait_gone(workers)


def test_stuck_sessions_do_not_outlive_the_workers_time(gateway, backend, raw):
    """Neither side takes anything; a third client floods all the while."""
    silent = backend(SilentBackend)
    recording = backend(RecordingBackend)
    data = noise(24 * MEGABYTE)

    def speak(connection):
        try:
            connection.send(data)
        finally:
            connection.read_all()

    flooding = backend(ScriptedBackend, speak)
    front = gateway(f"location /up {{ ws_pass {silent.address}; }}"
                    f"location /down {{ ws_pass {flooding.address}; }}"
                    f"location /busy {{ ws_pass {recording.address}; }}", main=SHUTDOWN)
    up, down, busy = (raw(front.port, timeout=30) for _ in range(3))
    up.open("/up")
    down.open("/down")
    busy.open("/busy")
    stuck = Flood(up.send, frames(data))
    stuck.wait_stalled(0.2)
    endless = Flood(busy.send, frames(noise(MEGABYTE)) * 2000)
    workers = front.reload()
    started = time.monotonic()
    wait_gone(workers)
    assert time.monotonic() - started < 5
    for flood in stuck, endless:
        wait_until(lambda flood=flood: not flood.running(), what="the flood's end")
    assert recording.wait_connection().wait_ended() in ("eof", "reset")
    assert flooding.wait_connection().wait_ended() in ("eof", "reset")


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_backend_gets_all_bytes_although_its_own_stand_unread(gateway, backend, raw, unix):
    """The client reads nothing, so neither does the worker; its end must not destroy what the
    backend has yet to read."""
    over = threading.Event()

    def talk_until_stuck(connection):
        connection.sock.settimeout(0.1)
        try:
            while True:
                connection.sock.send(bytes(65536))
        except TimeoutError:
            pass
        over.wait(20)
        connection.sock.settimeout(None)
        connection.read_all()

    busy = backend(ScriptedBackend, talk_until_stuck, unix=unix, receive_buffer=262144)
    front = gateway(location(busy), main=SHUTDOWN)
    client = opened(front, raw)
    data = noise(60_000)
    client.send(b"".join(frames(data)))
    time.sleep(0.3)
    workers = front.reload()
    wait_gone(workers)
    over.set()
    connection = busy.wait_connection()
    assert connection.wait_ended() == "eof"
    assert digest(connection.received) == digest(data)


def test_many_reloads_leak_nothing(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo))
    memory = files = None
    for turn in range(30):
        client = opened(front, raw)
        assert_echoes(client, b"turn %d" % turn)
        old = front.reload()
        assert_echoes(client, b"after reload %d" % turn)
        close_cleanly(client)
        wait_gone(old)
        if turn == 4:
            client = opened(front, raw)
            assert_echoes(client, b"measured")
            memory, files = front.memory(), front.open_files()
            close_cleanly(client)
    client = opened(front, raw)
    assert_echoes(client, b"measured")
    assert front.open_files() == files
    assert front.memory() < memory + 2 * MEGABYTE
    assert len(front.workers()) == 1 and not front.workers(exiting=True)


def test_reload_under_load_loses_nothing(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo))
    client = opened(front, raw, timeout=30)
    data = noise(16 * MEGABYTE)
    reader = Reader(client)
    flood = Flood(client.send, frames(data))
    old = front.reload()
    flood.wait_done()
    assert digest(reader.wait_payload(len(data))) == digest(data)
    client.send_close(1000)
    assert reader.wait_end() == "eof"
    client.close()
    wait_gone(old)


def test_buffer_size_can_change_with_a_reload(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo), http="ws_buffer_size 4k;")
    old = opened(front, raw)
    front.reload(http="ws_buffer_size 256k;")
    new = opened(front, raw)
    data = noise(MEGABYTE)
    for client in old, new:
        reader = Reader(client)
        Flood(client.send, frames(data)).wait_done()
        assert digest(reader.wait_payload(len(data))) == digest(data)


# --- quicker ends


def test_quit_waits_for_the_session(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo))
    client = opened(front, raw)
    front.quit()
    wait_until(lambda: front.workers(exiting=True), what="the worker to shut down")
    client.nothing_comes(0.5)
    assert_echoes(client, b"still here")
    close_cleanly(client)
    assert front.wait() == 0
    assert "open socket" not in front.error_log()


def test_quit_with_a_backend_that_ends_the_session(gateway, backend, raw):
    def wait_for_a_word(connection):
        connection.read()
        connection.send(b"goodbye")

    front = gateway(location(backend(ScriptedBackend, wait_for_a_word)))
    client = opened(front, raw)
    front.quit()
    client.send_frame(BINARY, b"go")
    assert client.read_to_close() == (b"goodbye", 1000, "")
    client.send_close(1000)
    assert client.read_end() == "eof"
    client.close()
    assert front.wait() == 0


def test_terminate_ends_at_once(gateway, backend, raw):
    recording = backend(RecordingBackend)
    front = gateway(location(recording))
    client = opened(front, raw)
    client.send_frame(BINARY, b"some bytes")
    recording.wait_connection().wait_received(10)
    started = time.monotonic()
    front.signal(signal.SIGTERM)
    assert front.wait() == 0
    assert time.monotonic() - started < 5
    with pytest.raises(Closed):
        client.read_frame()
    recording.wait_connection().wait_ended()


def test_killed_worker_is_replaced(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(location(echo))
    front.allow(r"worker process \d+ exited on signal 9")
    lost = opened(front, raw)
    assert_echoes(lost, b"before")
    old, = front.workers()
    os.kill(old, signal.SIGKILL)
    with pytest.raises(Closed):
        lost.read_frame()
    assert echo.wait_connection().wait_ended() in ("eof", "reset")
    wait_until(lambda: front.workers() and front.workers() != [old], what="a new worker")
    assert_echoes(opened(front, raw), b"after")


# --- no master, for which nginx itself knows no reload


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_single_process_serves_and_ends_when_told(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend)), workers=0, main="master_process off;")
    wait_until(lambda: listens(front.port), what="nginx to listen")
    client = opened(front, raw)
    data = noise(8 * MEGABYTE)
    reader = Reader(client)
    Flood(client.send, frames(data)).wait_done()
    assert digest(reader.wait_payload(len(data))) == digest(data)
    front.quit()
    assert front.wait() == 0
