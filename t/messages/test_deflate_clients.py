"""permessage-deflate with real clients and large messages, byte for byte."""

import asyncio
import itertools

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness.backends import EchoBackend, RecordingBackend, SpeakFirstBackend
from harness.deflate_client import KINDS, RSV1, TAKEOVER, DeflateClient, Deflater, deflated, text_of
from harness.flood import MEGABYTE, digest
from harness.gateway import client_tls
from harness.raw import BINARY, TEXT, frame

__all__ = ["deflated"]  # a fixture


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


@pytest.mark.parametrize("takeover", ["off", "on"])
@pytest.mark.parametrize("kind", KINDS)
async def test_python_client_gets_large_messages_back(gateway, backend, takeover, kind):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on;"
                    f" ws_deflate_context_takeover {takeover}; }}")
    data = KINDS[kind](16 * MEGABYTE)
    async with websockets.connect(front.url(), compression="deflate", max_size=None) as client:
        assert client.extensions

        async def receive():
            back = bytearray()
            while len(back) < len(data):
                back += await client.recv()
            return back

        _, back = await asyncio.gather(client.send(data), receive())
        assert digest(back) == digest(data)


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


# The largest payload that goes there and back, by window bits.
LARGEST = dict.fromkeys(range(9, 16), 300_000) | {9: 16 * MEGABYTE, 15: 16 * MEGABYTE}


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", LARGEST)
def test_ws_package_gets_its_bytes_back(gateway, backend, node, bits, takeover):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on;"
                    f" ws_deflate_window_bits {bits};"
                    f" ws_deflate_context_takeover {'on' if takeover else 'off'}; }}")
    result = node.run("""
        const { WebSocket } = require('ws');
        const crypto = require('node:crypto');
        const kinds = {
            well: (size) => Buffer.alloc(size, 'the same again, and again; '),
            badly: (size) => crypto.randomBytes(size).map((byte) => byte & 63),
            not: (size) => crypto.randomBytes(size),
        };
        const client = new WebSocket(args.url, {
            perMessageDeflate: { threshold: 0, clientMaxWindowBits: true },
        });
        await new Promise((resolve, reject) => { client.on('open', resolve).on('error', reject); });
        const wrong = [];
        for (const [kind, make] of Object.entries(kinds)) {
            for (const size of [1, 1000, 100000, args.largest]) {
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
    """, url=front.url(), largest=LARGEST[bits])
    names = [] if takeover else ["server_no_context_takeover", "client_no_context_takeover"]
    windows = [] if bits == 15 else ["server_max_window_bits", "client_max_window_bits"]
    assert result == {"params": dict.fromkeys(names, True) | dict.fromkeys(windows, bits),
                      "wrong": [], "code": 1000}


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", LARGEST)
def test_chromium_gets_its_bytes_back(gateway, backend, browser, takeover, bits):
    echo = backend(EchoBackend)
    front = gateway(f"""
        location = / {{ default_type text/html; return 200 "<!doctype html>"; }}
        location /echo {{ ws_pass {echo.address}; ws_deflate on;
                          ws_deflate_window_bits {bits};
                          ws_deflate_context_takeover {'on' if takeover else 'off'}; }}""")
    result = browser.run("""
        await page.goto(args.page);
        return page.evaluate(async ({ url, largest }) => {
            const socket = new WebSocket(url);
            socket.binaryType = 'arraybuffer';
            await new Promise((resolve) => { socket.onopen = resolve; });
            const wrong = [];
            for (const mask of [1, 63, 255]) {
                for (const size of [1, 1000, 100000, largest]) {
                    const data = new Uint8Array(size);
                    for (let at = 0; at < size; at += 65536) {
                        crypto.getRandomValues(data.subarray(at, Math.min(at + 65536, size)));
                    }
                    for (let at = 0; at < size; at++) data[at] &= mask;
                    let got = 0, same = true;
                    const back = new Promise((resolve) => {
                        socket.onmessage = ({ data: part }) => {
                            const bytes = new Uint8Array(part);
                            for (let at = 0; at < bytes.length; at++) {
                                if (bytes[at] !== data[got + at]) same = false;
                            }
                            got += bytes.length;
                            if (got >= size) resolve();
                        };
                    });
                    socket.send(data);
                    await back;
                    if (!same || got !== size) wrong.push(`${mask} ${size}`);
                }
            }
            return { extensions: socket.extensions, wrong };
        }, args);
    """, page=front.url("/", "http"), url=front.url("/echo"), largest=LARGEST[bits])
    assert result["wrong"] == []
    parts = result["extensions"].split("; ")
    assert ("server_no_context_takeover" in parts) == (not takeover)
    assert (f"client_max_window_bits={bits}" in parts) == (bits != 15)


def test_both_ways_over_tls(gateway, backend):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_deflate on; }}", tls=True)
    data = text_of(MEGABYTE)
    deflate = Deflater(takeover=False)
    with DeflateClient(front.ssl_port, tls=client_tls()) as client:
        client.open()
        # Few enough bytes to be sent before any are read: Python's TLS knows one thread at a time.
        for at in range(0, len(data), 50_000):
            client.send(frame(BINARY, deflate(data[at:at + 50_000]), rsv=RSV1))
        assert digest(client.read_data(len(data))) == digest(data)
        assert client.compressed > 0

