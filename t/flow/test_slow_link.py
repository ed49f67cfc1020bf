"""A slow link on either side of the gateway: what hides behind it, and what is said of it."""

import threading
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend
from harness.flood import MEGABYTE, Flood, Reader, digest, frames, noise
from harness.gateway import client_tls
from harness.netns import FAR, NEAR, Link, needs_root
from harness.raw import BINARY, CLOSE, PING, PONG, close_payload, frame
from harness.sessions import plain_and_tls
from harness.tcp_info import Hidden, bytes_received

pytestmark = needs_root

RATE = 10_000_000 / 8  # bytes a second of "10mbit"
ROUND = 0.06  # seconds, most of them in the queue of the link
# A sender that doubles its speed finds the end of the queue with twice as much under way, and what
# came behind the lost packet has not come in its order.
PROMISE = 256 * 1024 + 2 * RATE * ROUND


class StayingBackend(RecordingBackend):
    """Keeps its socket after the end, for the test to look at."""

    def __init__(self, **options):
        self._stopped = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        connection.read_all()
        self._stopped.wait()

    def stop(self):
        self._stopped.set()
        super().stop()


@pytest.fixture
def slow():
    """The link at whose near end the test runs. The fixtures that make sockets come after it."""
    with Link("10mbit", congestion="cubic") as link:
        yield link


@pytest.fixture
def far_backend(slow, gateway, backend, raw):
    """far_backend(kind, ...): gateway and client near, the backend far."""
    def start(kind, *args, settings="", tls=False, log_format="-", **options):
        with slow.far():
            service = backend(kind, *args, host=FAR, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}", tls=tls,
                        log_format=log_format)
        client = raw(front.ssl_port if tls else front.port, timeout=30,
                     **({"tls": client_tls()} if tls else {}))
        client.open("/")
        return front, service.wait_connection(), client

    return start


@pytest.fixture
def far_client(slow, gateway, backend, raw):
    """far_client(kind, ...): gateway and backend near, the client far."""
    def start(kind, *args, settings="", log_format="-", **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}",
                        server=f"listen {NEAR}:@PORT@;", log_format=log_format)
        with slow.far():
            client = raw(front.port, host=NEAR, timeout=30)
        client.open("/")
        return front, service, client

    return start


# --- towards the backend


@plain_and_tls
def test_little_hides_before_a_backend_behind_a_slow_link(far_backend, tls):
    front, connection, client = far_backend(StayingBackend, tls=tls)
    data = noise(2 * MEGABYTE)
    hidden = Hidden(client.sock, connection.sock, 0.9985 if tls else 1)
    began, cpu = time.monotonic(), front.cpu_seconds()
    flood = Flood(client.send, frames(data))
    # OpenSSL has a record that is not whole, and one of it that was not taken.
    promise = PROMISE + (2 * 16 * 1024 if tls else 0)
    hidden.watch(1)
    assert 0 < hidden.most <= promise
    flood.wait_done()
    assert hidden.watch(0.1) <= promise
    assert digest(connection.wait_received(len(data), 30)) == digest(data)
    seconds = time.monotonic() - began
    assert seconds < 4 * len(data) / RATE  # the link was put to use
    assert front.cpu_seconds() - cpu < 0.25 * seconds


def test_close_over_a_slow_link_is_a_receipt(far_backend):
    _, connection, client = far_backend(StayingBackend)
    data = noise(500_000)
    client.send(b"".join(frames(data)) + frame(CLOSE, close_payload(4001)))
    assert client.read_close() == (4001, "")
    assert bytes_received(connection.sock) >= len(data)
    assert digest(connection.wait_received(len(data))) == digest(data)


def test_close_over_a_slow_link_comes_early_without_receipts(far_backend):
    """So that the test before tells something."""
    _, connection, client = far_backend(StayingBackend, settings="ws_receipts off;")
    data = noise(500_000)
    client.send(b"".join(frames(data)) + frame(CLOSE, close_payload(4001)))
    assert client.read_close() == (4001, "")
    assert bytes_received(connection.sock) < len(data)
    assert digest(connection.wait_received(len(data))) == digest(data)


def test_pong_over_a_slow_link_is_a_receipt(far_backend):
    _, connection, client = far_backend(StayingBackend)
    sent = 0
    for turn in range(5):
        client.send(frame(BINARY, bytes(50_000)) + frame(PING, b"%d" % turn))
        sent += 50_000
        got = client.read_frame()
        assert (got.opcode, got.payload) == (PONG, b"%d" % turn)
        assert bytes_received(connection.sock) >= sent


