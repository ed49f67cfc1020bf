"""ws_client_ack pong: a pong is what confirms for the client."""

import os
import threading
import time

import pytest
import websockets

from harness.flood import MEGABYTE, digest, noise
from harness.gateway import assert_idle
from harness.ponger import Ponger
from harness.raw import BINARY, PING, frame
from harness.senders import SendingBackend
from harness.sessions import plain_and_tls

PONGS = "ws_client_ack pong; ws_client_window 256k;"
WINDOW = 256 * 1024
ONE_READ = 128 * 1024  # ws_buffer_size: so much may come behind the last that the window takes


@plain_and_tls
def test_client_that_pongs_late_pauses_the_backend(session, tls):
    data = noise(4 * MEGABYTE)
    one = session(SendingBackend, data, tls=tls, settings=PONGS)
    client = Ponger(one.client)
    shown = client.read_until_quiet()
    assert WINDOW <= shown <= WINDOW + ONE_READ
    assert client.read_until_quiet() == shown
    assert_idle(one.front)

    # Half of the window is confirmed, and no more is sent than that leaves room for.
    total = shown
    while len(client.payload) < len(data):
        assert client.pings, "no marker to answer"
        client.pong(client.pings[-1])
        client.pings.clear()
        client.read_some()
        client.read_until_quiet(0.15)
        assert total < len(client.payload) <= total + WINDOW + ONE_READ
        total = len(client.payload)
    assert digest(client.payload) == digest(data)


def test_pongs_that_answer_nothing_confirm_nothing(session):
    one = session(SendingBackend, noise(4 * MEGABYTE), settings=PONGS)
    client = Ponger(one.client)
    shown = client.read_until_quiet()
    newest = client.pings[-1]
    assert len(client.pings) >= 3
    number, offset = newest[:4], int.from_bytes(newest[4:], "big")
    assert shown <= offset < shown + 1000
    after = (int.from_bytes(number, "big") + 1).to_bytes(4, "big")
    for wrong in (b"", b"keepalive", newest[:-1], newest + b"\0", os.urandom(12),
                  after + newest[4:],                        # from the future
                  number + (offset + 1).to_bytes(8, "big"),  # altered
                  number + bytes(8), bytes(12), b"\xff" * 12):
        client.pong(wrong)
    assert client.read_until_quiet() == shown
    client.pong(client.pings[0])  # true, and not enough
    assert client.read_until_quiet() == shown
    client.pong(client.pings[0])
    client.pong(newest)
    client.pong(newest)
    client.pong(client.pings[1])  # stale
    assert client.read_until_quiet() > shown


def test_client_that_sends_data_and_never_pongs_is_cut(session):
    one = session(SendingBackend, noise(4 * MEGABYTE),
                  settings=PONGS + "ws_pong_timeout 700ms; ws_ping_interval 0;")
    stop = threading.Event()

    def talk():
        while not stop.wait(0.05):
            try:
                one.client.send_frame(BINARY, b"I am alive")
            except OSError:
                return

    threading.Thread(target=talk, daemon=True).start()
    began = time.monotonic()
    while (got := one.client.read_frame()).opcode in (BINARY, PING):
        pass
    stop.set()
    assert got.close == (1008, "no pong in time")
    assert time.monotonic() - began >= 0.5


def test_client_inside_a_long_frame_is_not_cut(session):
    """Its pong has to wait for the end of the frame, which a slow line brings late."""
    data = noise(MEGABYTE)
    one = session(SendingBackend, data,
                  settings=PONGS + "ws_pong_timeout 2s; ws_ping_interval 0;")
    client = Ponger(one.client)
    upload = frame(BINARY, bytes(120))
    end = time.monotonic() + 6
    for at in range(len(upload)):
        one.client.send(upload[at:at + 1])
        client.read_until_quiet(0.05)
        if time.monotonic() > end:
            one.client.send(upload[at + 1:])
            break
    assert WINDOW <= len(client.payload) < len(data)
    one.client.timeout = 10
    one.client.sock.settimeout(10)
    while len(client.payload) < len(data):
        for ping in client.pings:
            client.pong(ping)
        client.pings.clear()
        client.read()
    assert digest(client.payload) == digest(data)


def test_client_that_pongs_is_not_cut(session):
    data = noise(2 * MEGABYTE)
    one = session(SendingBackend, data,
                  settings=PONGS + "ws_pong_timeout 700ms; ws_ping_interval 0;")
    client = Ponger(one.client)
    end = time.monotonic() + 1.5
    client.read_until_quiet(0.2)
    while time.monotonic() < end:  # slowly, and always in time
        client.pong(client.pings.pop(0) if len(client.pings) > 1 else client.pings[0])
        client.read_until_quiet(0.1)
    one.client.sock.settimeout(10)
    one.client.timeout = 10
    while len(client.payload) < len(data):
        if client.pings:
            client.pong(client.pings.pop(0))
        else:
            client.read()
    assert digest(client.payload) == digest(data)


@pytest.mark.parametrize("interval", ["", "ws_ack_interval 4k;", "ws_ack_interval 1m;"],
                         ids=["default", "4k", "beyond the window"])
async def test_websockets_package_confirms_without_knowing(gateway, backend, interval):
    data = noise(6 * MEGABYTE)
    flooding = backend(SendingBackend, data)
    front = gateway(f"location / {{ ws_pass {flooding.address}; {PONGS} {interval} }}")
    got = bytearray()
    async with websockets.connect(front.url("/"), max_size=None) as client:
        while len(got) < len(data):
            got += await client.recv()
    assert digest(got) == digest(data)


def test_ws_package_confirms_without_knowing(gateway, backend, node):
    data = noise(6 * MEGABYTE)
    flooding = backend(SendingBackend, data)
    front = gateway(f"location / {{ ws_pass {flooding.address}; {PONGS} }}",
                    log_format="$ws_undelivered_client $ws_rtt")
    got = node.run(
        """
        const { WebSocket } = require('ws');
        const hash = require('node:crypto').createHash('sha256');
        const socket = new WebSocket(args.url);
        let size = 0;
        await new Promise((resolve, reject) => {
            socket.on('error', reject);
            socket.on('message', (data) => {
                hash.update(data);
                size += data.length;
                if (size >= args.size) resolve();
            });
        });
        socket.close(1000);
        return hash.digest('hex');
        """,
        url=front.url("/"), size=len(data),
    )
    assert got == digest(data)
    undelivered, rtt = front.access_log(lines=1)[0].split()
    assert undelivered == "0"
    assert 0 < float(rtt) < 5
