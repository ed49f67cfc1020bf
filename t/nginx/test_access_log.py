"""RFC 6455, section 7: the line of the access log that a session leaves."""

import random

import pytest

from harness.backends import EchoBackend, RecordingBackend, ResetBackend, SpeakFirstBackend
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, CLOSE, PING, TEXT, RawClient, frame
from harness.sessions import plain_and_tls

PAYLOAD = random.Random(7).randbytes(300000)

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
    wait_until(lambda: sum(len(c.received) for c in service.connections) == upstream_sent,
               what="what was sent to the service")
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


@plain_and_tls
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
