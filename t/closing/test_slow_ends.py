"""A side that is slow is not dead: an end takes as long as bytes are acknowledged, to a bound."""

import time

import pytest

from harness.backends import SilentBackend, SlowBackend, SpeakFirstBackend
from harness.endings import AN_END, logged_end
from harness.flood import digest, noise
from harness.raw import BINARY, CLOSE, close_payload, frame
from harness.sessions import plain_and_tls
from harness.tcp_info import bytes_received

TINY = {"receive_buffer": 4096}


def slow(session, **options):
    """A session whose backend reads some 20 kB a second."""
    return session(SlowBackend, 1024, 0.05, client={"timeout": 40}, **TINY, **options)


@plain_and_tls
@pytest.mark.parametrize("settings", ["", "ws_backend_window 4k;"], ids=["", "held"])
def test_close_waits_for_a_backend_that_is_slow(session, tls, settings):
    one = slow(session, tls=tls, settings=f"ws_close_timeout 1s; {settings}", parts=AN_END)
    data = noise(60_000)
    one.client.send(frame(BINARY, data) + frame(CLOSE, close_payload(4321)))
    began = time.monotonic()
    assert one.client.read_close() == (4321, "")
    assert time.monotonic() - began > 1.5, "that was not slow"
    assert one.client.read_end() == "eof"
    assert digest(one.connection.wait_received(len(data))) == digest(data)
    assert one.connection.wait_ended() == "eof"
    one.client.close()
    assert logged_end(one) == "101 client 4321"


def test_bytes_of_a_client_that_vanished_wait_for_a_backend_that_is_slow(session):
    one = slow(session, settings="ws_close_timeout 1s;", parts=AN_END)
    data = noise(60_000)
    one.client.send(frame(BINARY, data))
    one.client.close()
    assert one.connection.wait_ended(40) == "eof"
    assert digest(bytes(one.connection.received)) == digest(data)
    assert logged_end(one) == "101 client 1006"


def test_end_that_goes_on_has_a_bound(session):
    """What the client sent at first comes in pieces of 32 KiB. So at least 27 KB stand before a Close
    that is read behind all of it, more than a second for this backend."""
    one = slow(session, settings="ws_close_timeout 1s; ws_close_time 500ms;", parts=AN_END)
    one.client.send(frame(BINARY, noise(60_000)) + frame(CLOSE, close_payload(4321)))
    began = time.monotonic()
    code, reason = one.client.read_close()
    assert code == 1011
    assert reason.endswith("bytes undelivered, not acknowledged by the backend")
    assert time.monotonic() - began < 5
    one.client.close()
    assert logged_end(one) == "101 client 1011"


def test_backend_that_stands_still_is_given_no_more_than_the_timeout(session):
    one = session(SilentBackend, settings="ws_close_timeout 500ms;", **TINY)
    one.client.send(frame(BINARY, bytes(12_000)) + frame(CLOSE, close_payload(4321)))
    began = time.monotonic()
    code, reason = one.client.read_close()
    assert time.monotonic() - began < 5
    undelivered = 12_000 - bytes_received(one.connection.sock)
    assert (code, reason) == (
        1011, f"{undelivered} bytes undelivered, not acknowledged by the backend")


@plain_and_tls
def test_end_of_the_backend_waits_for_a_client_that_is_slow(session, tls):
    data = noise(600_000)
    one = session(SpeakFirstBackend, data, close=True, tls=tls, client={"receive_buffer": 4096},
                  settings="ws_close_timeout 500ms; ws_client_window 16k;")
    one.client.read_slowly(4096, 0.02)
    got, code, _ = one.client.read_to_close()
    assert (digest(got), code) == (digest(data), 1000)


@pytest.mark.parametrize("value", ["0", "-1s", "soon"])
def test_wrong_bound_is_refused(config_check, value):
    good, said = config_check(f"location / {{ ws_pass 127.0.0.1:1; ws_close_time {value}; }}")
    assert not good
    assert f'invalid value "{value}" in "ws_close_time": expected a time above 0' in said
