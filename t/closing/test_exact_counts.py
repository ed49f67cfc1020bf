"""What is not delivered is counted exactly: towards unix sockets, whose kernel counts buffers, and
over TLS, where only whole records can be read."""

import os
import re
import socket
import struct
import subprocess
import time

import pytest

from harness.backends import ScriptedBackend, SilentBackend
from harness.counts import COUNTS, TINY, counts
from harness.flood import frames, noise
from harness.gateway import ROOT, wait_until
from harness.pki import server_tls
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame
from harness.tcp_info import unread
from harness.tls_backend import TlsSilentBackend

REASON = r"(\d+) bytes undelivered, not acknowledged by the backend"


def undelivered(client):
    code, reason = client.read_close()
    said = re.fullmatch(REASON, reason)
    assert code == 1011 and said, (code, reason)
    return int(said[1])


# --- unix sockets


@pytest.mark.parametrize("read", [0, 1, 7000, 39_999])
@pytest.mark.parametrize("size", [100, 4000, 40_000])
def test_bytes_that_the_reader_of_a_unix_socket_has_not_read(session, read, size):
    """However they were written, and wherever in a buffer it stopped."""
    done = []

    def read_some(connection):
        connection.read_exactly(read)
        done.append(True)
        wait_until(lambda: not done, 30, "the end of the test")

    one = session(ScriptedBackend, read_some, unix=True, settings="ws_close_timeout 500ms;",
                  parts=COUNTS)
    data = noise(40_000)
    one.client.send(b"".join(frames(data, size)))
    wait_until(lambda: done, what="the backend's reading")
    one.client.send_close(1000)
    assert undelivered(one.client) == len(data) - read
    one.client.close()
    assert counts(one)[:2] == (len(data), len(data) - read)
    done.clear()


def test_nobody_has_accepted_what_waits_in_a_unix_socket(gateway, raw, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        front = gateway(f"location / {{ ws_pass unix:{path}; ws_close_timeout 500ms; }}")
        client = raw(front.port)
        client.open("/")
        client.send(frame(BINARY, bytes(1000)) + frame(CLOSE, close_payload(1000)))
        assert undelivered(client) == 1000


def test_ping_to_a_unix_socket_waits_for_its_own_bytes_only(session):
    """What comes behind it stays unread."""
    def read_some(connection):
        connection.read_exactly(1000)
        wait_until(lambda: connection.ended, 30, "the end")

    one = session(ScriptedBackend, read_some, unix=True)
    one.client.send(frame(BINARY, bytes(1000)) + frame(PING, b"read?") + frame(BINARY, bytes(500)))
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, b"read?")
    one.connection.ended = "eof"


def test_unix_socket_that_is_closed_unread_has_acknowledged_nothing_of_it(session):
    """The kernel throws it away, and says that nothing is left. What it said before may be known."""
    def close_early(connection):
        connection.read_exactly(10)
        wait_until(lambda: len(connection.sock.recv(500, socket.MSG_PEEK)) == 500, 30, "the rest")

    one = session(ScriptedBackend, close_early, unix=True, parts=COUNTS)
    one.client.send(frame(BINARY, bytes(10)))
    one.connection.wait_received(10)
    one.client.send(frame(BINARY, bytes(500)) + frame(PING, b"read?"))
    code, reason = one.client.read_close()
    said = re.fullmatch(r"(at most )?(\d+) bytes undelivered, backend connection was reset", reason)
    assert code == 1011 and said, (code, reason)
    assert 500 <= int(said[2]) <= (510 if said[1] else 500), reason


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_slow_reader_is_not_called_dead(session, unix):
    """5 kB/s, of which a whole buffer takes longer than the timeout."""
    def read_slowly(connection):
        while connection.read(500):
            time.sleep(0.1)

    options = {} if unix else TINY
    one = session(ScriptedBackend, read_slowly, unix=unix,
                  settings="ws_send_timeout 3s; ws_backend_window 64k;", **options)
    one.client.send(b"".join(frames(noise(300_000))))
    one.client.nothing_comes(8)


def test_reader_of_a_unix_socket_that_stops_is_called_dead(session):
    one = session(SilentBackend, unix=True, settings="ws_send_timeout 1s;", parts=COUNTS)
    data = noise(100_000)
    one.client.send(b"".join(frames(data)))
    code, reason = one.client.read_close()
    assert (code, reason) == (1013, f"{len(data)} bytes undelivered, backend takes no data")


# --- where the kernel tells nothing of the peer


@pytest.fixture
def mute(tmp_path):
    """Parts of a gateway whose kernel is without sock_diag."""
    library = tmp_path / "no_sock_diag.so"
    subprocess.run([os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-fPIC", "-shared",
                    "-fno-exceptions", "-o", library, ROOT / "t" / "faults" / "no_sock_diag.cpp"],
                   check=True)
    return {"environment": {"LD_PRELOAD": str(library)}}


def test_what_cannot_be_known_is_said_to_be_a_bound(session, mute):
    def read_some(connection):
        connection.read_exactly(5000)
        wait_until(lambda: connection.ended, 30, "the end")

    one = session(ScriptedBackend, read_some, unix=True, settings="ws_close_timeout 500ms;",
                  parts=mute)
    one.client.send(b"".join(frames(noise(20_000), 4000)))
    one.connection.wait_received(5000)
    one.client.send_close(1000)
    code, reason = one.client.read_close()
    said = re.fullmatch(f"at most {REASON}", reason)
    assert code == 1011 and said and 15_000 <= int(said[1]) <= 20_000, (code, reason)
    one.connection.ended = "eof"


def test_slow_reader_is_seen_to_read_all_the_same(session, mute):
    def read_slowly(connection):
        while connection.read(500):
            time.sleep(0.1)

    one = session(ScriptedBackend, read_slowly, unix=True, parts=mute,
                  settings="ws_send_timeout 3s; ws_backend_window 64k;")
    one.client.send(b"".join(frames(noise(300_000))))
    one.client.nothing_comes(20)


# --- TLS


def whole_records(sock, size):
    """Payload bytes of the whole records of TLS 1.3 in the first `size` bytes that are unread."""
    data = b""
    while len(data) < size:
        data = sock.recv(size, socket.MSG_PEEK)
    total, at = 0, 0
    while at + 5 <= size:
        kind, length = data[at], struct.unpack_from("!H", data, at + 3)[0]
        if at + 5 + length > size:
            break
        assert kind == 23
        total += length - 17  # the tag and the type
        at += 5 + length
    return total


@pytest.mark.parametrize("size", [300, 900, 12_000, 16_384])
def test_bytes_of_records_that_the_backend_does_not_have_whole(gateway, backend, raw, size):
    service = backend(TlsSilentBackend, tls=server_tls(), receive_buffer=4096)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_ssl on;"
                    " ws_close_timeout 500ms; }", log_format=COUNTS["log_format"])
    client = raw(front.port)
    client.open("/")
    connection = service.wait_connection()
    wait_until(lambda: hasattr(connection, "below") and connection.below is not connection.sock,
               what="the handshake")
    data = noise(max(size, 12_000))
    for piece in frames(data, size):
        client.send(piece)
        time.sleep(0.005)  # a record each
    client.send_close(1000)
    told = undelivered(client)
    below = connection.below
    assert told == len(data) - whole_records(below, unread(below))
    assert 0 < told <= len(data)
    client.close()
    front.wait_log(rf"undelivered to backend {told}, to client 0")
