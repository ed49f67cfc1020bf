"""permessage-deflate against real clients: what is agreed, what comes out, and what it may cost."""

import itertools
import os
import random
import time
import zlib

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from backends import EchoBackend, RecordingBackend, SilentBackend, SlowBackend, SpeakFirstBackend
from flood import MEGABYTE, Flood, digest
from gateway import client_tls, wait_until
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame

RSV1 = 4
OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate")
TAKEOVER = "ws_deflate_context_takeover on;"

# What a session takes once its memory has been touched, see test_pressure.py.
SESSION_MEMORY = 4 * MEGABYTE


def text_of(size, seed=1):
    """Text that compresses well, and is UTF-8 however long."""
    words = ["price", "12.50", '{"name": ', "}, ", "\n", "true", "0123456789", "a", "zero"]
    pick = random.Random(seed)
    text = "".join(pick.choices(words, k=size // 2 + 1))
    return text[:size].encode()


def half_noise(size):
    """Bytes that compress badly."""
    noise = random.Random(2).randbytes(size)
    return noise.translate(bytes(at % 64 for at in range(256)))


KINDS = {
    "well": text_of,
    "badly": half_noise,
    "not at all": os.urandom,
    "zeros": bytes,
}


class Deflater:
    """A client's compressor, with or without takeover."""

    def __init__(self, bits=15, takeover=True, level=6):
        self._new = lambda: zlib.compressobj(level, zlib.DEFLATED, -bits)
        self._takeover = takeover
        self._state = self._new()

    def __call__(self, data):
        if not self._takeover:
            self._state = self._new()
        deflated = self._state.compress(data) + self._state.flush(zlib.Z_SYNC_FLUSH)
        assert deflated.endswith(b"\0\0\xff\xff")
        return deflated[:-4]


class DeflateClient(RawClient):
    """Reads compressed messages too, and counts them."""

    compressed = 0

    def open(self, path="/", *, offer=OFFER[1], **how):
        response = super().open(path, fields=[(OFFER[0], offer)], **how)
        self.answer = response.get("sec-websocket-extensions")
        self._takeover = self.answer and "server_no_context_takeover" not in self.answer
        self._inflater = zlib.decompressobj(-15)
        return response

    def read_frame(self):
        first = self.read(1)[0]
        compressed = first >> 4 & RSV1
        self.buffer = bytes([first & 0xbf]) + self.buffer
        got = super().read_frame()
        if compressed:
            assert self.answer and got.opcode in (TEXT, BINARY) and got.fin
            self.compressed += 1
            if not self._takeover:
                self._inflater = zlib.decompressobj(-15)
            got.payload = self._inflater.decompress(got.payload + b"\0\0\xff\xff")
            assert not self._inflater.unconsumed_tail
        return got


@pytest.fixture
def deflated(gateway, backend):
    """Opens a DeflateClient through a gateway: deflated(EchoBackend, settings="...")."""
    opened = []

    def start(kind, *args, settings="", http="", offer=OFFER[1], then=b"", client=None, **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; ws_deflate on; {settings} }}",
                        http=http)
        opened.append(DeflateClient(front.port, **(client or {})))
        opened[-1].open(offer=offer, then=then)
        return front, service, opened[-1]

    yield start
    for one in opened:
        one.close()


# --- what is agreed


