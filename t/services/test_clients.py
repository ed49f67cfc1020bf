"""Clients that others wrote: python3-websockets, and ws for node."""

import asyncio
import random

import pytest
import websockets

from harness.backends import (EchoBackend, RecordingBackend, ResetBackend, ScriptedBackend,
                      SpeakFirstBackend)
from harness.gateway import certificate, client_tls

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, 2**20]
LARGE = 16 * 2**20

SCHEMES = pytest.mark.parametrize("scheme", ["ws", "wss"])


@pytest.fixture
def serve(gateway, backend):
    """serve(EchoBackend): a gateway with TLS beside it, and the backend."""

    def start(kind, *args, settings="", **parts):
        service = backend(kind, *args)
        front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}",
                        tls=True, **parts)
        return front, service

    return start


def connect(front, scheme="ws", **options):
    options = {"max_size": None, "compression": None, **options}
    if scheme == "wss":
        options["ssl"] = client_tls()
    return websockets.connect(front.url("/", scheme), **options)


async def receive(client, size):
    """So many bytes, in however many messages."""
    parts = []
    while size > 0:
        parts.append(await client.recv())
        size -= len(parts[-1])
    return b"".join(parts)


# --- python3-websockets


@SCHEMES
async def test_websockets_echoes_all_sizes(serve, scheme):
    front, _ = serve(EchoBackend)
    payload = random.Random(1).randbytes(max(SIZES))
    async with connect(front, scheme) as client:
        for size in SIZES:
            await client.send(payload[:size])
            assert await receive(client, size) == payload[:size]


@SCHEMES
async def test_websockets_echoes_a_large_message(serve, scheme):
    front, _ = serve(EchoBackend)
    payload = random.Random(2).randbytes(LARGE)
    async with connect(front, scheme) as client:
        sending = asyncio.create_task(client.send(payload))
        assert await receive(client, LARGE) == payload
        await sending


async def test_websockets_offers_compression_and_gets_none(serve):
    front, _ = serve(EchoBackend)
    async with connect(front, compression="deflate") as client:
        assert not client.extensions
        await client.send("a" * 5000)
        assert await receive(client, 5000) == b"a" * 5000


async def test_websockets_sends_fragments(serve):
    front, _ = serve(EchoBackend)
    parts = [b"", b"one ", b"", b"x" * 70000, b" two", b""]
    async with connect(front) as client:
        await client.send(parts)
        whole = b"".join(parts)
        assert await receive(client, len(whole)) == whole
        await client.send(iter(["grü", "ß ", "Gott"]))
        assert (await receive(client, 11)).decode() == "grüß Gott"


async def test_websockets_gets_text(serve):
    front, _ = serve(EchoBackend, settings="ws_frame_type text;")
    async with connect(front) as client:
        await client.send("grüß Gott €😀")
        assert await client.recv() == "grüß Gott €😀"


async def test_websockets_is_answered_its_pings(serve):
    front, _ = serve(RecordingBackend)
    async with connect(front) as client:
        pongs = [await client.ping(b"ping %d" % number) for number in range(10)]
        await asyncio.wait_for(asyncio.gather(*pongs), 10)
        await asyncio.wait_for(await client.ping(bytes(125)), 10)


async def test_websockets_answers_our_pings(serve):
    front, _ = serve(EchoBackend, settings="ws_ping_interval 30ms; ws_pong_timeout 5s;",
                     log_format="$ws_close_code $ws_frames_in $ws_frames_out")
    async with connect(front, ping_interval=None) as client:
        await asyncio.sleep(0.5)
        await client.send(b"still here")
        assert await client.recv() == b"still here"
        await client.close()
    code, frames_in, frames_out = map(int, front.access_log(1)[0].split())
    assert code == 1000
    # All but data and Close are pings and pongs.
    assert frames_out - 2 >= 4
    assert frames_in >= frames_out - 1


@SCHEMES
@pytest.mark.parametrize("code, reason", [
    (1000, ""), (1001, "going"), (1008, "grüß Gott"), (3000, "x" * 123), (4999, ""), (1011, "")])
async def test_websockets_closes(serve, scheme, code, reason):
    front, service = serve(RecordingBackend)
    async with connect(front, scheme) as client:
        await client.send(b"the last words")
        await client.close(code, reason)
        assert (client.close_code, client.close_reason) == (code, "")
    assert service.wait_connection().wait_ended() == "eof"
    assert service.wait_connection().wait_received(len(b"the last words")) == b"the last words"


