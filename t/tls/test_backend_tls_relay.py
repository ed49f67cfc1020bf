"""ws_ssl: what goes over TLS to the backend arrives whole, both ways, to its end."""

import socket
import threading
import time

import pytest

from harness.backends import ScriptedBackend
from harness.flood import MEGABYTE, Flood, Reader, digest, frames, noise
from harness.gateway import wait_until
from harness.pki import server_tls
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame
from harness.tls_backend import (TlsBackend, TlsEchoBackend, TlsRecordingBackend, TlsSilentBackend,
                                 opened)


class TlsScriptedBackend(TlsBackend, ScriptedBackend):
    pass


def rest_below(connection):
    """What comes on the backend's socket after the records it has read: nothing, then the FIN."""
    connection.below.settimeout(10)
    return connection.below.recv(100)


BUFFERS = pytest.mark.parametrize("size", ["4k", "64k", "1m"])


@BUFFERS
def test_client_flood_waits_and_arrives_whole(gateway, backend, raw, size):
    service = backend(TlsSilentBackend, tls=server_tls())
    front, client = opened(gateway, raw, service, http=f"ws_buffer_size {size};",
                           client={"timeout": 60})
    base = front.memory()
    data = noise(10 * MEGABYTE)
    flood = Flood(client.send, frames(data))
    flood.wait_stalled()
    assert front.memory() < base + 8 * MEGABYTE
    service.resume()
    flood.wait_done()
    assert digest(service.connections[0].wait_received(len(data), 30)) == digest(data)


@BUFFERS
def test_backend_flood_waits_and_arrives_whole(gateway, backend, raw, size):
    data = noise(10 * MEGABYTE)
    done = threading.Event()

    def speak(connection):
        connection.send(data)
        done.set()
        connection.read_all()

    service = backend(TlsScriptedBackend, speak, tls=server_tls())
    front, client = opened(gateway, raw, service, http=f"ws_buffer_size {size};",
                           client={"receive_buffer": 16384})
    base = front.memory()
    assert not done.wait(0.5)
    assert front.memory() < base + 8 * MEGABYTE
    assert digest(client.read_data(len(data))) == digest(data)


@BUFFERS
def test_both_ways_at_once(gateway, backend, raw, size):
    front, client = opened(gateway, raw, backend(TlsEchoBackend, tls=server_tls()),
                           http=f"ws_buffer_size {size};", client={"timeout": 60},
                           log_format="$ws_bytes_in $ws_bytes_out $ws_undelivered_backend")
    data = noise(8 * MEGABYTE)
    reader = Reader(client)
    Flood(client.send, frames(data, 70_000)).wait_done()
    assert digest(reader.wait_payload(len(data))) == digest(data)
    client.send_close(1000)
    assert reader.wait_end() == "eof"
    client.close()
    assert front.access_log(1) == [f"{len(data)} {len(data)} 0"]


def test_every_small_size_arrives(gateway, backend, raw):
    _, client = opened(gateway, raw, backend(TlsEchoBackend, tls=server_tls()))
    for size in (0, 1, 125, 126, 127, 16383, 16384, 16385, 65535, 65536):
        data = noise(size)
        client.send_frame(BINARY, data)
        assert client.read_data(size) == data


def test_frames_before_and_behind_the_handshake_arrive(gateway, backend, raw):
    service = backend(TlsRecordingBackend, tls=server_tls())
    front = gateway(f"location / {{ ws_pass {service.address}; ws_ssl on; }}")
    client = raw(front.port)
    client.open("/", then=frame(BINARY, b"early, "))
    client.send_frame(BINARY, b"late")
    assert service.wait_connection().wait_received(11) == b"early, late"


def test_backend_that_speaks_first_is_heard(gateway, backend, raw):
    def greet(connection):
        connection.send(b"220 welcome")
        connection.read_all()

    _, client = opened(gateway, raw, backend(TlsScriptedBackend, greet, tls=server_tls()))
    assert client.read_data(11) == b"220 welcome"


# --- the client ends

def test_clients_close_is_a_receipt_and_ends_the_backends_stream_in_order(gateway, backend, raw):
    below = []

    def listen(connection):
        connection.read_all()  # to the close_notify
        below.append(rest_below(connection))

    service = backend(TlsScriptedBackend, listen, tls=server_tls())
    front, client = opened(gateway, raw, service, log_format=(
        "$ws_closed_by $ws_close_code $ws_bytes_in $ws_undelivered_backend"))
    data = noise(3 * MEGABYTE)
    for one in frames(data):
        client.send(one)
    client.send_close(4001, b"done")
    assert client.read_close() == (4001, "")
    assert client.read_end() == "eof"
    connection = service.wait_connection()
    assert connection.wait_ended() == "eof"
    assert digest(bytes(connection.received)) == digest(data)
    client.close()
    assert front.access_log(1) == [f"client 4001 {len(data)} 0"]
    wait_until(lambda: below == [b""], what="the FIN behind the close_notify")


def test_close_notify_waits_for_room_behind_the_data(gateway, backend, raw):
    """Whatever size it is that leaves the kernel's buffer full without being held."""
    service = backend(TlsSilentBackend, tls=server_tls(), receive_buffer=4096)
    front, client = opened(gateway, raw, service)
    clients = [client] + [raw(front.port) for _ in range(119)]
    for number, client in enumerate(clients):
        if number:
            client.open("/")
        client.send(frame(BINARY, bytes(100_000 + 400 * number)))
        client.send_close(4000 + number)
    time.sleep(0.3)
    service.resume()
    for number, client in enumerate(clients):
        assert client.read_close() == (4000 + number, "")
        assert client.read_end() == "eof"
    for number in range(len(clients)):
        connection = service.wait_connection(number)
        assert connection.wait_ended() == "eof"