def test_receipts_are_not_late(far_backend):
    """An answer takes about the time of the link, and no timer of ours more."""
    _, _, client = far_backend(StayingBackend)
    times = []
    for _ in range(10):
        began = time.monotonic()
        client.send(frame(BINARY, bytes(12_500)) + frame(PING))  # 10 ms at this rate
        assert client.read_frame().opcode == PONG
        times.append(time.monotonic() - began)
    assert min(times) < 0.08, times


def test_close_through_a_cut_link_tells_what_was_not_acknowledged(slow, far_backend):
    _, connection, client = far_backend(StayingBackend, settings="ws_close_timeout 600ms;")
    client.send_frame(BINARY, bytes(10_000))
    connection.wait_received(10_000)
    slow.cut()
    client.send(frame(BINARY, bytes(5_000)) + frame(CLOSE, close_payload(1000)))
    code, reason = client.read_close()
    lost = 15_000 - bytes_received(connection.sock)
    assert lost > 0
    assert (code, reason) == (1011, f"{lost} bytes undelivered, not acknowledged by the backend")


def test_ping_through_a_cut_link_is_answered_when_it_is_mended(slow, far_backend):
    _, connection, client = far_backend(StayingBackend)
    client.send_frame(BINARY, bytes(10_000))
    connection.wait_received(10_000)
    slow.cut()
    client.send(frame(BINARY, bytes(5_000)) + frame(PING, b"?"))
    client.nothing_comes(0.5)
    slow.mend()
    assert client.read_frame().payload == b"?"
    assert bytes_received(connection.sock) >= 15_000


# --- towards the client


def flooding(data):
    def serve(connection):
        connection.send(data)
        connection.finish()
        connection.read_all()

    return serve


def test_download_over_a_slow_link_arrives_whole_and_its_stall_is_told(far_client):
    data = noise(2 * MEGABYTE)
    front, _, client = far_client(ScriptedBackend, flooding(data), settings="ws_client_window 64k;",
                                  log_format="$ws_stall_client $ws_stall_backend"
                                             " $ws_undelivered_client")
    began = time.monotonic()
    got, code, _ = client.read_to_close()
    seconds = time.monotonic() - began
    assert digest(got) == digest(data) and code == 1000
    assert seconds < 2 * len(data) / RATE
    client.send_close(1000)
    client.close()
    by_client, by_backend, undelivered = front.access_log(lines=1)[0].split()
    assert 0.3 * seconds < float(by_client) < seconds + 1
    assert float(by_backend) < 0.2
    assert undelivered == "0"


def test_slow_client_that_pongs_is_not_cut(far_client):
    """Its pongs come behind seconds of data, and in time all the same."""
    data = noise(2 * MEGABYTE)
    front, _, client = far_client(
        ScriptedBackend, flooding(data),
        settings="ws_client_ack pong; ws_ping_interval 200ms; ws_pong_timeout 900ms;",
        log_format="$ws_rtt")
    got = client.read_data(len(data))
    assert digest(got) == digest(data)
    client.send_close(1000)
    client.close()
    # At the default window a marker stands behind a second of data at the most.
    assert 0.01 < float(front.access_log(lines=1)[0]) < 3


def test_slow_client_is_not_taken_for_a_dead_one(far_client):
    """It acknowledges, though its pong is late."""
    data = noise(3 * MEGABYTE)
    _, _, client = far_client(ScriptedBackend, flooding(data),
                              settings="ws_ping_interval 100ms; ws_pong_timeout 300ms;")
    assert digest(client.read_data(len(data))) == digest(data)


def test_cut_client_is_given_up(slow, far_client):
    front, service, client = far_client(
        EchoBackend, settings="ws_ping_interval 200ms; ws_pong_timeout 400ms;"
                              " ws_close_timeout 200ms;")
    client.send_frame(BINARY, b"here")
    assert client.read_data(4) == b"here"
    slow.cut()
    assert service.wait_connection().wait_ended() == "eof"
    front.wait_log("no pong in time")


def test_echo_over_a_slow_link_is_exact(far_client):
    _, _, client = far_client(EchoBackend)
    data = noise(MEGABYTE)
    flood = Flood(client.send, frames(data, 70_001))
    reader = Reader(client)
    assert digest(reader.wait_payload(len(data))) == digest(data)
    flood.wait_done()
