"""Bytes that have arrived and that the backend never gets: its stream must not look whole."""

import threading

import pytest

from harness.backends import ScriptedBackend
from harness.deflate_client import RSV1, DeflateClient, Deflater
from harness.endings import in_background
from harness.flood import MEGABYTE
from harness.gateway import wait_until
from harness.raw import BINARY, CONTINUATION, TEXT, frame

LOG = "$ws_closed_by $ws_close_code $ws_undelivered_backend"
NO_TEXT = (1011, "backend sent bytes that are not UTF-8")
WORDS = (bytes(range(65, 91)) + b"\n") * 40_000  # more than all buffers hold


def takes_some(then):
    """A backend that takes a little, does something, and reads on."""
    def serve(connection):
        connection.read_exactly(300_000)
        then(connection)
        connection.read_all()

    return serve


def says_no_text(connection):
    connection.send(b"\xff")


def opened(gateway, backend, serve, settings):
    service = backend(ScriptedBackend, serve, receive_buffer=65536)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_frame_type text; {settings} }}",
                    log_format=LOG)
    client = DeflateClient(front.port)
    client.open()
    return service, front, client


@pytest.mark.parametrize("settings, message", [
    ("ws_deflate on;", frame(BINARY, Deflater()(WORDS * 20), rsv=RSV1)),
    ("", frame(BINARY, WORDS * 20)),
    ("ws_framing line split;", frame(BINARY, WORDS * 20)),
], ids=["deflate", "stream", "line"])
def test_stream_that_the_gateway_cuts_ends_in_a_reset(gateway, backend, settings, message):
    service, front, client = opened(gateway, backend, takes_some(says_no_text), settings)
    with client:
        thread = in_background(client.send, message)
        assert client.read_close() == NO_TEXT
        connection = service.wait_connection()
        assert connection.wait_ended() == "reset"
        assert len(connection.received) < 20 * len(WORDS)
        client.reset()
        thread.join(10)
    by, code, undelivered = front.access_log(1)[0].split()
    assert (by, code) == ("gateway", "1011")
    assert int(undelivered) > 0


def test_held_message_that_the_gateway_gives_up_ends_in_a_reset(gateway, backend):
    say = threading.Event()

    def serve(connection):
        say.wait(10)
        connection.send(b"\0\0\0\1\xff")
        connection.read_all()

    service, front, client = opened(gateway, backend, serve, "ws_framing length u32;")
    with client:
        client.send_frame(BINARY, b"not whole", fin=False)
        client.send_frame(9, b"is it there")
        say.set()
        wait_until(lambda: client.read_frame().opcode == 8, what="the Close")
        assert service.wait_connection().wait_ended() == "reset"
    assert front.access_log(1) == ["gateway 1011 9"]


def test_held_message_of_a_client_that_vanishes_ends_in_a_reset(gateway, backend):
    service, front, client = opened(gateway, backend, lambda connection: connection.read_all(),
                                    "ws_framing length u32;")
    with client:
        client.send(frame(TEXT, b"whole") + frame(BINARY, b"not ", fin=False)
                    + frame(CONTINUATION, b"whole", fin=False))
    connection = service.wait_connection()
    assert connection.wait_ended() == "reset"
    assert bytes(connection.received) == b"\0\0\0\5whole"
    assert front.access_log(1) == ["client 1006 9"]


def test_what_waits_to_be_inflated_when_the_backend_ends_is_counted(gateway, backend):
    service, front, client = opened(gateway, backend,
                                    takes_some(lambda connection: connection.finish()),
                                    "ws_deflate on; ws_max_message_size 0;")
    with client:
        message = Deflater()(WORDS * 20)
        thread = in_background(client.send, frame(BINARY, message, rsv=RSV1))
        assert client.read_close()[0] == 1000
        assert service.wait_connection().wait_ended() == "reset"
        client.send_close(1000)
        thread.join(10)
        assert client.read_end() == "eof"
    by, code, undelivered = front.access_log(1)[0].split()
    assert (by, code) == ("backend", "1000")
    assert int(undelivered) > 0
    assert len(service.wait_connection().received) + MEGABYTE < 20 * len(WORDS)
