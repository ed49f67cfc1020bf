"""What comes behind a FIN: bytes that nobody takes, a reset that takes all back, or an answer that
is still waited for."""

import os
import socket
import threading
import time

import pytest

from harness.backends import ScriptedBackend
from harness.endings import AN_END, logged_end, wait_acknowledged
from harness.gateway import BUILT, wait_until
from harness.processes import stopped
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame
from harness.sessions import plain_and_tls
from harness.tcp_info import bytes_received

TINY = {"receive_buffer": 4096}
networks = pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
# Where events are levels nginx hears nothing more of a connection whose end it has read.
methods = pytest.mark.parametrize("method", ["epoll"] + [
    method for method in ("poll", "select") if f"--with-{method}_module" in BUILT])
SOON = 5  # seconds on a loaded machine, and less than ws_close_timeout


def dies(after):
    """A backend that ends, and then is gone with bytes of the client unread."""
    go = threading.Event()

    def serve(connection):
        connection.read_exactly(1)
        connection.send(after)
        connection.finish()
        go.wait(20)
        connection.reset()

    serve.go = go
    return serve


# --- a pong for lost bytes


@pytest.mark.parametrize("settings", ["", "ws_deflate on;", "ws_framing line;",
                                      "ws_framing length u16;"],
                         ids=["stream", "deflate", "line", "length"])
def test_ping_behind_bytes_that_were_dropped_is_not_answered(session, settings):
    """The backend has ended, and what it has not acknowledged by then is waited for."""
    read_on = threading.Event()

    def serve(connection):
        connection.read_exactly(1)
        connection.finish()
        read_on.wait(20)
        connection.read_all()

    one = session(ScriptedBackend, serve, settings=settings, client={"timeout": 20},
                  then=frame(BINARY, b"e" * 14_000), **TINY)
    time.sleep(0.3)
    one.client.send_frame(PING, b"fair")
    one.client.nothing_comes(0.1)
    one.client.send_frame(BINARY, b"late")
    for turn in range(3):
        one.client.nothing_comes(0.05)
        one.client.send_frame(PING, b"no %d" % turn)
    one.client.nothing_comes(0.1)
    read_on.set()
    got = one.client.read_frame()
    if got.opcode == PONG:
        assert got.payload == b"fair"
        got = one.client.read_frame()
    assert got.opcode == CLOSE
    one.connection.wait_ended()
    assert b"late" not in one.connection.received


# --- a reset behind a FIN


@methods
@plain_and_tls
def test_reset_behind_a_fin_is_told_at_once(session, tls, method):
    """As of a service that says ERROR and closes while the client writes."""
    serve = dies(b"ERROR")
    one = session(ScriptedBackend, serve, tls=tls, parts=dict(AN_END, events=f"use {method};"),
                  then=frame(BINARY, b"!" * 60_000), **TINY)
    assert one.client.read_data(5) == b"ERROR"
    one.client.nothing_comes(0.2)
    undelivered = 60_000 - bytes_received(one.connection.sock)
    began = time.monotonic()
    serve.go.set()
    code, reason = one.client.read_close()
    assert time.monotonic() - began < SOON
    assert (code, reason) == (1011, f"{undelivered} bytes undelivered, backend connection was reset")
    one.client.close()
    assert logged_end(one) == "101 backend 1011"


def test_bytes_that_a_closed_service_refuses_are_counted_to_the_last(session):
    """It has read all, says its word and closes; what crosses that is refused by its kernel."""
    closed = threading.Event()

    def serve(connection):
        connection.read_exactly(4)
        connection.send(b"ERROR")
        connection.sock.close()
        closed.set()

    one = session(ScriptedBackend, serve, settings="ws_half_close on;")
    one.client.send_frame(BINARY, b"HELO")
    assert one.client.read_data(5) == b"ERROR"
    assert closed.wait(10)
    one.client.send_frame(BINARY, bytes(20))
    began = time.monotonic()
    assert one.client.read_close() == (
        1011, "20 bytes undelivered, backend connection was reset")
    assert time.monotonic() - began < SOON


