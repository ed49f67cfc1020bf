"""RFC 6455, section 7: who ends a session, with which code, and what arrives before."""

import fcntl
import random
import socket
import struct
import termios
import threading
import time

import pytest

from backends import (Backend, EchoBackend, RecordingBackend, ResetBackend, ScriptedBackend,
                      SilentBackend, SpeakFirstBackend)
from gateway import client_tls, wait_until
from raw import BINARY, CLOSE, PING, TEXT, Closed, RawClient, close_payload, frame

PAYLOAD = random.Random(7).randbytes(300000)

# One line for the end of each session.
AN_END = {"log_format": "$status $ws_closed_by $ws_close_code"}

BOTH = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def logged_end(one):
    [line] = one.front.access_log(1)
    return line


def wait_acknowledged(client):
    """Waits until the gateway's kernel has all that was sent."""
    def pending():
        return struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]

    wait_until(lambda: pending() == 0, what="acknowledgements")


def in_background(do, *args):
    """A thread, whose exception is in its list of errors."""
    errors = []

    def run():
        try:
            do(*args)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.errors = errors
    thread.start()
    return thread


class TickerBackend(Backend):
    """Speaks without a pause while it listens, until it has heard the end and said so."""

    def serve(self, connection):
        ended = threading.Event()

        def tick():
            while not ended.is_set():
                connection.send(b"tick " * 2000)

        thread = in_background(tick)
        connection.read_all()
        ended.set()
        thread.join(10)


# --- the client closes


@BOTH
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