@pytest.mark.parametrize("settings, offer, answer", [
    ("", "permessage-deflate",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    (TAKEOVER, "permessage-deflate", "permessage-deflate"),
    (TAKEOVER, "permessage-deflate; client_max_window_bits", "permessage-deflate"),
    (TAKEOVER + "ws_deflate_window_bits 11;", "permessage-deflate; client_max_window_bits",
     "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11"),
    (TAKEOVER + "ws_deflate_window_bits 11;", "permessage-deflate",
     "permessage-deflate; server_max_window_bits=11"),
    (TAKEOVER, "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; server_max_window_bits=10"),
    (TAKEOVER, "permessage-deflate; level=9, permessage-deflate; client_no_context_takeover",
     "permessage-deflate; client_no_context_takeover"),
    ("", "permessage-deflate; server_max_window_bits=8", None),
    ("", "x-webkit-deflate-frame", None),
    ("", "permessage-deflate;", None),
    ("ws_deflate off;", "permessage-deflate", None),
])
def test_answer_to_an_offer(gateway, backend, settings, offer, answer):
    echo = backend(EchoBackend)
    settings = settings if "ws_deflate off" in settings else "ws_deflate on;" + settings
    front = gateway(f"location / {{ ws_pass {echo.address}; {settings} }}")
    with DeflateClient(front.port) as client:
        client.open(offer=offer)
        assert client.answer == answer
        client.send_frame(TEXT, b"plain")
        assert client.read_data(5) == b"plain"


def test_nothing_is_agreed_without_the_directive(session):
    one = session(EchoBackend)
    fresh = DeflateClient(one.front.port)
    fresh.open()
    assert fresh.answer is None
    fresh.send_frame(TEXT, b"x", rsv=RSV1)
    assert fresh.read_close() == (1002, "reserved bit is set")
    fresh.close()


@pytest.mark.parametrize("setting", [
    "ws_deflate maybe;",
    "ws_deflate_level 0;",
    "ws_deflate_level 10;",
    "ws_deflate_window_bits 8;",
    "ws_deflate_window_bits 16;",
    "ws_deflate_memory_level 0;",
    "ws_deflate_min_length few;",
    "ws_deflate_memory 1m;",
])
def test_wrong_setting_is_refused(config_check, setting):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; {setting} }}")
    assert not accepted and "nginx.conf:" in said


# --- byte for byte


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", range(9, 16))
async def test_python_client_gets_its_bytes_back(gateway, backend, bits, takeover):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on;"
                    f" ws_deflate_window_bits {bits}; ws_deflate_min_length 0;"
                    f" ws_deflate_context_takeover {'on' if takeover else 'off'}; }}")
    offer = ClientPerMessageDeflateFactory(client_max_window_bits=True)
    async with websockets.connect(front.url(), extensions=[offer], compression=None,
                                  max_size=None) as client:
        extension, = client.extensions
        assert (extension.remote_no_context_takeover, extension.local_no_context_takeover) == (
            not takeover, not takeover)
        assert extension.remote_max_window_bits == extension.local_max_window_bits == bits
        for kind, size in itertools.product(KINDS.values(), (1, 300, 70_000)):
            data = kind(size)
            await client.send(data)
            back = bytearray()
            while len(back) < size:
                back += await client.recv()
            assert back == data


@pytest.mark.parametrize("settings", ["", TAKEOVER])
@pytest.mark.parametrize("kind", KINDS)
def test_large_messages_arrive_whole(deflated, settings, kind):
    front, service, client = deflated(RecordingBackend, settings=settings)
    deflate = Deflater(takeover=settings == TAKEOVER)
    data = KINDS[kind](16 * MEGABYTE)
    client.send(frame(BINARY, deflate(data), rsv=RSV1))
    received = service.wait_connection().wait_received(len(data), timeout=30)
    assert digest(received) == digest(data)
    client.send(frame(BINARY, deflate(b"after it"), rsv=RSV1))
    assert service.wait_connection().wait_received(len(data) + 8)[-8:] == b"after it"
    client.send_close(1000)
    assert client.read_close() == (1000, "")


@pytest.mark.parametrize("settings, size", [
    ("", 16),
    (TAKEOVER, 16),
    ("ws_deflate_window_bits 9;", 4),
    (TAKEOVER + "ws_deflate_window_bits 9;", 4),
    (TAKEOVER + "ws_deflate_level 9; ws_deflate_memory_level 1;", 1),
])
@pytest.mark.parametrize("kind", KINDS)
def test_large_streams_reach_the_client_whole(deflated, settings, size, kind):
    data = KINDS[kind](size * MEGABYTE)
    _, _, client = deflated(SpeakFirstBackend, data, settings=settings)
    assert digest(client.read_data(len(data))) == digest(data)
    assert client.compressed > 0 or kind == "not at all"


