"""Where bytes hide between a client and a service, and the window that bounds each place."""

import os
import re
import signal
import socket
import time

import pytest

from harness.backends import RecordingBackend, SilentBackend
from harness.flood import MEGABYTE, Flood, digest, frames, noise
from harness.gateway import assert_idle, client_tls, wait_until
from harness.raw import PING, PONG
from harness.senders import SendingBackend
from harness.sessions import plain_and_tls
from harness.tcp_info import Hidden, bytes_acked, bytes_received

PROMISE = 256 * 1024  # hidden bytes of a connection, by default

UNLIMITED = "ws_backend_window 0; ws_client_window 0; ws_notsent_lowat 0; ws_client_rcvbuf 0;"


class StoppableBackend(SilentBackend):
    """Reads at once `first` bytes, then `rate` bytes a second, and all from resume() on."""

    def __init__(self, first=0, rate=0, **options):
        self._first, self._rate = first, rate
        super().__init__(**options)

    def serve(self, connection):
        while len(connection.received) < self._first:
            connection.read()
        while not self._resumed.wait(0.05):
            if self._rate:
                connection.read(self._rate // 20)
        connection.read_all()


def hidden_of(one, tls):
    """TLS records of 16 KiB have at least 22 bytes around them, the frames 14 each."""
    # Or it takes megabytes itself.
    one.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 262144)
    return Hidden(one.client.sock, one.connection.sock,
                  100_000 / 100_014 * (16384 / 16406 if tls else 1))


# --- client to backend


@plain_and_tls
@pytest.mark.parametrize("first, rate", [(0, 0), (0, 100_000), (12 * MEGABYTE, 0)],
                         ids=["reads nothing", "reads 100 kB/s", "stops in the middle"])
def test_little_hides_from_a_client_whose_backend_is_slow(session, tls, first, rate):
    one = session(StoppableBackend, first, rate, tls=tls, client={"timeout": 30},
                  receive_buffer=262144)
    data = noise(16 * MEGABYTE)
    hidden = hidden_of(one, tls)
    flood = Flood(one.client.send, frames(data))
    if first:
        one.connection.wait_received(first)
    assert 0 < hidden.watch(1) <= PROMISE
    if not rate:
        flood.wait_stalled(0.1)
        assert_idle(one.front)
    assert hidden.now() <= PROMISE and flood.running()

    one.service.resume()
    flood.wait_done()
    assert digest(one.connection.wait_received(len(data), 30)) == digest(data)


@plain_and_tls
def test_little_hides_behind_a_worker_that_is_late(session, tls):
    """While it has no processor the client fills the receive buffer, with the largest segments."""
    one = session(StoppableBackend, 12 * MEGABYTE, tls=tls, client={"timeout": 30},
                  receive_buffer=262144)
    worker = one.front.workers()[0]
    hidden = hidden_of(one, tls)
    flood = Flood(one.client.send, frames(noise(16 * MEGABYTE)))
    while bytes_received(one.connection.sock) < 12 * MEGABYTE:
        os.kill(worker, signal.SIGSTOP)
        hidden.watch(0.01)
        os.kill(worker, signal.SIGCONT)
        hidden.watch(0.002, 0.0002)
    flood.wait_stalled(0.1)
    assert 0 < hidden.most <= PROMISE
    one.client.reset()


def test_much_hides_where_nothing_is_bounded(session):
    """Or the other tests would tell nothing."""
    one = session(SilentBackend, settings=UNLIMITED)
    hidden = hidden_of(one, False)
    flood = Flood(one.client.send, frames(noise(MEGABYTE) * 48))
    flood.wait_stalled()
    assert hidden.now() > 2 * PROMISE
    one.client.reset()


def test_each_of_eight_uploads_hides_as_little(gateway, backend, raw):
    silent = backend(SilentBackend)
    front = gateway(f"location / {{ ws_pass {silent.address}; }}", tls=True)
    pieces = frames(noise(8 * MEGABYTE))
    base, uploads = None, []
    for number in range(8):
        tls = number % 2 == 1
        client = raw(front.ssl_port if tls else front.port, timeout=30,
                     **({"tls": client_tls()} if tls else {}))
        client.open("/")
        base = base or front.memory()
        hidden = Hidden(client.sock, silent.wait_connection(number).sock, 0.9985 if tls else 1)
        uploads.append((hidden, client, Flood(client.send, pieces)))
    for hidden, _, flood in uploads:
        flood.wait_stalled(0.1)
        hidden.now()
    assert all(hidden.most <= PROMISE for hidden, *_ in uploads), [h.most for h, *_ in uploads]
    assert_idle(front)
    assert front.memory() < base + 4 * MEGABYTE
    for _, client, _ in uploads:
        client.reset()


@pytest.mark.parametrize("window, most", [("32k", 240), ("1m", 1400)])
def test_a_unix_backend_has_the_window_too(session, window, most):
    """There it bounds what the backend has not read."""
    one = session(SilentBackend, unix=True, settings=f"ws_backend_window {window};")
    acked = bytes_acked(one.client.sock)
    flood = Flood(one.client.send, frames(noise(8 * MEGABYTE)))
    flood.wait_stalled()
    assert bytes_acked(one.client.sock) - acked <= most * 1024
    one.client.reset()


