"""Large payloads of a backend go from socket to socket inside the kernel: nothing else is to be
seen of it."""

import itertools
import os
import resource
import threading
import time

import pytest

from harness import checker
from harness.backends import ScriptedBackend
from harness.flood import MEGABYTE, digest, noise
from harness.raw import BINARY, CLOSE, PING, PONG

LOG = {"log_format": "$ws_bytes_out $ws_frames_out $bytes_sent $upstream_bytes_received"
                     " $ws_undelivered_client"}


class GivingBackend(ScriptedBackend):
    """Sends its bytes, and then what `end` does."""

    def __init__(self, data, end, **options):
        self._data, self._end = data, end
        super().__init__(self._give, **options)

    def _give(self, connection):
        try:
            for at in range(0, len(self._data), MEGABYTE):
                connection.send(self._data[at:at + MEGABYTE])
        except OSError:
            connection.read_all()
            return
        self._end(connection)


def finish(connection):
    try:
        connection.finish()
    except OSError:
        pass  # reset already
    connection.read_all()


def pipes(front):
    """How many ends of pipes the worker has."""
    worker, = front.workers()
    folder = f"/proc/{worker}/fd"
    ends = sum(os.readlink(f"{folder}/{name}").startswith("pipe:") for name in os.listdir(folder))
    return ends - checker.PIPES


def received(client):
    """Payload and size of all frames up to the Close, and how often a frame was large."""
    payload, size, large = bytearray(), 0, 0
    while (got := client.read_frame()).opcode != CLOSE:
        assert got.opcode == BINARY and got.fin and not got.rsv
        payload += got.payload
        length = len(got.payload)
        size += length + (2 if length < 126 else 4 if length < 65536 else 10)
        large += length >= 16384
    return payload, size, large


def test_large_download_takes_one_pipe_and_is_exact(session):
    data = noise(24 * MEGABYTE)
    one = session(GivingBackend, data, finish, parts=LOG, client={"receive_buffer": 262144})
    time.sleep(0.3)  # so that it waits for the client, and is there in large pieces
    payload, size, large = received(one.client)
    assert digest(payload) == digest(data)
    assert pipes(one.front) == 2
    one.client.send_close(1000)
    one.client.close()
    taken, frames, sent, came, lost = map(int, one.front.access_log(lines=1)[0].split())
    assert (taken, came, lost) == (len(data), len(data), 0)
    assert large > 10 and frames > large
    # The answer to the handshake, the frames, and a Close of two bytes.
    assert 100 < sent - size - 4 < 400


def test_small_messages_take_no_pipe(session):
    one = session(ScriptedBackend, lambda connection: [
        connection.send(connection.read()) for _ in range(50)])
    for number in range(50):
        one.client.send_frame(BINARY, bytes([number]) * 20_000)
        assert len(one.client.read_data(20_000)) == 20_000
    assert pipes(one.front) == 0


@pytest.mark.parametrize("settings, tls", [
    ("ws_frame_type text;", False), ("ws_framing length u32;", False), ("", True)],
    ids=["text", "framing", "tls"])
def test_what_has_to_be_looked_at_takes_no_pipe(session, settings, tls):
    record = (2 * MEGABYTE - 4).to_bytes(4, "big") + b"x" * (2 * MEGABYTE - 4)
    data = record * 4 if "length" in settings else b"x" * (8 * MEGABYTE)
    one = session(GivingBackend, data, finish, settings=settings, tls=tls)
    while one.client.read_frame().opcode != CLOSE:
        pass
    assert pipes(one.front) == 0


def test_sessions_that_stall_share_the_pipe_and_mix_up_nothing(gateway, backend, raw):
    """What a client does not take leaves the pipe at once, for the next session."""
    data = [noise(4 * MEGABYTE) for _ in range(6)]
    services = [backend(GivingBackend, one, finish) for one in data]
    front = gateway("".join(f"location /{number} {{ ws_pass {service.address}; }}"
                            for number, service in enumerate(services)))
    clients = [raw(front.port, receive_buffer=65536, timeout=30) for _ in data]
    for number, client in enumerate(clients):
        client.open(f"/{number}")
    time.sleep(0.3)
    # All by turns, a little at a time, and then each to its end.
    got = [bytearray() for _ in data]
    for _ in range(20):
        for client, payload in zip(clients, got):
            payload += client.read_frame().payload
    for client, payload, wanted in zip(clients, got, data):
        payload += received(client)[0]
        assert digest(payload) == digest(wanted)
    assert pipes(front) == 2


def test_pings_are_answered_between_spliced_payloads(session):
    data = noise(16 * MEGABYTE)
    one = session(GivingBackend, data, finish, client={"receive_buffer": 65536})
    payload, pings, pongs = bytearray(), 0, 0
    while (got := one.client.read_frame()).opcode != CLOSE:
        if got.opcode == PONG:
            pongs += 1
            assert got.payload == b"%d" % pongs
        payload += got.payload if got.opcode == BINARY else b""
        if pings == pongs and len(payload) > pings * 500_000:
            pings += 1
            one.client.send_frame(PING, b"%d" % pings)
    assert pongs >= 10 and digest(payload) == digest(data)


def test_client_that_resets_in_mid_payload_takes_nobody_with_it(gateway, backend, raw):
    data = noise(8 * MEGABYTE)
    service = backend(GivingBackend, data, finish)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    for _ in range(20):
        client = raw(front.port, receive_buffer=65536)
        client.open("/")
        client.read(300_000)
        client.reset()
    for connection in service.connections:
        connection.wait_ended()
    last = raw(front.port)
    last.open("/")
    assert digest(received(last)[0]) == digest(data)


def test_backend_that_resets_in_mid_payload_is_told(session):
    done = threading.Event()

    def reset(connection):
        done.wait(10)
        connection.reset()

    data = noise(4 * MEGABYTE)
    one = session(GivingBackend, data, reset)
    payload = one.client.read_data(len(data))
    done.set()
    assert digest(payload) == digest(data)
    assert one.client.read_close() == (1011, "backend connection was reset")


def test_worker_without_a_descriptor_for_a_pipe_copies(gateway, backend, raw):
    data = noise(8 * MEGABYTE)

    def give_when_asked(connection):
        connection.read()
        connection.send(data)
        finish(connection)

    service = backend(ScriptedBackend, give_when_asked)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    worker, = front.workers()
    client = raw(front.port, receive_buffer=65536)
    client.open("/")
    taken = os.listdir(f"/proc/{worker}/fd")
    free = next(number for number in itertools.count() if str(number) not in taken)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (free, free))
    client.send_frame(BINARY, b"go on")
    assert digest(received(client)[0]) == digest(data)
    assert pipes(front) == 0