@pytest.mark.parametrize("settings", ["", TAKEOVER])
def test_text_for_the_client_is_compressed_between_code_points(deflated, settings):
    data = "aé€😀".encode() * 300_000
    _, _, client = deflated(SpeakFirstBackend, data, settings=settings + "ws_frame_type text;")
    received = b""
    while len(received) < len(data):
        got = client.read_frame()
        assert got.opcode == TEXT
        got.payload.decode()
        received += got.payload
    assert digest(received) == digest(data)
    assert client.compressed > 0


@pytest.mark.parametrize("takeover", [False, True])
def test_ws_package_gets_its_bytes_back(gateway, backend, node, takeover):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on;"
                    f" ws_deflate_context_takeover {'on' if takeover else 'off'}; }}")
    result = node.run("""
        const { WebSocket } = require('ws');
        const crypto = require('node:crypto');
        const kinds = {
            well: (size) => Buffer.alloc(size, 'the same again, and again; '),
            badly: (size) => crypto.randomBytes(size).map((byte) => byte & 63),
            not: (size) => crypto.randomBytes(size),
        };
        const client = new WebSocket(args.url, { perMessageDeflate: { threshold: 0 } });
        await new Promise((resolve, reject) => { client.on('open', resolve).on('error', reject); });
        const wrong = [];
        for (const [kind, make] of Object.entries(kinds)) {
            for (const size of [1, 1000, 100000, 16 << 20]) {
                const data = make(size);
                const back = new Promise((resolve) => {
                    const parts = [];
                    let left = size;
                    client.removeAllListeners('message').on('message', (part) => {
                        parts.push(part);
                        left -= part.length;
                        if (left <= 0) resolve(Buffer.concat(parts));
                    });
                });
                client.send(data);
                if (!data.equals(await back)) wrong.push(`${kind} ${size}`);
            }
        }
        const { params } = client._extensions['permessage-deflate'];
        const closed = new Promise((resolve) => client.on('close', resolve));
        client.close(1000);
        return { params, wrong, code: await closed };
    """, url=front.url())
    names = [] if takeover else ["server_no_context_takeover", "client_no_context_takeover"]
    assert result == {"params": dict.fromkeys(names, True), "wrong": [], "code": 1000}


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", [9, 15])
def test_chromium_gets_its_bytes_back(gateway, backend, browser, takeover, bits):
    echo = backend(EchoBackend)
    front = gateway(f"""
        location = / {{ return 200 "<!doctype html><title>a page</title>"; default_type text/html; }}
        location /echo {{ ws_pass {echo.address}; ws_deflate on;
                          ws_deflate_window_bits {bits};
                          ws_deflate_context_takeover {'on' if takeover else 'off'}; }}""")
    result = browser.run("""
        await page.goto(args.page);
        return page.evaluate(async (url) => {
            const socket = new WebSocket(url);
            socket.binaryType = 'arraybuffer';
            await new Promise((resolve) => { socket.onopen = resolve; });
            const wrong = [];
            for (const mask of [1, 63, 255]) {
                for (const size of [1, 1000, 100000, 4 << 20]) {
                    const data = new Uint8Array(size);
                    for (let at = 0; at < size; at += 65536) {
                        crypto.getRandomValues(data.subarray(at, Math.min(at + 65536, size)));
                    }
                    for (let at = 0; at < size; at++) data[at] &= mask;
                    let got = 0, same = true;
                    const back = new Promise((resolve) => {
                        socket.onmessage = ({ data: part }) => {
                            for (const byte of new Uint8Array(part)) {
                                same = same && byte === data[got++];
                            }
                            if (got >= size) resolve();
                        };
                    });
                    socket.send(data);
                    await back;
                    if (!same || got !== size) wrong.push(`${mask} ${size}`);
                }
            }
            return { extensions: socket.extensions, wrong };
        }, args.url);
    """, page=front.url("/", "http"), url=front.url("/echo"))
    assert result["wrong"] == []
    parts = result["extensions"].split("; ")
    assert ("server_no_context_takeover" in parts) == (not takeover)
    assert ("client_max_window_bits=9" in parts) == (bits == 9)