def test_close_that_cannot_be_delivered_counts_no_more_than_was_sent(gateway, backend, raw):
    service = backend(TlsSilentBackend, tls=server_tls(), receive_buffer=4096)
    front, client = opened(gateway, raw, service, "ws_close_timeout 500ms;",
                           log_format="$ws_close_code $ws_bytes_in $ws_undelivered_backend")
    # In one segment, which on loopback is up to 32 KiB of the first: behind data that is not read
    # the Close would not be seen.
    client.send(frame(BINARY, noise(30_000)) + frame(CLOSE, close_payload(1000)))
    code, reason = client.read_close()
    assert code == 1011
    client.close()
    code, taken, lost = map(int, front.access_log(1)[0].split())
    assert (code, taken) == (1011, 30_000)
    assert 0 < lost <= taken
    assert reason == f"{lost} bytes undelivered, not acknowledged by the backend"


def test_nothing_sent_is_nothing_undelivered(gateway, backend, raw):
    # The handshake's own bytes are none of the session's.
    service = backend(TlsSilentBackend, tls=server_tls())
    front, client = opened(gateway, raw, service, "ws_close_timeout 300ms;",
                           log_format="$ws_close_code $ws_undelivered_backend")
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    client.close()
    assert front.access_log(1) == ["1000 0"]


def test_ping_is_answered_once_the_backend_has_what_came_before(gateway, backend, raw):
    _, client = opened(gateway, raw, backend(TlsRecordingBackend, tls=server_tls()))
    for number in range(20):
        client.send_frame(BINARY, noise(5000))
        client.send_frame(PING, b"%d" % number)
        got = client.read_frame()
        assert (got.opcode, got.payload) == (PONG, b"%d" % number)


def test_client_that_vanishes_leaves_a_clean_end(gateway, backend, raw):
    service = backend(TlsRecordingBackend, tls=server_tls())
    _, client = opened(gateway, raw, service)
    client.send_frame(BINARY, b"last words")
    service.wait_connection().wait_received(10)
    client.close()
    assert service.wait_connection().wait_ended() == "eof"
    assert service.wait_connection().received == b"last words"


# --- half-close

def test_half_closed_session_still_hears_the_backend(gateway, backend, raw):
    data = noise(2 * MEGABYTE)
    below = []

    def answer_late(connection):
        connection.read_all()
        below.append(rest_below(connection))
        for at in range(0, len(data), 50_000):
            connection.send(data[at:at + 50_000])
        connection.sock.unwrap()

    service = backend(TlsScriptedBackend, answer_late, tls=server_tls())
    _, client = opened(gateway, raw, service, "ws_half_close on;")
    client.send_frame(BINARY, b"question")
    client.send_close(1000)
    got, code, reason = client.read_to_close()
    assert digest(got) == digest(data)
    assert (code, reason) == (1000, "")
    assert service.connections[0].wait_received(8) == b"question"
    assert below == [b""]


# --- the backend ends

def ends_with(how, data):
    def speak(connection):
        connection.send(data)
        if how == "close_notify":
            try:
                connection.sock.unwrap()  # and wait for the other's
            except OSError:
                pass
        elif how == "fin":
            connection.below.shutdown(socket.SHUT_WR)
            connection.read_all()
        elif how == "half":  # the close_notify only, and no FIN
            connection.sock.settimeout(0.01)
            try:
                connection.sock.unwrap()
            except OSError:
                pass
            connection.below.settimeout(10)
            while connection.below.recv(4096):
                pass

    return speak


@pytest.mark.parametrize("how", ["close_notify", "fin", "half"])
def test_backends_end_comes_after_all_its_bytes(gateway, backend, raw, how):
    data = noise(MEGABYTE)
    service = backend(TlsScriptedBackend, ends_with(how, data), tls=server_tls())
    front, client = opened(gateway, raw, service, log_format="$ws_closed_by $ws_close_code")
    got, code, reason = client.read_to_close()
    assert digest(got) == digest(data)
    assert (code, reason) == (1000, "")
    client.send_close(1000)
    assert client.read_end() == "eof"
    client.close()
    assert front.access_log(1) == ["backend 1000"]


def test_reset_of_the_backend_is_1011(gateway, backend, raw):
    def reset(connection):
        connection.read_exactly(4)
        connection.below.close()
        connection.reset()

    service = backend(TlsScriptedBackend, reset, tls=server_tls())
    _, client = opened(gateway, raw, service)
    client.send_frame(BINARY, b"kill")
    assert client.read_close()[0] == 1011


def test_bytes_that_are_no_record_are_no_clean_end(gateway, backend, raw):
    def garble(connection):
        connection.send(b"good")
        connection.below.sendall(b"this is no record of TLS at all")
        connection.below.settimeout(10)
        while connection.below.recv(4096):
            pass

    service = backend(TlsScriptedBackend, garble, tls=server_tls())
    front, client = opened(gateway, raw, service)
    front.allow(r"\[crit\].*SSL_read")
    got, code, _ = client.read_to_close()
    assert got == b"good"
    assert code == 1011


def test_backend_that_ends_without_a_goodbye_has_all_bytes_of_a_clean_close(gateway, backend, raw):
    """It closes its connection once it has read the gateway's close_notify, and answers none."""
    service = backend(TlsEchoBackend, tls=server_tls())
    front, client = opened(gateway, raw, service)
    for number in range(30):
        if number:
            client = raw(front.port)
            client.open("/")
        client.send(frame(BINARY, b"the last words") + frame(PING, b"there?"))
        assert {client.read_frame().payload, client.read_frame().payload} == {
            b"the last words", b"there?"}
        client.send_close(4000 + number)
        assert client.read_close() == (4000 + number, "")
