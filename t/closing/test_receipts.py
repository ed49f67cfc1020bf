"""The answers to a Close and to a Ping are receipts: what was sent before has been acknowledged."""

import os
import re
import signal
import threading
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend
from harness.counts import COUNTS, TINY, counts
from harness.flood import Flood, digest, frames, noise
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame
from harness.sessions import plain_and_tls
from harness.tcp_info import bytes_received, unread, unsent

both_networks = pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])


def silent(session, unix=False, **options):
    return session(SilentBackend, unix=unix, **{**({} if unix else TINY), **options})


def acknowledged(one, unix=False):
    """Bytes that the backend's kernel has acknowledged; on a unix socket those that were read."""
    connection = one.connection
    return len(connection.received) if unix else bytes_received(connection.sock)


# --- Close


@both_networks
def test_close_is_answered_once_the_backend_has_acknowledged(session, unix):
    one = silent(session, unix, parts=COUNTS)
    data = noise(150_000)
    one.client.send(b"".join(frames(data)) + frame(CLOSE, close_payload(4321)))
    one.client.nothing_comes(0.4)
    assert acknowledged(one, unix) < len(data)
    one.service.resume()
    assert one.client.read_close() == (4321, "")
    assert digest(one.connection.wait_received(len(data))) == digest(data)
    assert one.connection.wait_ended() == "eof"
    one.client.close()
    assert counts(one) == (len(data), 0, 0, 4321, "client")


def test_close_is_answered_before_the_backend_reads(session):
    """Its kernel's acknowledgement is what counts."""
    one = session(SilentBackend)
    one.client.send(frame(BINARY, bytes(20_000)) + frame(CLOSE, close_payload(1000)))
    assert one.client.read_close() == (1000, "")
    assert unread(one.connection.sock) == 20_000
    assert not one.connection.received


@plain_and_tls
@both_networks
def test_close_tells_what_was_not_acknowledged(session, tls, unix):
    one = silent(session, unix, tls=tls, settings="ws_close_timeout 500ms;", parts=COUNTS)
    data = noise(12_000)
    one.client.send(b"".join(frames(data)) + frame(CLOSE, close_payload(1000)))
    code, reason = one.client.read_close()
    undelivered = len(data) - acknowledged(one, unix)
    assert undelivered > 0
    assert code == 1011
    assert reason == f"{undelivered} bytes undelivered, not acknowledged by the backend"
    one.client.close()
    taken, backend, client, logged, by = counts(one)
    assert (taken, backend, client, by) == (len(data), undelivered, 0, "client")
    one.front.wait_log(rf"ws: client closed.*, undelivered to backend {undelivered}, to client 0")


def test_cut_stream_ends_in_a_reset_and_never_looks_whole(session):
    one = silent(session, settings="ws_close_timeout 300ms;")
    data = noise(600_000)
    flood = Flood(one.client.send, frames(data))
    wait_until(lambda: one.connection, what="the backend")
    time.sleep(0.3)
    one.client.reset()  # with much that could not be written
    one.service.resume()
    connection = one.connection
    # The client is gone, so what had arrived of it is still delivered, in its order.
    connection.wait_ended()
    assert data.startswith(bytes(connection.received))
    assert not flood.running() or flood.wait_done() is None


def test_stuck_backend_whose_close_is_overdue_sees_a_reset(session):
    one = silent(session, unix=False, settings="ws_close_timeout 300ms;", parts=COUNTS)
    flood = Flood(one.client.send, frames(noise(230_000)) + [frame(CLOSE, close_payload(1000))])
    flood.wait_done()
    # The Close stands behind data that cannot be read, so it is not seen; the client leaves.
    one.client.close()
    one.service.resume()
    connection = one.connection
    assert connection.wait_ended() == "eof"
    assert len(connection.received) == 230_000


@both_networks
def test_close_waits_for_nothing_without_receipts(session, unix):
    one = silent(session, unix, settings="ws_receipts off;")
    # Little enough for the kernel to take it all, and more than the backend's takes.
    one.client.send(frame(BINARY, bytes(12_000)) + frame(CLOSE, close_payload(1000)))
    assert one.client.read_close() == (1000, "")
    assert acknowledged(one, unix) < 12_000
    one.service.resume()
    assert len(one.connection.wait_received(12_000)) == 12_000
    assert one.connection.wait_ended() == "eof"


