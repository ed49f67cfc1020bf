"""What a backend says when nobody waits for it any more: it is not swallowed, and ends soon."""

import threading
import time

import pytest

from harness.backends import FloodingBackend, ScriptedBackend
from harness.endings import AN_END, logged_end
from harness.flood import MEGABYTE, noise
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE, close_payload, frame
from harness.sessions import plain_and_tls

networks = pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
SOON = 5  # seconds on a loaded machine, and less than ws_close_timeout

# What is sent here fits into one of them, whoever looks on.
BUFFERS = {"http": "ws_buffer_size 128k;"}

# What sockets and one turn may hold, and what is taken for bytes of the client that still go.
IN_BUFFERS = 24 * MEGABYTE


def begin(one):
    one.client.send_frame(BINARY, b"!")
    assert one.service.begun.wait(10)


def leave(client, how):
    if how == "rule":
        client.send(frame(3, b""))
    elif how == "says close":
        client.send_close(4000)
    else:
        getattr(client, how)()


@networks
@pytest.mark.parametrize("how", ["close", "finish", "reset", "says close", "rule"])
def test_service_that_floods_is_stopped_when_the_client_leaves(session, how, unix):
    one = session(FloodingBackend, unix=unix, parts={**AN_END, **BUFFERS})
    begin(one)
    before = one.service.written
    leave(one.client, how)
    assert one.service.stopped.wait(SOON), f"{one.service.written - before} bytes were swallowed"
    assert one.service.written - before < IN_BUFFERS
    one.client.close()
    code = {"says close": "client 4000", "rule": "gateway 1002"}.get(how, "client 1006")
    assert logged_end(one) == f"101 {code}"


@networks
def test_service_that_floods_and_has_not_got_all_is_read_to_a_bound(session, unix):
    """Who cannot write might not read either, but not for ever."""
    one = session(FloodingBackend, unix=unix, settings="ws_close_timeout 1s;",
                  parts={**AN_END, **BUFFERS},
                  **({} if unix else {"receive_buffer": 4096}))
    begin(one)
    one.client.send(frame(BINARY, bytes(60_000)) + frame(CLOSE, close_payload(4000)))
    before = one.service.written
    assert one.service.stopped.wait(10), f"{one.service.written - before} bytes were swallowed"
    assert one.service.written - before < IN_BUFFERS


@networks
def test_service_that_reads_only_when_it_could_write_gets_all(session, unix):
    """An echo, whose output is dropped as long as that delivers what the client has sent."""
    def echo(connection):
        while data := connection.read(10_000):
            connection.send(data * 3)

    one = session(ScriptedBackend, echo, unix=unix, client={"receive_buffer": 4096},
                  **({} if unix else {"receive_buffer": 4096}))
    data = noise(MEGABYTE)
    thread = threading.Thread(target=one.client.send, args=(
        b"".join(frame(BINARY, data[at:at + 50_000]) for at in range(0, len(data), 50_000)),))
    thread.start()
    thread.join(1)  # stuck: nobody reads
    got = 0
    while thread.is_alive():
        got += len(one.client.read_frame().payload)
    one.client.reset()
    assert one.connection.wait_ended() in ("eof", "reset")
    assert data.startswith(bytes(one.connection.received))


@networks
@pytest.mark.parametrize("how", ["close", "reset"])
def test_place_is_free_when_the_client_has_gone(gateway, backend, raw, how, unix):
    """Although the service ignores that its client has ended."""
    stay = threading.Event()
    service = backend(ScriptedBackend, lambda connection: (connection.read_all(), stay.wait(30)),
                      unix=unix)
    front = gateway(f"location / {{ ws_pass {service.address}; limit_conn places 1; }}",
                    http="limit_conn_zone $binary_remote_addr zone=places:1m;")
    first = raw(front.port)
    first.open("/")
    first.send_frame(BINARY, b"to be delivered")
    service.wait_connection().wait_received(15)
    assert raw(front.port).handshake("/").status == 503
    began = time.monotonic()
    getattr(first, how)()

    def is_free():
        with raw(front.port) as next_one:
            return next_one.handshake("/").status == 101

    wait_until(is_free, what="the place")
    assert time.monotonic() - began < SOON
    stay.set()


@plain_and_tls
def test_service_may_say_a_farewell(session, tls):
    """What it says behind our FIN is no reason for a reset, as long as the client is there."""
    said = []

    def serve(connection):
        connection.read_all()
        time.sleep(0.1)
        connection.send(b"221 bye" * 100_000)
        time.sleep(0.1)
        connection.send(b"really")
        said.append(connection.sock.getsockopt(1, 4))  # SOL_SOCKET, SO_ERROR
        connection.finish()

    one = session(ScriptedBackend, serve, tls=tls)
    one.client.send_close(1000)
    assert one.client.read_close() == (1000, "")
    wait_until(lambda: said, what="the farewell")
    assert said == [0]
    assert one.connection.wait_ended() == "eof"


def test_many_that_leave_together_are_all_stopped(session, raw):
    one = session(FloodingBackend)
    clients = [one.client] + [raw(one.front.port, receive_buffer=4096) for _ in range(29)]
    for client in clients[1:]:
        client.open("/")
    for number, client in enumerate(clients):
        client.send_frame(BINARY, b"!")
        one.service.wait_connection(number).wait_received(1)
    before = one.service.written
    for client in clients:
        client.reset()
    wait_until(lambda: all(c.ended for c in one.service.connections), SOON, "the end of all")
    assert one.service.written - before < len(clients) * IN_BUFFERS