async def test_websockets_hears_the_backend_end(serve):
    front, _ = serve(SpeakFirstBackend, b"it is noon", True)
    async with connect(front) as client:
        assert await receive(client, 10) == b"it is noon"
        with pytest.raises(websockets.ConnectionClosedOK):
            await client.recv()
        assert (client.close_code, client.close_reason) == (1000, "")


async def test_websockets_hears_of_a_reset(serve):
    front, _ = serve(ResetBackend, 4)
    async with connect(front) as client:
        await client.send(b"kill")
        with pytest.raises(websockets.ConnectionClosedError):
            await client.recv()
        assert client.close_code == 1011
        assert "reset" in client.close_reason


async def test_websockets_hears_that_its_message_is_too_big(serve):
    front, service = serve(RecordingBackend, settings="ws_max_message_size 1000;")
    async with connect(front) as client:
        await client.send(bytes(1000))
        await client.send(bytes(1001))
        with pytest.raises(websockets.ConnectionClosedError):
            await client.recv()
        assert client.close_code == 1009
    assert service.wait_connection().wait_ended() == "eof"
    assert len(service.wait_connection().wait_received(1000)) == 1000


async def test_websockets_hears_the_refusal(gateway):
    front = gateway("location / { ws_pass 127.0.0.1:1; }")
    with pytest.raises(websockets.InvalidStatusCode) as refusal:
        await websockets.connect(front.url("/"))
    assert refusal.value.status_code == 502


async def test_websockets_chats_many_at_once(serve):
    front, _ = serve(EchoBackend)

    async def chat(number):
        async with connect(front) as client:
            for turn in range(20):
                said = b"%d says %d" % (number, turn)
                await client.send(said)
                assert await receive(client, len(said)) == said

    await asyncio.gather(*(chat(number) for number in range(50)))


# --- ws for node

PRELUDE = """
    const { WebSocket } = require('ws');
    const { once } = require('node:events');
    const { createHash } = require('node:crypto');

    async function open(options = {}) {
        const socket = new WebSocket(args.url, { ca: args.ca, ...options });
        await once(socket, 'open');
        return socket;
    }

    // So many bytes, in however many messages.
    function receive(socket, size) {
        return new Promise((resolve, reject) => {
            const parts = [];
            const take = (data) => {
                parts.push(data);
                size -= data.length;
                if (size <= 0) {
                    socket.off('message', take);
                    resolve(Buffer.concat(parts));
                }
            };
            socket.on('message', take);
            socket.once('close', (code) => reject(new Error(`closed, ${code}`)));
            socket.once('error', reject);
            if (size === 0) {
                socket.off('message', take);
                resolve(Buffer.alloc(0));
            }
        });
    }

    async function close(socket, ...how) {
        socket.close(...how);
        const [code, reason] = await once(socket, 'close');
        return [code, reason.toString()];
    }
"""


@pytest.fixture
def in_node(node, serve):
    """in_node(script, EchoBackend): what the script returns, and the backend."""

    def run(script, kind, *args, settings="", scheme="ws", **given):
        front, service = serve(kind, *args, settings=settings)
        trusted = certificate()[0].read_text()
        return node.run(PRELUDE + script, url=front.url("/", scheme), ca=trusted, **given), service

    return run


@SCHEMES
def test_ws_echoes_all_sizes(in_node, scheme):
    wrong, _ = in_node(
        """
        const socket = await open();
        const wrong = [];
        for (const size of args.sizes) {
            const data = Buffer.alloc(size);
            for (let at = 0; at < size; at += 1) data[at] = at * 31 >> 3;
            const answer = receive(socket, size);
            socket.send(data);
            if (!data.equals(await answer)) wrong.push(size);
        }
        socket.removeAllListeners('close');
        socket.terminate();
        return wrong;
        """,
        EchoBackend, scheme=scheme, sizes=SIZES)
    assert wrong == []


