"""RFC 6455, section 7: who ends a session, with which code, and what arrives before."""

import random
import socket
import threading
import time

import pytest

from harness.backends import (EchoBackend, RecordingBackend, ResetBackend, ScriptedBackend,
                      SilentBackend, SpeakFirstBackend, TickerBackend)
from harness.endings import AN_END, in_background, logged_end, wait_acknowledged
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE, PING, TEXT, close_payload, frame
from harness.sessions import plain_and_tls

PAYLOAD = random.Random(7).randbytes(300000)

# --- the client closes


@plain_and_tls
@pytest.mark.parametrize("code", [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
])
def test_close_is_answered_with_its_code(session, code, tls):
    one = session(RecordingBackend, tls=tls, parts=AN_END)
    one.client.send_frame(BINARY, b"all of it")
    one.client.send_close(code, "weil grün".encode())
    assert one.client.read_close() == (code, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"all of it"
    one.client.close()
    assert logged_end(one) == f"101 client {code}"
    [line] = one.end_lines()
    assert "[info]" in line and "client closed" in line and f"code {code}" in line


def test_empty_close_is_answered_with_an_empty_one(session):
    one = session(RecordingBackend, parts=AN_END)
    one.client.send_close()
    assert one.client.read_close() == (None, "")
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 client 1005"


def test_close_with_the_longest_reason_is_answered(session):
    one = session(RecordingBackend)
    one.client.send_close(4001, b"r" * 123)
    assert one.client.read_close() == (4001, "")


@pytest.mark.parametrize("payload, answer", [
    (b"\x03", 1002),
    *((close_payload(code), 1002) for code in (
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535)),
    (close_payload(1000, b"\xff"), 1007),
    (close_payload(1000, b"cut \xe2\x82"), 1007),
])
def test_rejects_a_bad_close(session, payload, answer):
    one = session(RecordingBackend, parts=AN_END)
    one.client.send(frame(BINARY, b"good") + frame(CLOSE, payload))
    code, reason = one.client.read_close()
    assert (code, bool(reason)) == (answer, True)
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"
    one.client.close()
    assert logged_end(one) == f"101 gateway {answer}"


def test_nothing_counts_after_a_close(session):
    one = session(EchoBackend)
    one.client.send(frame(CLOSE, close_payload(4000)) + frame(BINARY, b"too late")
                    + frame(PING, b"too late") + frame(CLOSE, close_payload(4001)) + b"\xff" * 100)
    assert one.client.read_close() == (4000, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b""


@plain_and_tls
@pytest.mark.parametrize("kind", [RecordingBackend, TickerBackend, EchoBackend])
def test_data_and_close_in_one_segment_all_arrive_before_the_fin(session, kind, tls):
    one = session(kind, tls=tls, then=frame(BINARY, PAYLOAD) + frame(CLOSE, close_payload(4000)))
    assert one.client.read_to_close()[1:] == (4000, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD


@plain_and_tls
def test_close_waits_for_a_backend_that_reads_late(session, tls):
    large = PAYLOAD * 40
    one = session(SilentBackend, tls=tls)
    thread = in_background(
        one.client.send, frame(BINARY, large) + frame(CLOSE, close_payload(4000)))
    # More than all sockets on the way hold: the Close is not seen before the backend reads.
    time.sleep(0.2)
    assert not one.log_lines()
    one.service.resume()
    thread.join(20)
    assert one.client.read_close() == (4000, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == large
    assert not thread.errors


@pytest.mark.parametrize("how", ["close", "finish", "reset"])
def test_client_may_leave_right_behind_its_close(session, how):
    one = session(RecordingBackend, parts=AN_END)
    one.client.send(frame(BINARY, PAYLOAD[:60000]) + frame(CLOSE, close_payload(4000)))
    wait_acknowledged(one.client)
    getattr(one.client, how)()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD[:60000]
    assert logged_end(one) == "101 client 4000"


def test_backend_that_ignores_the_end_is_left(session):
    stay = threading.Event()
    one = session(ScriptedBackend, lambda connection: (connection.read_all(), stay.wait(10)),
                  settings="ws_close_timeout 300ms;", parts=AN_END)
    one.client.send_close(4000)
    assert one.client.read_close() == (4000, "")
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 client 4000"
    stay.set()


# --- the backend closes


@plain_and_tls
@pytest.mark.parametrize("size", [0, 1, 300000])
def test_end_of_the_backend_comes_after_all_its_bytes(session, size, tls):
    def speak(connection):
        connection.read_exactly(2)
        connection.send(PAYLOAD[:size])

    one = session(ScriptedBackend, speak, tls=tls, parts=AN_END)
    one.client.send_frame(TEXT, b"go")
    assert one.client.read_to_close() == (PAYLOAD[:size], 1000, "")
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 backend 1000"
    [line] = one.end_lines()
    assert "[info]" in line and "backend closed" in line and "code 1000" in line


@plain_and_tls
def test_end_of_the_backend_waits_for_a_client_that_reads_late(session, tls):
    large = PAYLOAD * 20
    one = session(SpeakFirstBackend, large, close=True, tls=tls, client={"receive_buffer": 4096})
    time.sleep(0.2)
    assert one.client.read_to_close() == (large, 1000, "")
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"


@plain_and_tls
def test_reset_of_the_backend_is_1011(session, tls):
    def speak(connection):
        connection.send(b"before")
        connection.read_exactly(2)
        connection.reset()

    one = session(ScriptedBackend, speak, tls=tls, parts=AN_END)
    assert one.client.read_data(6) == b"before"
    one.client.send_frame(TEXT, b"go")
    code, reason = one.client.read_close()
    assert (code, bool(reason)) == (1011, True)
    one.client.send_close(1011)
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 backend 1011"
    [line] = one.end_lines()
    assert "[info]" in line and reason in line and "code 1011" in line


def test_what_a_backend_said_before_its_reset_arrives(session):
    def speak(connection):
        connection.send(PAYLOAD[:30000])
        connection.read_exactly(2)
        connection.send(PAYLOAD[30000:60000])
        wait_acknowledged(connection)
        connection.reset()

    one = session(ScriptedBackend, speak)
    assert one.client.read_data(30000) == PAYLOAD[:30000]
    one.client.send_frame(TEXT, b"go")
    data, code, _ = one.client.read_to_close()
    assert (data, code) == (PAYLOAD[30000:60000], 1011)


def test_backend_that_resets_while_the_client_sends_is_1011(session):
    one = session(ResetBackend, 1000)
    thread = in_background(one.client.send, frame(BINARY, PAYLOAD) * 20)
    assert one.client.read_close()[0] == 1011
    thread.join(10)
    assert not thread.is_alive() and not thread.errors
    one.client.send_close(1011)
    assert one.client.read_end() == "eof"


def test_backend_that_closes_with_bytes_unread_is_1011(session):
    def script(connection):
        connection.read_exactly(1000)
        wait_until(lambda: connection.sock.recv(1, socket.MSG_PEEK), what="bytes to leave unread")
        connection.sock.close()  # not by a FIN: the kernel sends a reset at once

    one = session(ScriptedBackend, script)
    in_background(one.client.send, frame(BINARY, PAYLOAD) * 20)
    assert one.client.read_close()[0] == 1011


def test_backend_that_resets_with_bytes_on_their_way_names_them(session):
    # The Close is read together with bytes for which there is no room behind them.
    reset = threading.Event()

    def script(connection):
        reset.wait(10)
        connection.reset()

    one = session(ScriptedBackend, script, settings="ws_backend_window 4k;", receive_buffer=4096)
    one.client.send(frame(BINARY, PAYLOAD[:40000]) + frame(CLOSE, close_payload(4000)))
    one.client.nothing_comes(0.2)
    reset.set()
    code, reason = one.client.read_close()
    assert code == 1011
    assert 0 < int(reason.split()[0]) < 40000
    assert one.client.read_end() == "eof"


def test_bytes_that_miss_the_close_timeout_are_named(session):
    one = session(SilentBackend, settings="ws_backend_window 4k; ws_close_timeout 300ms;",
                  receive_buffer=4096, parts=AN_END)
    # In one segment, which on loopback is up to 32 KiB of the first: behind data that is not read
    # the Close would not be seen.
    one.client.send(frame(BINARY, PAYLOAD[:30000]) + frame(CLOSE, close_payload(4000)))
    code, reason = one.client.read_close()
    assert code == 1011
    missing = int(reason.split()[0])
    assert one.client.read_end() == "eof"
    one.client.close()
    one.service.resume()
    one.connection.wait_ended()
    assert one.connection.received == PAYLOAD[:30000 - missing]
    assert logged_end(one) == "101 client 1011"