def test_empty_close_is_answered_empty_after_delivery(session):
    one = session(RecordingBackend)
    one.client.send_frame(BINARY, b"last words")
    one.client.send_close()
    assert one.client.read_close() == (None, "")
    assert one.connection.wait_received(10) == b"last words"


def test_gateway_that_stops_tells_what_was_not_delivered(session):
    one = silent(session, parts=dict(COUNTS, main="worker_shutdown_timeout 300ms;"))
    one.client.send(frame(BINARY, bytes(30_000)))
    wait_until(lambda: acknowledged(one) > 0, what="the first bytes")
    time.sleep(0.2)
    one.front.quit()
    code, _ = one.client.read_close()
    assert code in (1001, 1012)
    one.front.wait()
    taken, backend, client, code, by = counts(one)
    assert (taken, backend, by) == (30_000, 30_000 - acknowledged(one), "gateway")


# --- a backend that dies


class KilledBackend(ScriptedBackend):
    """Hands each connection to a process that reads nothing, and can be killed."""

    def __init__(self, **options):
        self.pid = None
        self.done = threading.Event()
        super().__init__(self._hand_over, **options)

    def _hand_over(self, connection):
        self.pid = os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c",
                              f"exec sleep 60 <&{self._inheritable(connection)}")
        self.done.wait()

    @staticmethod
    def _inheritable(connection):
        os.set_inheritable(connection.sock.fileno(), True)
        return connection.sock.fileno()


@plain_and_tls
def test_killed_backend_is_told_with_the_bytes_it_did_not_acknowledge(session, tls):
    one = session(KilledBackend, tls=tls, parts=COUNTS, client={"timeout": 30}, **TINY)
    data = noise(100_000)
    one.client.send(b"".join(frames(data)))
    wait_until(lambda: one.service.pid and unsent(one.client.sock) == 0, what="all to be taken")
    time.sleep(0.3)
    acked = bytes_received(one.connection.sock)
    # Ours must not keep it open. No FIN: the process has it too.
    os.close(one.connection.sock.detach())
    os.kill(one.service.pid, signal.SIGKILL)
    os.waitpid(one.service.pid, 0)
    one.service.done.set()

    code, reason = one.client.read_close()
    said = re.fullmatch(r"(\d+) bytes undelivered, backend connection was reset", reason)
    assert code == 1011 and said, reason
    one.client.reset()
    taken, backend, _, code, by = counts(one)
    assert (code, by) == (1011, "backend")
    assert backend == int(said[1]) == len(data) - acked
    assert taken == len(data)


def test_reset_after_everything_was_acknowledged_counts_nothing(session):
    def take_then_reset(connection):
        connection.read_exactly(1000)
        time.sleep(0.2)
        connection.reset()

    one = session(ScriptedBackend, take_then_reset, parts=COUNTS)
    one.client.send_frame(BINARY, bytes(1000))
    assert one.client.read_close() == (1011, "backend connection was reset")
    one.client.close()
    assert counts(one) == (1000, 0, 0, 1011, "backend")


# --- Ping


@both_networks
def test_ping_is_answered_once_the_data_before_it_is_acknowledged(session, unix):
    one = silent(session, unix)
    one.client.send(frame(BINARY, bytes(30_000)) + frame(PING, b"has it arrived"))
    one.client.nothing_comes(0.4)
    assert acknowledged(one, unix) < 30_000
    one.service.resume()
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, b"has it arrived")
    if unix:
        # The backend's thread may not yet have counted what it has read.
        assert unread(one.connection.sock) == 0
        one.connection.wait_received(30_000)
    assert acknowledged(one, unix) >= 30_000


@both_networks
def test_ping_is_answered_at_once_where_nothing_is_outstanding(session, unix):
    one = session(EchoBackend, unix=unix)
    for turn in range(20):
        one.client.send(frame(BINARY, b"turn") + frame(PING, b"%d" % turn))
        got = sorted([one.client.read_frame(), one.client.read_frame()], key=lambda f: f.opcode)
        assert got[0].payload == b"turn" and got[1].payload == b"%d" % turn
    one.client.send_frame(PING)
    assert one.client.read_frame().opcode == PONG


def test_ping_before_the_data_does_not_wait_for_it(session):
    one = silent(session)
    one.client.send(frame(PING, b"first") + frame(BINARY, bytes(30_000)) + frame(PING, b"second"))
    assert one.client.read_frame().payload == b"first"
    one.client.nothing_comes(0.3)
    one.service.resume()
    assert one.client.read_frame().payload == b"second"