def test_a_larger_receive_buffer_takes_more(session):
    """And a smaller one less: the directive is what bounds that place."""
    taken = {}
    for size in ("64k", "1m"):
        one = session(SilentBackend, settings=f"ws_client_rcvbuf {size};")
        hidden = hidden_of(one, False)
        # Much first, or the kernel would not have opened its window yet.
        flood = Flood(one.client.send, frames(noise(16 * MEGABYTE)))
        flood.wait_stalled()
        taken[size] = hidden.now()
        one.client.reset()
    assert taken["64k"] <= 176 * 1024
    assert taken["1m"] > taken["64k"] + 100_000


# --- backend to client


@plain_and_tls
def test_what_a_client_does_not_read_is_bounded_by_its_window(session, tls):
    data = noise(24 * MEGABYTE)
    one = session(SendingBackend, data, tls=tls, client={"timeout": 30, "receive_buffer": 65536},
                  parts={"log_format": "$ws_bytes_out $ws_undelivered_client $ws_stall_client"})
    base = one.front.memory()
    flood = wait_until(lambda: one.service.flood, what="the flood")
    flood.wait_stalled()
    assert_idle(one.front)
    assert one.front.memory() < base + 4 * MEGABYTE
    arrived = bytes_received(one.client.sock)
    one.client.reset()
    taken, undelivered, stalled = one.front.access_log(lines=1)[0].split()
    # The window, and one held buffer.
    assert 0 < int(undelivered) <= MEGABYTE + 128 * 1024
    assert int(taken) <= arrived + int(undelivered)
    assert float(stalled) >= 0.5


@plain_and_tls
def test_a_small_client_window_holds_less(session, tls):
    one = session(SendingBackend, noise(16 * MEGABYTE), tls=tls,
                  settings="ws_client_window 128k;", client={"receive_buffer": 65536},
                  parts={"log_format": "$ws_undelivered_client"})
    wait_until(lambda: one.service.flood, what="the flood").wait_stalled()
    one.client.reset()
    assert 0 < int(one.front.access_log(lines=1)[0]) <= 256 * 1024


@plain_and_tls
def test_what_a_client_did_not_read_for_a_while_arrives_whole(session, tls):
    data = noise(16 * MEGABYTE)
    one = session(SendingBackend, data, tls=tls, client={"timeout": 30, "receive_buffer": 65536})
    flood = wait_until(lambda: one.service.flood, what="the flood")
    flood.wait_stalled()
    assert digest(one.client.read_data(len(data))) == digest(data)
    one.client.send_close(1000)
    flood.wait_done()


def test_what_waits_in_the_kernel_for_a_slow_client_can_be_bounded(session):
    """Once much has flowed a service gets rid of much more than the windows let through."""
    taken = {}
    for size in ("1m", "auto", "64k"):
        one = session(SendingBackend, noise(MEGABYTE) * 64, client={"receive_buffer": 65536},
                      settings=f"ws_backend_rcvbuf {size}; ws_client_window 128k;",
                      parts={"http": "ws_buffer_size 64k;"})
        one.client.read_data(24 * MEGABYTE)
        wait_until(lambda one=one: one.service.flood, what="the flood").wait_stalled()
        taken[size] = bytes_acked(one.connection.sock) - bytes_received(one.client.sock)
        one.client.reset()
    # The client's window, a held buffer, and what was asked for.
    assert taken["64k"] <= (128 + 64 + 64) * 1024
    assert taken["64k"] + 32 * 1024 < taken["auto"] < taken["1m"]
    assert taken["auto"] <= (128 + 64 + 256) * 1024


# --- what is told


def test_stalls_and_round_trips_are_told(session):
    one = session(SilentBackend, settings="ws_ping_interval 100ms;", client={"timeout": 30},
                  parts={"log_format": "$ws_stall_backend $ws_stall_client $ws_rtt"
                                       " $ws_undelivered_backend $ws_undelivered_client"})
    assert one.client.read_frame().opcode == PING
    time.sleep(0.2)  # or rather the time that the first ping has been on its way
    one.client.send_frame(PONG, b"not this one")
    ping = one.client.read_frame()
    assert ping.opcode == PING
    one.client.send_frame(PONG, ping.payload)
    data = noise(8 * MEGABYTE)
    flood = Flood(one.client.send, frames(data))
    flood.wait_stalled(0.5)
    one.service.resume()
    flood.wait_done()
    one.connection.wait_received(len(data))
    one.client.send_close(1000)
    while one.client.read_frame().opcode == PING:
        pass
    one.client.close()
    backend, client, rtt, *undelivered = one.front.access_log(lines=1)[0].split()
    assert 0.4 <= float(backend) < 10
    assert float(client) < 0.4
    assert re.fullmatch(r"\d+\.\d{3}", rtt) and float(rtt) < 5
    assert undelivered == ["0", "0"]


def test_nothing_is_told_of_a_round_trip_that_was_not_measured(session):
    one = session(RecordingBackend, parts={"log_format": "$ws_rtt $ws_stall_backend"})
    one.client.send_close(1000)
    assert one.client.read_close() == (1000, "")
    one.client.close()
    assert one.front.access_log(lines=1)[0] == "- 0.000"


@pytest.mark.parametrize("setting", ["ws_backend_window -1", "ws_client_window x",
                                     "ws_client_rcvbuf 1.5k", "ws_backend_rcvbuf -2",
                                     "ws_notsent_lowat ''",
                                     "ws_ack_interval 1z", "ws_client_ack tcp", "ws_receipts maybe",
                                     "ws_half_close 1"])
def test_wrong_value_is_refused(config_check, setting):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; {setting}; }}")
    assert not accepted and setting.split()[0] in said and "nginx.conf:" in said