@SCHEMES
def test_ws_echoes_a_large_message(in_node, scheme):
    got, _ = in_node(
        """
        const socket = await open();
        const data = Buffer.alloc(args.size);
        for (let at = 0; at < data.length; at += 4) {
            data.writeUInt32LE(at * 2654435761 % 2 ** 32, at);
        }
        const answer = receive(socket, data.length);
        socket.send(data);
        const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
        const same = hash(await answer) === hash(data);
        socket.removeAllListeners('close');
        return { same, closed: await close(socket, 1000) };
        """,
        EchoBackend, scheme=scheme, size=LARGE)
    assert got == {"same": True, "closed": [1000, ""]}


def test_ws_sends_fragments(in_node):
    got, service = in_node(
        """
        const socket = await open();
        socket.send('', { fin: false, binary: false });
        socket.send('grüß ', { fin: false });
        socket.ping('between');
        socket.send('', { fin: false });
        socket.send('Gott', { fin: true });
        socket.send(Buffer.alloc(70000, 'x'), { fin: false });
        socket.send(Buffer.alloc(0), { fin: true });
        const [pong] = await once(socket, 'pong');
        return { pong: pong.toString(), closed: await close(socket, 4000, 'enough') };
        """,
        RecordingBackend)
    assert got == {"pong": "between", "closed": [4000, ""]}
    assert service.wait_connection().wait_ended() == "eof"
    sent = "grüß Gott".encode() + b"x" * 70000
    assert service.wait_connection().wait_received(len(sent)) == sent


def test_ws_gets_text(in_node):
    got, _ = in_node(
        """
        const socket = await open();
        socket.send('grüß Gott €😀');
        const [data, binary] = await once(socket, 'message');
        socket.terminate();
        return [data.toString(), binary];
        """,
        EchoBackend, settings="ws_frame_type text;")
    assert got == ["grüß Gott €😀", False]


def test_ws_and_the_gateway_ping_each_other(in_node):
    got, _ = in_node(
        """
        const socket = await open();
        let pings = 0;
        const enough = new Promise((resolve) => {
            socket.on('ping', () => { if ((pings += 1) === 3) resolve(); });
        });
        const pongs = [];
        socket.on('pong', (data) => pongs.push(data.toString()));
        socket.ping('one');
        socket.ping('two');
        await enough;
        return { pongs, closed: await close(socket, 1000) };
        """,
        RecordingBackend, settings="ws_ping_interval 30ms; ws_pong_timeout 10s;")
    assert got == {"pongs": ["one", "two"], "closed": [1000, ""]}


@SCHEMES
@pytest.mark.parametrize("how, code", [
    ([], 1005), ([1000], 1000), ([1001, "going"], 1001), ([1008, "grüß"], 1008),
    ([3000, "x" * 123], 3000), ([4999], 4999)])
def test_ws_closes(in_node, scheme, how, code):
    got, service = in_node(
        """
        const socket = await open();
        socket.send('the last words');
        return close(socket, ...args.how);
        """,
        RecordingBackend, scheme=scheme, how=how)
    assert got == [code, ""]
    assert service.wait_connection().wait_ended() == "eof"
    assert service.wait_connection().wait_received(len(b"the last words")) == b"the last words"


@pytest.mark.parametrize("kind, given, code, word", [
    (SpeakFirstBackend, (b"it is noon", True), 1000, ""),
    (ResetBackend, (4,), 1011, "reset"),
])
def test_ws_hears_how_the_backend_ended(in_node, kind, given, code, word):
    got, _ = in_node(
        """
        const socket = await open();
        socket.send('kill');
        const [code, reason] = await once(socket, 'close');
        return [code, reason.toString()];
        """,
        kind, *given)
    assert got[0] == code
    assert word in got[1]


def test_ws_hears_that_the_backend_says_no_utf8(in_node):
    got, _ = in_node(
        """
        const socket = await open();
        const [code, reason] = await once(socket, 'close');
        return [code, reason.toString()];
        """,
        ScriptedBackend, lambda connection: (connection.send(b"\xff"), connection.read_all()),
        settings="ws_frame_type text;")
    assert got[0] == 1011
    assert "UTF-8" in got[1]


def test_ws_vanishes(in_node):
    _, service = in_node(
        """
        const socket = await open();
        await new Promise((sent) => socket.send('the last words', sent));
        socket.terminate();
        """,
        RecordingBackend)
    assert service.wait_connection().wait_ended() == "eof"
    assert service.wait_connection().wait_received(len(b"the last words")) == b"the last words"