@BOTH
@pytest.mark.parametrize("kind", [RecordingBackend, TickerBackend, EchoBackend])
def test_data_and_close_in_one_segment_all_arrive_before_the_fin(session, kind, tls):
    one = session(kind, tls=tls, then=frame(BINARY, PAYLOAD) + frame(CLOSE, close_payload(4000)))
    assert one.client.read_to_close()[1:] == (4000, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD


@BOTH
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


@BOTH
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


@BOTH
def test_end_of_the_backend_waits_for_a_client_that_reads_late(session, tls):
    large = PAYLOAD * 20
    one = session(SpeakFirstBackend, large, close=True, tls=tls, client={"receive_buffer": 4096})
    time.sleep(0.2)
    assert one.client.read_to_close() == (large, 1000, "")
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"


@BOTH
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
    one.client.send(frame(BINARY, PAYLOAD[:40000]) + frame(CLOSE, close_payload(4000)))
    code, reason = one.client.read_close()
    assert code == 1011
    missing = int(reason.split()[0])
    assert one.client.read_end() == "eof"
    one.client.close()
    one.service.resume()
    one.connection.wait_ended()
    assert one.connection.received == PAYLOAD[:40000 - missing]
    assert logged_end(one) == "101 client 1011"


# --- the client vanishes


@BOTH
@pytest.mark.parametrize("how", ["close", "finish", "reset"])
@pytest.mark.parametrize("kind", [RecordingBackend, EchoBackend, TickerBackend])
def test_bytes_of_a_client_that_vanishes_arrive(session, how, kind, tls):
    one = session(kind, tls=tls, parts=AN_END)
    one.connection  # pylint: disable=pointless-statement
    one.client.send(frame(TEXT, b"whole, ") + frame(BINARY, b"and a part", length=1000))
    wait_acknowledged(one.client)
    getattr(one.client, how)()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"whole, and a part"
    assert logged_end(one) == "101 client 1006"
    [line] = one.end_lines()
    assert "[info]" in line and "code 1006" in line


@pytest.mark.parametrize("how", ["close", "reset"])
def test_bytes_of_a_client_that_vanishes_reach_a_backend_that_reads_late(session, how):
    one = session(SilentBackend, settings="ws_close_timeout 100ms;")
    one.client.send(frame(BINARY, PAYLOAD[:50000]))
    wait_acknowledged(one.client)
    getattr(one.client, how)()
    one.front.wait_log("code 1006")
    one.service.resume()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD[:50000]


def test_held_bytes_of_a_client_that_vanishes_outlive_the_close_timeout(session):
    one = session(SilentBackend, settings="ws_backend_window 4k; ws_close_timeout 100ms;",
                  receive_buffer=4096)
    one.client.send(frame(BINARY, PAYLOAD[:50000]))
    wait_acknowledged(one.client)
    one.client.close()
    time.sleep(0.4)
    one.service.resume()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD[:50000]


# --- the end of the gateway's connection to the client


@BOTH
def test_unread_bytes_do_not_destroy_the_close(session, tls):
    one = session(RecordingBackend, tls=tls, settings="ws_close_timeout 2s;")
    flood = frame(BINARY, PAYLOAD) * 10
    thread = in_background(
        one.client.send, frame(BINARY, b"good") + frame(3, b"") + flood)
    thread.join(10)
    assert not thread.is_alive() and not thread.errors, "the rest was not taken"
    assert one.client.read_close()[0] == 1002
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"


@BOTH
def test_backend_that_ends_in_a_flood_of_the_client_is_told_of(session, tls):
    def script(connection):
        connection.read_exactly(100000)
        connection.finish()
        connection.read_all()

    one = session(ScriptedBackend, script, tls=tls)
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            one.client.send(frame(BINARY, PAYLOAD[:10000]))

    if tls:  # no reading beside it: Python's TLS sockets are not made for two threads
        for _ in range(100):
            one.client.send(frame(BINARY, PAYLOAD[:10000]))
        assert one.client.read_close() == (1000, "")
    else:
        thread = in_background(flood)
        assert one.client.read_close() == (1000, "")
        time.sleep(0.1)
        stop.set()
        thread.join()
        assert not thread.errors
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"


def test_flood_does_not_outlast_the_close_timeout(session):
    one = session(RecordingBackend, settings="ws_close_timeout 300ms; lingering_time 1s;"
                  " lingering_timeout 200ms;", parts=AN_END)
    stop = threading.Event()

    def flood():
        one.client.send(frame(3, b""))
        while not stop.is_set():
            one.client.send(PAYLOAD)

    thread = in_background(flood)
    assert one.client.read_close()[0] == 1002
    assert logged_end(one) == "101 gateway 1002"
    stop.set()
    thread.join(10)


@BOTH
def test_client_that_never_answers_a_close_is_left(session, tls):
    one = session(SpeakFirstBackend, b"bye", close=True, tls=tls,
                  settings="ws_close_timeout 300ms;", parts=AN_END)
    assert one.client.read_to_close() == (b"bye", 1000, "")
    began = time.monotonic()
    assert one.client.read_end() == "eof"
    assert time.monotonic() - began > 0.2
    # What it says all the same is no reason for a reset, which could destroy the Close.
    for _ in range(3):
        one.client.send_frame(BINARY, b"too late")
        time.sleep(0.02)
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 backend 1000"


def test_client_that_answers_late_still_has_time(session):
    one = session(SpeakFirstBackend, b"bye", close=True, settings="ws_close_timeout 20s;")
    assert one.client.read_to_close() == (b"bye", 1000, "")
    one.client.nothing_comes(0.3)
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"


@pytest.mark.parametrize("first", ["client", "backend"])
def test_client_that_keeps_its_connection_open_is_left(session, first):
    one = session(RecordingBackend if first == "client" else SpeakFirstBackend,
                  *(() if first == "client" else (b"bye", True)),
                  settings="ws_close_timeout 300ms; lingering_timeout 100ms;", parts=AN_END)
    if first == "client":
        one.client.send_close(4000)
        assert one.client.read_close() == (4000, "")
    else:
        assert one.client.read_data(3) == b"bye"
        assert one.client.read_close() == (1000, "")
        one.client.send_close(1000)
    assert one.client.read_end() == "eof"
    assert logged_end(one) == ("101 client 4000" if first == "client" else "101 backend 1000")


def test_ping_after_a_close_of_ours_is_not_answered(session):
    one = session(SpeakFirstBackend, b"bye", close=True)
    assert one.client.read_data(3) == b"bye"
    assert one.client.read_close() == (1000, "")
    one.client.send_frame(PING, b"too late")
    one.client.nothing_comes(0.05)
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"


# --- closing while output is blocked


@BOTH
def test_close_that_comes_while_output_is_blocked_is_answered(session, tls):
    one = session(TickerBackend, tls=tls, client={"receive_buffer": 4096}, parts=AN_END)
    time.sleep(0.2)
    one.client.send(frame(BINARY, b"the last words") + frame(CLOSE, close_payload(4321)))
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"the last words"
    data, code, _ = one.client.read_to_close()
    assert code == 4321
    assert data == (b"tick " * (len(data) // 5 + 1))[:len(data)]
    assert one.client.read_end() == "eof"
    one.client.close()
    assert logged_end(one) == "101 client 4321"


def test_violation_while_output_is_blocked_is_answered(session):
    one = session(TickerBackend, client={"receive_buffer": 4096})
    time.sleep(0.2)
    one.client.send(frame(BINARY, b"the last words") + frame(BINARY, b"", rsv=7))
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"the last words"
    assert one.client.read_to_close()[1] == 1002
    assert one.client.read_end() == "eof"


def test_client_that_vanishes_while_output_is_blocked_is_noticed(session):
    one = session(TickerBackend, client={"receive_buffer": 4096}, parts=AN_END)
    time.sleep(0.2)
    one.client.send_frame(BINARY, b"the last words")
    wait_acknowledged(one.client)
    one.client.reset()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"the last words"
    assert logged_end(one) == "101 client 1006"


def test_blocked_output_does_not_outlast_the_close_timeout(session):
    one = session(TickerBackend, client={"receive_buffer": 4096}, parts=AN_END,
                  settings="ws_close_timeout 300ms; lingering_timeout 100ms;")
    time.sleep(0.2)
    one.client.send_close(4000)
    assert one.connection.wait_ended() == "eof"
    assert logged_end(one) == "101 client 4000"


@BOTH
def test_many_that_close_at_once_each_get_their_code(session, raw, tls):
    one = session(TickerBackend, tls=tls, settings="ws_close_timeout 30s;", parts=AN_END)
    options = {"tls": client_tls()} if tls else {}
    port = one.front.ssl_port if tls else one.front.port
    count = 20 if tls else 60
    clients = [raw(port, receive_buffer=4096, **options) for _ in range(count)]
    for client in clients:
        client.open("/")
    time.sleep(0.2)  # until their output is blocked
    for number, client in enumerate(clients):
        client.send(frame(BINARY, b"%d" % number) + frame(CLOSE, close_payload(3000 + number)))
    for number, client in enumerate(clients):
        assert client.read_to_close()[1] == 3000 + number
        assert client.read_end() == "eof"
        client.close()
    for number in range(count):
        assert one.service.wait_connection(number + 1).wait_ended() == "eof"
    ends = one.front.access_log(count)
    assert sorted(ends) == [f"101 client {3000 + number}" for number in range(count)]
    heard = sorted(int(c.received) for c in one.service.connections[1:])
    assert heard == list(range(count))


def test_both_may_close_at_once(gateway, backend, raw):
    service = backend(ScriptedBackend,
                      lambda connection: (connection.read_exactly(2), connection.finish(),
                                          connection.read_all()))
    front = gateway(f"location / {{ ws_pass {service.address}; }}", **AN_END)
    clients = [raw(front.port) for _ in range(50)]
    for client in clients:
        client.open("/")
        client.send_frame(BINARY, b"go")
        client.send_close(4000)
    codes = set()
    for client in clients:
        code, reason = client.read_close()
        assert code in (1000, 4000) and not reason
        codes.add(code)
        assert client.read_end() == "eof"
        client.close()
    for number in range(50):
        connection = service.wait_connection(number)
        assert connection.wait_ended() == "eof"
        assert connection.received == b"go"
    assert set(front.access_log(50)) == {
        f"101 {'backend' if code == 1000 else 'client'} {code}" for code in codes}


# --- the access log

ALL = ("$status $ws_closed_by $ws_close_code $ws_frames_in $ws_frames_out $ws_bytes_in"
       " $ws_bytes_out $bytes_sent $upstream_bytes_sent $upstream_bytes_received $upstream_addr"
       " $upstream_connect_time")


class CountingClient(RawClient):
    total = 0

    def _fill(self):
        before = len(self.buffer)
        super()._fill()
        self.total += len(self.buffer) - before


def account(front, client, service):
    """The line of the access log, less what is the same for all."""
    client.close()
    [line] = front.access_log(1)
    status, closed_by, code, *numbers, address, connect_time = line.split()
    assert status == "101"
    assert address == service.address
    assert 0 <= float(connect_time) < 5
    *numbers, bytes_sent, upstream_sent, upstream_received = map(int, numbers)
    assert bytes_sent == client.total
    assert upstream_sent == sum(len(c.received) for c in service.connections)
    return closed_by, int(code), *numbers, upstream_received


@pytest.fixture
def counted(gateway, backend):
    """counted(RecordingBackend): a gateway that logs everything, a backend, a counting client."""
    clients = []

    def start(kind, *args, tls=False, **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; }}", log_format=ALL, tls=tls)
        client = CountingClient(front.ssl_port if tls else front.port,
                                tls=client_tls() if tls else None)
        clients.append(client)
        client.open("/")
        return front, client, service

    yield start
    for client in clients:
        client.close()


@BOTH
def test_log_accounts_for_a_session_that_its_client_closed(counted, tls):
    front, client, service = counted(EchoBackend, tls=tls)
    client.send(frame(TEXT, b"one ", fin=False) + frame(PING, b"?") + frame(0, b"and two"))
    got = [client.read_frame(), client.read_frame()]
    while sum(len(f.payload) for f in got if f.opcode == BINARY) < 11:
        got.append(client.read_frame())
    client.send_close(4000, b"enough")
    assert client.read_close() == (4000, "")
    assert client.read_end() == "eof"
    assert service.wait_connection().wait_ended() == "eof"
    assert account(front, client, service) == ("client", 4000, 4, len(got) + 1, 11, 11, 11)


def test_log_accounts_for_a_session_that_its_backend_closed(counted):
    front, client, service = counted(SpeakFirstBackend, PAYLOAD, close=True)
    frames = 0
    while client.read_frame().opcode != CLOSE:
        frames += 1
    client.send_close(1000)
    assert client.read_end() == "eof"
    assert account(front, client, service) == (
        "backend", 1000, 1, frames + 1, 0, len(PAYLOAD), len(PAYLOAD))


def test_log_accounts_for_a_session_that_broke_a_rule(counted):
    front, client, service = counted(RecordingBackend)
    client.send(frame(BINARY, b"good") + frame(TEXT, b"more\xff") + frame(BINARY, b"late"))
    assert client.read_close()[0] == 1007
    assert service.wait_connection().wait_ended() == "eof"
    assert account(front, client, service) == ("gateway", 1007, 2, 1, 8, 0, 0)


def test_log_accounts_for_a_client_that_vanished(counted):
    front, client, service = counted(RecordingBackend)
    client.send(frame(BINARY, PAYLOAD))
    service.wait_connection().wait_received(len(PAYLOAD))
    assert account(front, client, service) == ("client", 1006, 1, 0, len(PAYLOAD), 0, 0)


def test_log_accounts_for_a_backend_that_was_reset(counted):
    front, client, service = counted(ResetBackend, 4)
    client.send(frame(BINARY, b"kill"))
    assert client.read_close()[0] == 1011
    client.send_close(1011)
    assert client.read_end() == "eof"
    assert account(front, client, service) == ("backend", 1011, 2, 1, 4, 0, 0)


def test_refused_request_has_no_end_in_the_log(gateway, raw):
    front = gateway("location / { ws_pass 127.0.0.1:1; }", log_format=ALL)
    client = raw(front.port)
    assert client.handshake("/").status == 502
    [line] = front.access_log(1)
    assert line.split()[:7] == ["502", *["-"] * 6]
