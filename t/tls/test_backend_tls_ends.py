"""ws_ssl: a backend behind TLS that talks on when nobody listens, or is reset behind its end."""

import threading

import pytest

from harness.backends import FloodingBackend, ScriptedBackend
from harness.pki import server_tls
from harness.raw import BINARY, CLOSE, close_payload, frame
from harness.tcp_info import bytes_received
from harness.tls_backend import TlsBackend, opened

SOON = 5  # seconds on a loaded machine, and less than ws_close_timeout


class TlsFloodingBackend(TlsBackend, FloodingBackend):
    pass


class TlsScriptedBackend(TlsBackend, ScriptedBackend):
    pass


@pytest.mark.parametrize("how", ["reset", "says close"])
def test_flood_is_stopped_when_the_client_leaves(gateway, backend, raw, how):
    service = backend(TlsFloodingBackend, tls=server_tls())
    front, client = opened(gateway, raw, service, log_format="$ws_closed_by $ws_close_code")
    client.send_frame(BINARY, b"!")
    assert service.begun.wait(10)
    if how == "reset":
        client.reset()
    else:
        client.send_close(4000)
    assert service.stopped.wait(SOON), "the flood is swallowed"
    client.close()
    assert front.access_log(1) == ["client 1006" if how == "reset" else "client 4000"]


def test_last_bytes_arrive_before_the_reset(gateway, backend, raw):
    """What the backend's TCP has acknowledged is there to be read, with its close_notify."""
    heard = []

    def serve(connection):
        thread = threading.Thread(target=flood, args=(connection,))
        thread.start()
        while data := connection.read():
            heard.append(data)
        thread.join()

    def flood(connection):
        try:
            while True:
                connection.below.getpeername()
                connection.send(b"x" * 16_000)
        except OSError:
            pass

    service = backend(TlsScriptedBackend, serve, tls=server_tls())
    _, client = opened(gateway, raw, service)
    client.send(frame(BINARY, b"the last words") + frame(CLOSE, close_payload(4000)))
    assert client.read_to_close()[1:] == (4000, "")
    service.wait_connection().wait_ended()
    assert b"".join(heard) == b"the last words"


def test_reset_behind_a_close_notify_is_told_at_once(gateway, backend, raw):
    die = threading.Event()

    def serve(connection):
        connection.read_exactly(1)
        connection.sock.setblocking(False)
        try:
            connection.sock.unwrap()  # sends a close_notify, and does not wait for the answer
        except OSError:
            pass
        die.wait(20)
        connection.sock = connection.below
        connection.reset()

    service = backend(TlsScriptedBackend, serve, tls=server_tls(), receive_buffer=4096)
    _, client = opened(gateway, raw, service)
    client.send(frame(BINARY, b"!") + frame(BINARY, bytes(60_000)))
    client.nothing_comes(0.3)
    received = bytes_received(service.wait_connection().below)
    assert received < 60_000
    die.set()
    code, reason = client.read_close()
    assert code == 1011
    assert reason.endswith("bytes undelivered, backend connection was reset")
