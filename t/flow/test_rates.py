"""ws_upload_rate and ws_download_rate: as fast as they say, and nothing else is slower."""

import time

import pytest

from harness import checker
from harness.backends import EchoBackend, RecordingBackend, SpeakFirstBackend
from harness.flood import Flood
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, CLOSE, PING, PONG, frame
from harness.sessions import location, plain_and_tls
from harness.status import counted, wait_sum

RATE = 200_000
SAMPLE = 50 * 8192


def started(gateway, raw, service, settings, tls=False, **parts):
    front = gateway(location(service, settings), tls=tls, **parts)
    client = raw(front.ssl_port if tls else front.port, **({"tls": client_tls()} if tls else {}))
    client.open("/")
    return front, client


def assert_rate(began, size, rate=RATE):
    """Never too fast. How slow it may be is the business of a machine that does nothing else."""
    passed = time.monotonic() - began
    # What may come at once: a tenth of a second's bytes, and a read of as many again.
    assert size <= rate * passed * 1.05 + rate * 0.15, f"{size / passed:.0f} bytes a second"
    assert passed < 15 * size / rate * checker.SLOWNESS, f"{size / passed:.0f} bytes a second"


@plain_and_tls
def test_an_upload_is_as_fast_as_its_rate(gateway, backend, raw, tls):
    service = backend(RecordingBackend)
    _, client = started(gateway, raw, service, f"ws_upload_rate {RATE};", tls)
    began = time.monotonic()
    flood = Flood(client.send, (frame(BINARY, bytes(8192)) for _ in range(1000)))
    connection = service.wait_connection()
    connection.wait_received(SAMPLE, timeout=60)
    assert_rate(began, SAMPLE)
    del flood


@plain_and_tls
@pytest.mark.parametrize("rate", [RATE, 20 * RATE])
def test_a_download_is_as_fast_as_its_rate(gateway, backend, raw, tls, rate):
    """Much at once is spliced where there is no TLS."""
    service = backend(SpeakFirstBackend, bytes(4 * rate))
    _, client = started(gateway, raw, service, f"ws_download_rate {rate};", tls)
    began = time.monotonic()
    got = 0
    while got < 2 * rate:
        got += len(client.read_frame().payload)
    assert_rate(began, got, rate)


def test_each_direction_has_a_rate_of_its_own(gateway, backend, raw):
    service = backend(EchoBackend)
    _, client = started(gateway, raw, service, f"ws_upload_rate {RATE};")
    began = time.monotonic()
    flood = Flood(client.send, (frame(BINARY, bytes(8192)) for _ in range(50)))
    assert client.read_data(SAMPLE) == bytes(SAMPLE)
    assert_rate(began, SAMPLE)
    del flood


def test_the_rate_may_be_a_variable_and_0_is_none(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(location(service, "ws_upload_rate $arg_up; ws_download_rate $arg_down;"))
    front.allow("invalid size")
    for query in ("", "?up=0&down=0", "?up=x", "?up=1g&down=1g"):
        client = raw(front.port)
        client.open(f"/{query}")
        client.send_frame(BINARY, bytes(300_000))
        began = time.monotonic()
        assert client.read_data(300_000) == bytes(300_000)
        assert time.monotonic() - began < 10 * checker.SLOWNESS
        client.close()
    client = raw(front.port)
    client.open("/?up=1k")
    client.send_frame(BINARY, bytes(100_000))
    assert len(client.read_frame().payload) < 2000


def test_a_small_message_is_not_late(gateway, backend, raw):
    """Far below the rate nothing waits."""
    _, client = started(gateway, raw, backend(EchoBackend), "ws_upload_rate 1m; ws_download_rate 1m;")
    for _ in range(20):
        client.send_frame(BINARY, b"hello")
        assert client.read_data(5) == b"hello"


def test_pings_and_a_close_do_not_wait_for_a_download(gateway, backend, raw):
    service = backend(SpeakFirstBackend, bytes(4_000_000))
    _, client = started(gateway, raw, service,
                        "ws_download_rate 1k; ws_ping_interval 50ms; ws_close_timeout 500ms;")
    wait_until(lambda: client.read_frame().opcode == PING, 10, "a ping")
    client.send_frame(PING, b"mine")
    wait_until(lambda: client.read_frame().payload == b"mine", 10, "a pong")
    client.send_close(1000)
    wait_until(lambda: client.read_frame().opcode == CLOSE, 10, "a Close")


def test_a_client_whose_pong_stands_behind_its_data_is_not_dead(gateway, backend, raw):
    service = backend(RecordingBackend)
    _, client = started(gateway, raw, service,
                        "ws_upload_rate 10k; ws_ping_interval 50ms; ws_pong_timeout 100ms;")
    client.send_frame(BINARY, bytes(20_000))
    ping = client.read_frame()
    assert ping.opcode == PING
    client.send_frame(PONG, ping.payload)
    service.wait_connection().wait_received(20_000, timeout=60)


def test_a_close_behind_an_upload_is_a_receipt_for_all_of_it(gateway, backend, raw):
    service = backend(RecordingBackend)
    _, client = started(gateway, raw, service, f"ws_upload_rate {RATE};")
    began = time.monotonic()
    for _ in range(5):
        client.send_frame(BINARY, bytes(RATE // 5))
    client.send_close(4321)
    assert client.read_to_close()[1] == 4321
    assert_rate(began, RATE)
    client.close()
    connection = service.wait_connection()
    connection.wait_ended()
    assert len(connection.received) == RATE


def test_what_a_backend_said_before_its_end_comes_at_its_rate(gateway, backend, raw):
    service = backend(SpeakFirstBackend, bytes(RATE), close=True)
    _, client = started(gateway, raw, service, f"ws_download_rate {RATE};")
    began = time.monotonic()
    data, code, _ = client.read_to_close()
    assert (len(data), code) == (RATE, 1000)
    assert_rate(began, RATE)


def test_an_ended_session_is_read_to_its_close_at_once(gateway, backend, raw):
    """A client that has sent much before it knows of the end is not listened to at its rate."""
    service = backend(RecordingBackend)
    front = gateway(**counted(location(service, "ws_upload_rate 1k;")))
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, bytes(100_000))
    service.wait_connection().reset()
    assert client.read_to_close()[1] == 1011
    client.send_close(1011)
    client.read_end()
    client.close()
    wait_sum(front, 0, "sessions")


def test_a_session_that_waits_costs_nothing(gateway, backend, raw):
    service = backend(RecordingBackend)
    front, client = started(gateway, raw, service, "ws_upload_rate 1k;")
    client.send_frame(BINARY, bytes(100_000))
    service.wait_connection().wait_received(1000, timeout=60)
    before, began = front.cpu_seconds(), time.monotonic()
    time.sleep(1)
    assert front.cpu_seconds() - before <= 0.1 * (time.monotonic() - began) + 0.02