@methods
@networks
def test_reset_ends_a_half_closed_session_in_which_nothing_moves(session, unix, method):
    serve = dies(b"bye")
    one = session(ScriptedBackend, serve, unix=unix, settings="ws_half_close on;",
                  parts=dict(AN_END, events=f"use {method};"), then=frame(BINARY, b"!"))
    assert one.client.read_data(3) == b"bye"
    one.client.nothing_comes(0.3)
    serve.go.set()
    assert one.client.read_close() == (1011, "backend connection was reset")
    one.client.send_close(1011)
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 backend 1011"


def test_reset_right_behind_a_fin_is_no_clean_end(session):
    """Both may be there before either is read."""
    die, ended = threading.Event(), threading.Event()

    def serve(connection):
        connection.read_exactly(1)
        die.wait(20)
        connection.finish()
        connection.sock.close()  # with bytes unread: a reset
        ended.set()

    one = session(ScriptedBackend, serve, then=frame(BINARY, b"!" * 100))
    wait_until(lambda: bytes_received(one.connection.sock) == 100, what="bytes")
    [worker] = one.front.workers()
    with stopped(worker):
        die.set()
        assert ended.wait(20)
    assert one.client.read_close() == (1011, "backend connection was reset")


def test_reset_behind_the_fin_of_a_client_is_the_end_of_a_half_closed_session(session):
    done = threading.Event()

    def serve(connection):
        connection.read_all()
        connection.send(b"unread by the client")
        done.wait(20)

    one = session(ScriptedBackend, serve, settings="ws_half_close on;", parts=AN_END)
    one.client.send(frame(BINARY, b"a question") + frame(CLOSE, close_payload(4000)))
    one.client.finish()
    one.connection.wait_ended()
    time.sleep(0.2)
    one.client.close()  # with bytes unread: a reset
    assert logged_end(one) == "101 client 1006"
    done.set()


# --- a Close and then a FIN


def finish(client):
    """A FIN, of TLS too, whose Python sockets would forget how to read."""
    with socket.socket(fileno=os.dup(client.sock.fileno())) as same:
        same.shutdown(socket.SHUT_WR)


@plain_and_tls
@pytest.mark.parametrize("then", [frame(CLOSE, close_payload(4000)), frame(3, b"")],
                         ids=["close", "violation"])
def test_who_ends_behind_its_last_frame_gets_the_answer(session, then, tls):
    one = session(ScriptedBackend, lambda connection: connection.read_all(), tls=tls,
                  parts=AN_END)
    one.client.send(frame(BINARY, b"all of it") + then)
    finish(one.client)
    code, _ = one.client.read_close()
    assert code in (4000, 1002)
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"all of it"
    assert logged_end(one) == ("101 client 4000" if code == 4000 else "101 gateway 1002")


def test_answer_behind_a_fin_waits_for_the_backend(session):
    read_on = threading.Event()

    def serve(connection):
        read_on.wait(20)
        connection.read_all()

    one = session(ScriptedBackend, serve, **TINY)
    one.client.send(frame(BINARY, bytes(30_000)) + frame(CLOSE, close_payload(4000)))
    finish(one.client)
    one.client.nothing_comes(0.3)
    read_on.set()
    assert one.client.read_close() == (4000, "")
    assert one.client.read_end() == "eof"


def test_half_closed_client_that_ended_hears_the_rest(session):
    def serve(connection):
        connection.read_all()
        time.sleep(0.3)
        connection.send(b"x" * 300_000)

    one = session(ScriptedBackend, serve, settings="ws_half_close on;", parts=AN_END)
    one.client.send(frame(BINARY, b"a question") + frame(CLOSE, close_payload(4000)))
    finish(one.client)
    data, code, _ = one.client.read_to_close()
    assert (len(data), code) == (300_000, 4000)
    assert one.client.read_end() == "eof"
    assert logged_end(one) == "101 client 4000"


@plain_and_tls
def test_fin_without_a_close_is_a_lost_connection(session, tls):
    one = session(ScriptedBackend, lambda connection: connection.read_all(), tls=tls, parts=AN_END)
    one.client.send_frame(BINARY, b"all of it")
    wait_acknowledged(one.client)
    finish(one.client)
    assert one.connection.wait_ended() == "eof"
    assert logged_end(one) == "101 client 1006"
