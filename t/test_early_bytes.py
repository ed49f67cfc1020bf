"""Bytes that are there before the session is: frames behind the handshake, in buffers of nginx that
are larger than any of ours, and what a backend says before it was seen to be connected."""

import threading

import pytest

from backends import Backend, ScriptedBackend
from flood import noise
from raw import BINARY, CLOSE, PING, PONG, close_payload, frame

LARGE_HEADERS = "client_header_buffer_size 64k; large_client_header_buffers 4 64k;"


class LateReader(Backend):
    """Takes nothing, in as little room as the kernel allows, until read_now is set."""

    def __init__(self, **options):
        self.read_now = threading.Event()
        super().__init__(receive_buffer=4096, **options)

    def serve(self, connection):
        self.read_now.wait(20)
        connection.read_all()


@pytest.mark.parametrize("size", [4, 16])
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("framing, extra", [("stream", 0), ("length u32", 4)], ids=["stream", "length"])
def test_frames_behind_the_handshake_may_be_larger_than_every_buffer(gateway, backend, raw, size,
                                                                     unix, framing, extra):
    service = backend(LateReader, unix=unix)
    front = gateway(
        f"""location / {{ ws_pass {service.address}; ws_backend_window {size}k;
                          ws_framing {framing}; ws_max_message_size 1m; }}""",
        server=LARGE_HEADERS, http=f"ws_buffer_size {size}k;")
    worker = front.workers()
    data = noise(60_000)
    client = raw(front.port)
    client.open("/", then=frame(BINARY, data))
    client.send_frame(BINARY, b"behind")
    connection = service.wait_connection()
    client.nothing_comes(0.2)
    service.read_now.set()
    got = connection.wait_received(len(data) + len(b"behind") + 2 * extra)
    assert got[extra:extra + len(data)] == data
    assert got[-len(b"behind"):] == b"behind"
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert front.workers() == worker


def test_many_frames_behind_the_handshake_are_each_answered(gateway, backend, raw):
    """More pongs than one buffer holds, and a Close at the end."""
    service = backend(ScriptedBackend, lambda connection: connection.read_all())
    front = gateway(f"location / {{ ws_pass {service.address}; }}", server=LARGE_HEADERS,
                    http="ws_buffer_size 4k;")
    count = 400
    early = b"".join(frame(PING, b"%100d" % i) + frame(BINARY, b"%10d" % i) for i in range(count))
    client = raw(front.port)
    client.open("/", then=early + frame(CLOSE, close_payload(4321)))
    answers = [client.read_frame() for _ in range(1)]
    while answers[-1].opcode == PONG:
        answers.append(client.read_frame())
    assert answers[-1].close == (4321, "")
    # A pong stands for every ping before it.
    assert answers[-2].payload == b"%100d" % (count - 1)
    connection = service.wait_connection()
    assert connection.wait_ended() == "eof"
    assert bytes(connection.received) == b"".join(b"%10d" % i for i in range(count))
