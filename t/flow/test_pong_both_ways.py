"""ws_client_ack pong, with both sides talking: only data fills the window, and nobody is waited for
in a circle."""

import collections
import threading

from harness.backends import EchoBackend, ScriptedBackend
from harness.flood import MEGABYTE, digest, frames, noise
from harness.gateway import assert_idle
from harness.ponger import Ponger
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, close_payload, frame
from harness.senders import SendingBackend
from harness.sessions import plain_and_tls

PONGS = "ws_client_ack pong; ws_client_window 64k;"
WINDOW = 64 * 1024


class Queue:
    """What a client has to send, in order, as event loops do: a pong stands behind all data that
    was sent before."""

    def __init__(self, client, pieces):
        self._client, self._pieces = client, collections.deque(pieces)
        self._news = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._pieces)
                    piece = self._pieces.popleft()
                self._client.send(piece)
        except (OSError, ValueError):
            pass  # the test is over

    def add(self, piece):
        with self._news:
            self._pieces.append(piece)
            self._news.notify()


def read_and_answer(client, queue, size):
    got = bytearray()
    while len(got) < size:
        frame_ = client.read_frame()
        if frame_.opcode == PING:
            queue.add(frame(PONG, frame_.payload))
        else:
            assert frame_.opcode in (BINARY, CONTINUATION), frame_
            got += frame_.payload
    return got


def test_pongs_to_the_clients_own_pings_fill_no_window(session):
    one = session(EchoBackend, settings=PONGS + "ws_pong_timeout 1s;")
    rounds, each = 40, 50
    for turn in range(rounds):
        one.client.send(frame(PING, bytes(125)) * each)
        answered = 0
        while answered < each:
            got = one.client.read_frame()
            assert got.opcode == PONG, f"after {turn} rounds: {got}"
            answered += 1
    assert rounds * each * 125 > 3 * WINDOW
    one.client.nothing_comes(1.5)
    one.client.send_frame(BINARY, b"still open")
    assert one.client.read_data(10) == b"still open"


def test_pings_among_the_data_leave_the_window_to_the_data(session):
    """The whole window is data, however many pongs went out before."""
    data = noise(MEGABYTE)
    go = threading.Event()

    def speak(connection):
        go.wait(20)
        connection.send(data)
        connection.read_all()

    one = session(ScriptedBackend, speak, settings=PONGS, parts={"http": "ws_buffer_size 16k;"})
    one.client.send(frame(PING, bytes(125)) * 450)  # less than a window of pongs
    for _ in range(450):
        assert one.client.read_frame().opcode == PONG
    go.set()
    client = Ponger(one.client)
    assert client.read_until_quiet() >= WINDOW - 1000


def test_worker_sleeps_when_the_backend_is_lost_behind_a_full_window(session):
    reset = threading.Event()

    def speak(connection):
        connection.send(noise(512 * 1024))
        reset.wait(20)
        connection.reset()

    one = session(ScriptedBackend, speak, settings=PONGS)
    client = Ponger(one.client)
    client.read_until_quiet()
    reset.set()
    for _ in range(5):  # what is written to a connection that is gone loses it
        one.client.send_frame(BINARY, b"anybody there?")
        one.client.nothing_comes(0.1)
    assert_idle(one.front)


@plain_and_tls
def test_upload_to_an_echo_is_not_stuck_behind_its_own_pong(session, tls):
    data = noise(16 * MEGABYTE)
    one = session(EchoBackend, settings=PONGS + "ws_send_timeout 20s;", tls=tls,
                  client={"timeout": 30})
    queue = Queue(one.client, frames(data))
    assert digest(read_and_answer(one.client, queue, len(data))) == digest(data)


def test_framed_upload_to_an_echo_is_not_stuck_either(session):
    data = noise(8 * MEGABYTE)
    one = session(EchoBackend, settings=PONGS + "ws_framing typed; ws_send_timeout 5s;",
                  client={"timeout": 30})
    queue = Queue(one.client, frames(data))
    assert digest(read_and_answer(one.client, queue, len(data))) == digest(data)


def test_upload_of_the_ws_package_comes_back(gateway, backend, node):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; {PONGS} ws_send_timeout 5s; }}")
    got = node.run(
        """
        const { WebSocket } = require('ws');
        const socket = new WebSocket(args.url);
        socket.binaryType = 'arraybuffer';
        let size = 0;
        await new Promise((resolve, reject) => {
            socket.onerror = reject;
            socket.onclose = (event) => reject(new Error(`closed ${event.code}, ${size} bytes`));
            socket.onopen = () => socket.send(new Uint8Array(args.size));
            socket.onmessage = (event) => {
                size += event.data.byteLength;
                if (size >= args.size) resolve();
            };
        });
        socket.onclose = null;
        socket.close(1000);
        return size;
        """,
        url=front.url("/"), size=16 * MEGABYTE,
    )
    assert got == 16 * MEGABYTE


def test_client_that_has_said_close_is_asked_for_no_pong(session):
    """With half-close it reads on, and nothing that it says is heard."""
    data = noise(4 * MEGABYTE)

    def speak(connection):
        connection.send(data)
        connection.finish()
        connection.read_all()

    one = session(ScriptedBackend, speak, settings=PONGS + "ws_half_close on; ws_pong_timeout 2s;")
    one.client.send(frame(CLOSE, close_payload(1000)))
    got = bytearray()
    while (came := one.client.read_frame()).opcode != CLOSE:
        if came.opcode == BINARY:
            got += came.payload
    assert digest(got) == digest(data)
    assert came.close == (1000, "")


def test_session_that_ends_waits_for_no_pong(session):
    """Not for as long as an end may take: the backend's FIN is behind what was not confirmed."""
    one = session(SendingBackend, noise(MEGABYTE), settings=PONGS + "ws_close_timeout 50s;")
    Ponger(one.client).read_until_quiet()
    one.client.send_close(1000)
    while (came := one.client.read_frame()).opcode != CLOSE:
        pass
    assert came.close == (1000, "")
    assert one.connection.wait_ended() in ("eof", "reset")
    one.client.close()
    one.front.access_log(lines=1)
