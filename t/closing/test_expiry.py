"""ws_max_duration and ws_expires: a session's time is over, whatever moves in it."""

import threading
import time

import pytest

from harness.backends import EchoBackend, SilentBackend
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE
from harness.sessions import location, opened

EXPIRED = (1008, "session has expired")


def talk_to_end(client):
    """Says something again and again; the Close that comes."""
    while True:
        client.send_frame(BINARY, b"more")
        frame = client.read_frame()
        if frame.opcode == CLOSE:
            return frame.close


def open_until(front, raw, seconds, **how):
    client = raw(front.port)
    client.open(f"/?until={time.time() + seconds:.3f}", **how)
    return client


def test_a_session_lasts_no_longer_than_it_may(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_max_duration 500ms;"))
    client = opened(front, raw)
    begun = time.monotonic()
    assert talk_to_end(client) == EXPIRED
    assert time.monotonic() - begun > 0.4
    client.close()
    front.wait_log("ws: gateway closed: session has expired, code 1008")


def test_a_token_that_expires_ends_its_session(gateway, backend, raw):
    front = gateway(location(backend(EchoBackend), "ws_expires $arg_until;"))
    client = open_until(front, raw, 1)
    stays = opened(front, raw)  # an empty value
    later = open_until(front, raw, 3600)
    begun = time.monotonic()
    assert talk_to_end(client) == EXPIRED
    assert 0.5 < time.monotonic() - begun < 5
    for other in (stays, later):
        other.send_frame(BINARY, b"still")
        assert other.read_data(5) == b"still"


@pytest.mark.parametrize("settings", [
    "ws_expires $arg_until; ws_max_duration 1h;", "ws_expires 9999999999; ws_max_duration 500ms;"])
def test_the_earlier_of_both_counts(gateway, backend, raw, settings):
    front = gateway(location(backend(EchoBackend), settings))
    assert open_until(front, raw, 1).read_close() == EXPIRED


def test_a_time_that_is_over_is_403_and_the_backend_is_not_dialled(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(location(service, "ws_expires $arg_until;"))
    for until in ("0", "1", f"{time.time() - 1:.0f}"):
        assert raw(front.port).handshake(f"/?until={until}").status == 403
    front.wait_log("ws: refused: its time in ws_expires is over")
    assert not service.connections


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "12345678901234567890"])
def test_what_is_no_time_is_500_and_a_line(gateway, backend, raw, value):
    front = gateway(location(backend(EchoBackend), "ws_expires $arg_until;"))
    assert raw(front.port).handshake(f"/?until={value}").status == 500
    front.wait_log(rf'\[error\] .* ws: invalid value "{value}" in "ws_expires \$arg_until": '
                   "expected seconds since 1970")


def test_an_end_that_has_begun_goes_on(gateway, backend, raw):
    """And the worker does not spin when the time comes meanwhile."""
    front = gateway(location(backend(EchoBackend), "ws_max_duration 400ms; ws_close_timeout 2s;"))
    client = opened(front, raw)
    client.send_frame(BINARY, b"x")
    client.read_data(1)
    assert client.read_close() == EXPIRED
    before = front.cpu_seconds()
    time.sleep(1)  # our Close is not answered
    assert front.cpu_seconds() - before < 0.1
    client.send_close(1008)
    assert client.read_end() == "eof"


def test_a_stuck_session_expires_too(gateway, backend, raw):
    front = gateway(location(backend(SilentBackend, receive_buffer=4096), "ws_max_duration 700ms;"))
    client = opened(front, raw)

    def flood():
        try:
            while True:
                client.send_frame(BINARY, bytes(65536))
        except OSError:
            pass

    sender = threading.Thread(target=flood, daemon=True)
    sender.start()
    wait_until(lambda: client.read_frame().opcode == CLOSE, 10, "the Close")
    client.close()
    sender.join(10)
