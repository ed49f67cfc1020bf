"""RFC 6455, section 7: a client that vanishes, floods, reads nothing or stays for ever."""

import itertools
import random
import threading
import time

import pytest

from harness.backends import (EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend,
                              SpeakFirstBackend, TickerBackend)
from harness.endings import AN_END, in_background, logged_end, wait_acknowledged
from harness.flood import MEGABYTE, Flood
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, CLOSE, PING, TEXT, close_payload, frame
from harness.sessions import plain_and_tls

PAYLOAD = random.Random(7).randbytes(300000)

# --- the client vanishes


@plain_and_tls
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


@plain_and_tls
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


@plain_and_tls
def test_client_that_floods_an_ended_session_is_not_listened_to_for_long(session, tls):
    one = session(RecordingBackend, tls=tls, settings="ws_close_timeout 1s;")
    one.client.send(frame(3, b""))
    block = frame(BINARY, PAYLOAD)
    flood = Flood(one.client.send, itertools.repeat(block))
    one.front.wait_log("code 1002")
    wait_until(lambda: not flood.running(), what="the end of the connection")
    assert flood.sent < 64 * MEGABYTE, f"{flood.sent} bytes were taken"


@plain_and_tls
def test_backend_that_ends_in_a_flood_of_the_client_is_told_of(session, tls):
    def script(connection):
        connection.read_exactly(100000)
        connection.finish()
        connection.read_all()

    one = session(ScriptedBackend, script, tls=tls)

    def flood():
        for _ in range(100 if tls else 500):  # less than the 8 MiB that end a connection
            one.client.send(frame(BINARY, PAYLOAD[:10000]))

    if tls:  # no reading beside it: Python's TLS sockets are not made for two threads
        flood()
        assert one.client.read_close() == (1000, "")
    else:
        thread = in_background(flood)
        assert one.client.read_close() == (1000, "")
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


@plain_and_tls
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


@plain_and_tls
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


@plain_and_tls
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