def test_oldest_and_newest_of_many_pings_are_answered(session):
    one = silent(session)
    one.client.send(frame(BINARY, bytes(12_000)))
    for turn in range(50):
        one.client.send_frame(PING, b"%d" % turn)
    one.client.nothing_comes(0.3)
    one.service.resume()
    assert one.client.read_frame().payload == b"0"
    assert one.client.read_frame().payload == b"49"
    one.client.nothing_comes(0.2)


def test_ping_that_waits_while_the_client_says_close_is_answered_before(session):
    """Or not at all, but never behind the Close."""
    one = silent(session)
    one.client.send(frame(BINARY, bytes(30_000)) + frame(PING, b"well?")
                    + frame(CLOSE, close_payload(1000)))
    one.client.nothing_comes(0.2)
    one.service.resume()
    got = one.client.read_frame()
    if got.opcode == PONG:
        assert got.payload == b"well?"
        got = one.client.read_frame()
    assert got.close == (1000, "")
    assert one.client.read_end() == "eof"


@both_networks
def test_ping_waits_for_nothing_without_receipts(session, unix):
    one = silent(session, unix, settings="ws_receipts off;")
    one.client.send(frame(BINARY, bytes(30_000)) + frame(PING, b"now"))
    assert one.client.read_frame().payload == b"now"
    assert acknowledged(one, unix) < 30_000


def test_data_comes_while_a_ping_waits(session):
    go_on = threading.Event()

    def speak_and_not_listen(connection):
        for turn in range(5):
            connection.send(b"%d" % turn)
            time.sleep(0.05)
        go_on.wait(10)
        connection.read_all()

    one = session(ScriptedBackend, speak_and_not_listen, **TINY)
    one.client.send(frame(BINARY, bytes(30_000)) + frame(PING, b"later"))
    assert one.client.read_data(5) == b"01234"
    go_on.set()
    assert one.client.read_frame().payload == b"later"


# --- a Close that cannot be read, because data stands before it


@plain_and_tls
@pytest.mark.parametrize("settings", ["", "ws_half_close on;"], ids=["", "half-close"])
def test_data_that_nobody_read_is_counted_too(session, tls, settings):
    """When a stuck backend is given up, what the client had sent by then is all told."""
    one = silent(session, tls=tls, settings=settings + "ws_send_timeout 600ms;", parts=COUNTS)
    data = noise(100_000)
    one.client.send(b"".join(frames(data)))
    code, reason = one.client.read_close()
    undelivered = len(data) - acknowledged(one)
    assert (code, reason) == (1013, f"{undelivered} bytes undelivered, backend takes no data")
    one.client.reset()
    assert counts(one) == (len(data), undelivered, 0, 1013, "gateway")


def test_close_behind_data_that_nobody_read_is_answered_with_the_count(session):
    one = silent(session, settings="ws_send_timeout 600ms;", parts=COUNTS)
    data = noise(100_000)
    one.client.send(b"".join(frames(data)) + frame(CLOSE, close_payload(1000)))
    code, reason = one.client.read_close()
    undelivered = len(data) - acknowledged(one)
    assert code == 1011
    assert reason == f"{undelivered} bytes undelivered, not acknowledged by the backend"


@pytest.mark.parametrize("settings", ["", "ws_deflate on;", "ws_framing line;"],
                         ids=["stream", "deflate", "line"])
def test_close_that_crosses_the_end_of_the_backend_is_no_receipt_for_what_was_dropped(
        session, raw, settings):
    """The backend has ended, but not yet acknowledged all: what the client says then is dropped,
    and its own code would be a lie."""
    read_on = threading.Event()

    def end_first(connection):
        connection.read_exactly(1)
        connection.finish()
        read_on.wait(20)
        connection.read_all()

    one = session(ScriptedBackend, end_first, settings=f"ws_backend_window 4k; {settings}",
                  client={"timeout": 20}, then=frame(BINARY, b"e" * 60_000), **TINY)
    time.sleep(0.3)
    one.client.send(frame(BINARY, b"late") + frame(CLOSE, close_payload(4000)))
    time.sleep(0.1)
    read_on.set()
    code, _ = one.client.read_close()
    one.connection.wait_ended()
    assert b"late" not in one.connection.received
    assert code != 4000