def test_both_ways_over_tls(gateway, backend):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on; }}", tls=True)
    data = text_of(2 * MEGABYTE)
    deflate = Deflater(takeover=False)
    with DeflateClient(front.ssl_port, tls=client_tls()) as client:
        client.open()
        flood = Flood(client.send, [frame(BINARY, deflate(data[at:at + 50_000]), rsv=RSV1)
                                    for at in range(0, len(data), 50_000)])
        assert digest(client.read_data(len(data))) == digest(data)
        flood.wait_done()
        assert client.compressed > 0


def test_messages_that_came_with_the_handshake_are_inflated(deflated):
    deflate = Deflater(takeover=False)
    early = (frame(TEXT, deflate(b"early "), rsv=RSV1) + frame(PING, b"?")
             + frame(TEXT, deflate(b"bytes" * 20), rsv=RSV1)[:9])
    rest = frame(TEXT, deflate(b"bytes" * 20), rsv=RSV1)[9:]
    _, service, client = deflated(RecordingBackend, then=early)
    client.send(rest)
    assert service.wait_connection().wait_received(106) == b"early " + b"bytes" * 20


def test_many_sessions_share_their_states(deflated):
    front, _, first = deflated(EchoBackend)
    deflate = Deflater(takeover=False)
    clients = [first] + [DeflateClient(front.port) for _ in range(19)]
    for client in clients[1:]:
        client.open()
    try:
        # Each has a message open while the others do; half of it comes at a time.
        messages = [text_of(30_000 + number, seed=number) for number in range(20)]
        sent = [frame(BINARY, deflate(message), rsv=RSV1) for message in messages]
        for client, whole in zip(clients, sent):
            client.send(whole[:len(whole) // 2])
        for client, whole in zip(clients, sent):
            client.send(whole[len(whole) // 2:])
        for client, message in zip(clients, messages):
            assert client.read_data(len(message)) == message
            assert client.compressed > 0
    finally:
        for client in clients:
            client.close()


# --- messages in pieces, with and without compression


def test_uncompressed_messages_are_legal_after_negotiation(deflated):
    _, service, client = deflated(RecordingBackend, settings=TAKEOVER)
    deflate = Deflater()
    client.send(frame(TEXT, b"plain, ") + frame(TEXT, deflate(b"deflated, "), rsv=RSV1)
                + frame(BINARY, b"plain, ") + frame(BINARY, deflate(b"deflated"), rsv=RSV1))
    assert service.wait_connection().wait_received(32) == b"plain, deflated, plain, deflated"


def test_controls_between_compressed_fragments_are_answered(deflated):
    _, service, client = deflated(RecordingBackend)
    data = text_of(100_000)
    whole = Deflater(takeover=False)(data)
    cuts = [0, 1, 2, 500, 501, len(whole) - 1, len(whole)]
    pieces = [whole[begin:end] for begin, end in itertools.pairwise(cuts)]
    for number, piece in enumerate(pieces):
        client.send(frame(TEXT if number == 0 else CONTINUATION, piece, fin=False,
                          rsv=RSV1 if number == 0 else 0))
        client.send(frame(PING, b"%d" % number))
        got = client.read_frame()
        assert (got.opcode, got.payload) == (PONG, b"%d" % number)
    client.send(frame(CONTINUATION, b""))
    assert service.wait_connection().wait_received(len(data)) == data


def test_every_ping_of_one_read_is_answered(deflated):
    _, _, client = deflated(RecordingBackend)
    client.send(b"".join(frame(PING, b"%d" % number) for number in range(500)))
    for number in range(500):
        assert client.read_frame().payload == b"%d" % number


def test_byte_by_byte(deflated):
    _, service, client = deflated(RecordingBackend)
    data = text_of(2000)
    for byte in frame(TEXT, Deflater(takeover=False)(data), rsv=RSV1):
        client.send(bytes([byte]))
    assert service.wait_connection().wait_received(len(data)) == data


def test_short_messages_go_out_as_they_are(deflated):
    _, service, client = deflated(EchoBackend, settings="ws_deflate_min_length 100;")
    client.send_frame(BINARY, b"a" * 99)
    assert client.read_data(99) == b"a" * 99
    assert client.compressed == 0
    client.send_frame(BINARY, b"a" * 100)
    assert client.read_data(100) == b"a" * 100
    assert client.compressed == 1


# --- broken rules


@pytest.mark.parametrize("sent, code, reason", [
    (frame(TEXT, b"\x06", rsv=RSV1), 1007, "compressed message is broken"),
    (frame(BINARY, b"\xf2\x48\xcd", rsv=RSV1), 1007, "compressed message is broken"),
    (frame(TEXT, Deflater()(b"ok\xff"), rsv=RSV1), 1007, "text is not UTF-8"),
    (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=RSV1), 1002,
     "reserved bit is set"),
    (frame(TEXT, b"\xf2\x48", fin=False, rsv=RSV1) + frame(CONTINUATION, b"\xcd", rsv=RSV1), 1002,
     "reserved bit is set"),
    (frame(PING, b"", rsv=RSV1), 1002, "reserved bit is set"),
    (frame(CLOSE, b"", rsv=RSV1), 1002, "reserved bit is set"),
    (frame(TEXT, b"", rsv=2), 1002, "reserved bit is set"),
    (frame(TEXT, Deflater()(bytes(1001)), rsv=RSV1), 1009, "message is too big"),
])
def test_broken_rule_has_its_code(deflated, sent, code, reason):
    _, service, client = deflated(RecordingBackend, settings="ws_max_message_size 1000;")
    client.send(frame(BINARY, b"good") + sent)
    assert client.read_close() == (code, reason)
    assert service.wait_connection().wait_received(4)[:4] == b"good"
    client.send_close(code)
    assert client.read_end() == "eof"
    assert service.wait_connection().wait_ended() == "eof"


def test_no_message_refers_to_one_before_without_takeover(deflated):
    _, service, client = deflated(RecordingBackend)
    deflate = Deflater()
    client.send(frame(BINARY, deflate(b"Hello, hello, hello"), rsv=RSV1))
    assert service.wait_connection().wait_received(19)
    client.send(frame(BINARY, deflate(b"Hello, hello, hello"), rsv=RSV1))
    assert client.read_close() == (1007, "compressed message is broken")


# --- what it may cost


def bomb(size):
    """Zeros of this size, compressed: about a thousandth of it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [deflate.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join(parts) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]


def test_bomb_costs_a_worker_no_memory(deflated):
    front, service, client = deflated(SlowBackend, 65536, 0.01, receive_buffer=262144)
    client.send(frame(BINARY, Deflater(takeover=False)(bytes(100_000)), rsv=RSV1))
    service.wait_connection().wait_received(100_000)
    before = front.memory()
    Flood(client.send, [frame(BINARY, bomb(1024 * MEGABYTE), rsv=RSV1)])
    most = before
    until = time.monotonic() + 3
    while time.monotonic() < until:
        most = max(most, front.memory())
        time.sleep(0.02)
    assert len(service.wait_connection().received) > 4 * MEGABYTE
    assert most - before < SESSION_MEMORY


def test_worker_sleeps_while_a_bomb_waits_for_its_backend(deflated):
    front, _, client = deflated(SilentBackend, receive_buffer=262144)
    Flood(client.send, [frame(BINARY, bomb(64 * MEGABYTE), rsv=RSV1)])
    time.sleep(0.5)
    before = front.cpu_seconds()
    time.sleep(1)
    assert front.cpu_seconds() - before <= 0.05
    other = DeflateClient(front.port)
    other.open()
    other.send_frame(PING, b"awake")
    assert other.read_frame().payload == b"awake"
    other.close()


def test_bomb_lets_other_sessions_have_their_turn(deflated):
    front, service, client = deflated(RecordingBackend)
    Flood(client.send, [frame(BINARY, bomb(512 * MEGABYTE), rsv=RSV1)])
    service.wait_connection().wait_received(MEGABYTE)
    other = DeflateClient(front.port)
    other.open()
    waits = []
    for _ in range(20):
        begin = time.monotonic()
        other.send_frame(PING, b"?")
        assert other.read_frame().opcode == PONG
        waits.append(time.monotonic() - begin)
    other.close()
    assert sorted(waits)[10] < 0.1, waits


def test_bomb_ends_with_its_client(deflated):
    front, service, client = deflated(SlowBackend, receive_buffer=262144)
    Flood(client.send, [frame(BINARY, bomb(256 * MEGABYTE), rsv=RSV1)])
    service.wait_connection().wait_received(100_000)
    service.wait_connection().close()
    assert client.read_close()[0] == 1011
    client.close()
    wait_until(lambda: front.open_files() < 12, what="the session's end")


def test_message_after_a_stall_is_whole(deflated):
    front, service, client = deflated(SilentBackend, receive_buffer=65536)
    data = text_of(8 * MEGABYTE)
    deflate = Deflater(takeover=False)
    flood = Flood(client.send, [frame(BINARY, deflate(data[at:at + 500_000]), rsv=RSV1)
                                for at in range(0, len(data), 500_000)])
    time.sleep(0.5)
    service.resume()
    assert digest(service.wait_connection().wait_received(len(data), 30)) == digest(data)
    flood.wait_done()


def test_idle_sessions_hold_no_memory_without_takeover(deflated):
    front, _, first = deflated(EchoBackend)
    clients = [first] + [DeflateClient(front.port) for _ in range(200)]
    deflate = Deflater(takeover=False)
    try:
        for client in clients[1:]:
            client.open()
        before = front.memory()
        for client in clients:
            client.send(frame(BINARY, deflate(bytes(5000)), rsv=RSV1))
            assert client.read_data(5000) == bytes(5000)
        assert front.memory() - before < 2 * MEGABYTE
    finally:
        for client in clients:
            client.close()


def test_memory_is_given_back_with_its_session(deflated):
    front, _, first = deflated(EchoBackend, settings=TAKEOVER + "ws_deflate_memory_level 9;")
    data = half_noise(60_000)

    def burst():
        clients = [DeflateClient(front.port) for _ in range(50)]
        for client in clients:
            client.open()
            client.send_frame(BINARY, data)
            assert client.read_data(len(data)) == data
            assert client.compressed > 0
        most = front.memory()
        for client in clients:
            client.close()
        wait_until(lambda: front.open_files() < 20, what="the sessions' end")
        return most

    burst()
    before = front.memory()
    assert burst() - before > 10 * MEGABYTE
    assert front.memory() - before < MEGABYTE


def test_compression_ends_where_its_memory_does(deflated):
    # 40 KiB to inflate and about 150 KiB to deflate, for each session.
    front, _, first = deflated(EchoBackend, settings=TAKEOVER, http="ws_deflate_memory 500k;")
    clients = [DeflateClient(front.port) for _ in range(4)]
    try:
        for client in clients:
            client.open()
        assert [bool(client.answer) for client in [first] + clients] == [True] * 2 + [False] * 3
        clients[-1].send_frame(BINARY, b"a" * 1000)
        assert clients[-1].read_data(1000) == b"a" * 1000
        assert clients[-1].compressed == 0
        assert "ws_deflate_memory is used up" in front.error_log()
        first.close()
        wait_until(lambda: any_agreed(front), what="memory for a new session")
    finally:
        for client in clients:
            client.close()


def any_agreed(front):
    with DeflateClient(front.port) as client:
        client.open()
        return client.answer
