"""ws_framing: messages become lines or records, and these become messages."""

import itertools
import os

import pytest
import websockets

from harness.backends import EchoBackend, RecordingBackend
from harness.deflate_client import RSV1, DeflateClient, Deflater, half_noise
from harness.flood import MEGABYTE, Flood, digest
from harness.framing import (LineBackend, RecordBackend, SayingBackend, read_message, read_messages,
                     read_mixed)
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

LENGTHS = {
    "u8": "!B", "u16": "!H", "u32": "!I", "u8 le": "<B", "u16 be": "!H", "u16 le": "<H",
    "u32 le": "<I",
}


# --- both ways, with services that know their framing


@pytest.mark.parametrize("setting, end", [
    ("line", b"\n"), ("line lf", b"\n"), ("line crlf", b"\r\n"), ("line crlf split", b"\r\n"),
])
def test_messages_are_lines(session, setting, end):
    one = session(LineBackend, end=end, settings=f"ws_framing {setting};")
    sent = [b"a line", b"", b"\x00\xff", b"x" * 125, b"x" * 126, b"x" * 65_000]
    for message in sent:
        one.client.send_frame(BINARY, message)
        assert read_message(one.client) == (BINARY, b"heard: " + message)
    assert one.service.lines == sent


@pytest.mark.parametrize("length", LENGTHS)
def test_messages_are_records(session, length):
    one = session(RecordBackend, length=LENGTHS[length], settings=f"ws_framing length {length};")
    sizes = [1, 0, 125, 126, 127, 255] + ([256, 65_535] if "u8" not in length else [])
    for size in sizes + ([65_536, 300_000] if "u32" in length else []):
        message = os.urandom(size)
        one.client.send_frame(BINARY, message)
        assert read_message(one.client) == (BINARY, message[::-1])
        assert one.service.records[-1] == message


def test_messages_are_typed_records(session):
    one = session(RecordBackend, length="!I", typed=True, settings="ws_framing typed;")
    sent = [(TEXT, b"text"), (BINARY, b"\xff\xfe"), (TEXT, b""), (BINARY, b""),
            (BINARY, os.urandom(200_000)), (TEXT, b"abc" * 50_000)]
    for opcode, message in sent:
        one.client.send_frame(opcode, message)
        assert read_message(one.client) == (opcode, message[::-1])
    assert one.service.records == sent


# What a type means in the other framings is ws_frame_type's to say.
@pytest.mark.parametrize("setting", ["line", "line crlf", "length u16"])
@pytest.mark.parametrize("name, opcode", [("text", TEXT), ("binary", BINARY)])
def test_frame_type_is_that_of_the_directive(session, setting, name, opcode):
    one = session(EchoBackend, settings=f"ws_framing {setting}; ws_frame_type {name};")
    one.client.send_frame(TEXT, b"as text")
    one.client.send_frame(BINARY, b"as binary")
    assert read_message(one.client) == (opcode, b"as text")
    assert read_message(one.client) == (opcode, b"as binary")


def test_frame_type_says_nothing_of_typed_records(session):
    one = session(EchoBackend, settings="ws_framing typed; ws_frame_type text;")
    one.client.send_frame(BINARY, b"\xff")
    assert read_message(one.client) == (BINARY, b"\xff")


def test_stream_has_no_boundaries(session):
    one = session(RecordingBackend, settings="ws_framing stream;")
    one.client.send_frame(TEXT, b"one\n")
    one.client.send_frame(TEXT, b"")
    one.client.send_frame(TEXT, b"two")
    assert one.connection.wait_received(7) == b"one\ntwo"


# --- every echo gives the messages back as they were, whatever client sends them

ECHOES = ["line", "line crlf", "length u32", "length u16 le", "typed"]
MESSAGES = ["", "a", "schön", "x" * 125, "x" * 126, "y" * 65_535, "", "€" * 20_000, "last"]


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("setting", ECHOES)
async def test_python_client_gets_its_messages_back(gateway, backend, setting, deflate):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_framing {setting};"
                    f" ws_frame_type text; ws_deflate {'on' if deflate else 'off'};"
                    f" ws_deflate_min_length 0; }}")
    async with websockets.connect(front.url(), max_size=None,
                                  compression="deflate" if deflate else None) as client:
        for message in MESSAGES:
            await client.send(message)
        for message in MESSAGES:
            assert await client.recv() == message
        await client.send(["in ", "", "fragments"])
        assert await client.recv() == "in fragments"
        if setting == "typed":
            await client.send(b"\xff\x00")
            assert await client.recv() == b"\xff\x00"


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_ws_package_gets_its_messages_back(gateway, backend, node, deflate):
    echo = backend(EchoBackend)
    front = gateway("".join(f"location = /{number} {{ ws_pass {echo.address};"
                            f" ws_framing {setting}; ws_frame_type text;"
                            f" ws_deflate {'on' if deflate else 'off'}; }}"
                            for number, setting in enumerate(ECHOES)))
    wrong = node.run("""
        const { WebSocket } = require('ws');
        const wrong = [];
        for (const url of args.urls) {
            const client = new WebSocket(url, { perMessageDeflate: args.deflate });
            await new Promise((open, fail) => { client.on('open', open).on('error', fail); });
            const got = [];
            const all = new Promise((resolve) => {
                client.on('message', (data, binary) => {
                    got.push(binary ? 'binary' : data.toString());
                    if (got.length === args.messages.length + 1) resolve();
                });
            });
            for (const message of args.messages) client.send(message);
            client.send('in ', { fin: false });
            client.send('fragments', { fin: true });
            await all;
            if (got.join('|') !== [...args.messages, 'in fragments'].join('|')) wrong.push(url);
            client.close(1000);
        }
        return wrong;
    """, urls=[front.url(f"/{number}") for number in range(len(ECHOES))], messages=MESSAGES,
        deflate=deflate)
    assert wrong == []


def test_chromium_gets_its_messages_back(gateway, backend, browser):
    echo = backend(EchoBackend)
    front = gateway(
        'location = / { return 200 "<!doctype html><title>a page</title>";'
        ' default_type text/html; }'
        + "".join(f"location = /{number} {{ ws_pass {echo.address}; ws_framing {setting};"
                  f" ws_frame_type text; ws_deflate on; }}"
                  for number, setting in enumerate(ECHOES)))
    wrong = browser.run("""
        await page.goto(args.page);
        return page.evaluate(async ({ urls, messages }) => {
            const wrong = [];
            for (const url of urls) {
                const socket = new WebSocket(url);
                await new Promise((resolve) => { socket.onopen = resolve; });
                const got = [];
                const all = new Promise((resolve) => {
                    socket.onmessage = ({ data }) => {
                        got.push(data);
                        if (got.length === messages.length) resolve();
                    };
                });
                for (const message of messages) socket.send(message);
                await all;
                if (got.join('|') !== messages.join('|')) wrong.push(url);
            }
            return wrong;
        }, args);
    """, page=front.url("/", "http"), urls=[front.url(f"/{n}") for n in range(len(ECHOES))],
        messages=MESSAGES)
    assert wrong == []


@pytest.mark.parametrize("setting", ECHOES)
def test_messages_come_back_over_tls(session, setting):
    one = session(EchoBackend, tls=True, settings=f"ws_framing {setting};")
    sent = [os.urandom(size).translate(None, b"\r\n") for size in (1, 500, 60_000, 60_000)]
    for message in sent:
        one.client.send_frame(BINARY, message)
    assert read_messages(one.client, len(sent)) == sent


# --- cut anywhere

STREAM = (frame(TEXT, b"one") + frame(PING, b"?") + frame(TEXT, b"")
          + frame(TEXT, b"fr", fin=False) + frame(PING, b"!") + frame(CONTINUATION, b"", fin=False)
          + frame(CONTINUATION, b"agments") + frame(BINARY, b"x" * 130))
SENT = [b"one", b"", b"fragments", b"x" * 130]


@pytest.mark.parametrize("setting", ECHOES)
def test_frames_cut_anywhere(session, setting):
    one = session(EchoBackend, settings=f"ws_framing {setting};")
    for at in range(len(STREAM)):
        one.client.send(STREAM[:at])
        one.client.send(STREAM[at:])
        assert read_mixed(one.client, len(SENT), 2) == (SENT, [b"?", b"!"])


@pytest.mark.parametrize("setting", ECHOES)
def test_frames_byte_by_byte(session, setting):
    one = session(EchoBackend, settings=f"ws_framing {setting};")
    for byte in STREAM:
        one.client.send(bytes([byte]))
    assert read_mixed(one.client, len(SENT), 2) == (SENT, [b"?", b"!"])


@pytest.mark.parametrize("setting, said, messages", [
    ("line", b"one\n\nthree\r\n", [b"one", b"", b"three\r"]),
    ("line crlf", b"one\r\n\r\nth\ree\nfour\r\r\n", [b"one", b"", b"th\ree", b"four\r"]),
    ("length u16", b"\0\3one\0\0\0\5three", [b"one", b"", b"three"]),
    ("length u32 le", b"\3\0\0\0one\0\0\0\0", [b"one", b""]),
    ("typed", b"\0\0\0\3\1one\0\0\0\0\2", [b"one", b""]),
])
def test_bytes_of_the_backend_one_by_one(session, setting, said, messages):
    """Each byte in a segment of its own, so that nothing may rely on what comes together."""
    one = session(SayingBackend, [bytes([byte]) for byte in said],
                  settings=f"ws_framing {setting};")
    assert read_messages(one.client, len(messages)) == messages
    assert one.client.read_close() == (1000, "")


def test_messages_that_came_with_the_handshake(session):
    one = session(EchoBackend, settings="ws_framing line crlf;",
                  then=frame(TEXT, b"early") + frame(TEXT, b"also ", fin=False))
    one.client.send_frame(CONTINUATION, b"early")
    assert read_messages(one.client, 2) == [b"early", b"also early"]


def test_what_the_backend_says_first_is_framed(session):
    one = session(SayingBackend, b"220 ready\r\n221 bye\r\n", settings="ws_framing line crlf;")
    assert read_messages(one.client, 2) == [b"220 ready", b"221 bye"]


# --- nothing is held that need not be


def test_part_of_a_long_line_is_passed_on_before_its_end(session):
    one = session(RecordingBackend, settings="ws_framing line max=1m;")
    one.client.send_frame(TEXT, b"a part", fin=False)
    assert one.connection.wait_received(6) == b"a part"
    one.client.send(frame(CONTINUATION, b" and the rest")[:10])
    assert one.connection.wait_received(10) == b"a part and"
    one.client.send(frame(CONTINUATION, b" and the rest")[10:])
    assert one.connection.wait_received(20) == b"a part and the rest\n"


def test_part_of_a_line_of_the_backend_comes_as_a_fragment(session):
    one = session(EchoBackend, settings="ws_framing line;")
    one.connection.send(b"a part")
    got = one.client.read_frame()
    assert (got.opcode, got.payload, got.fin) == (BINARY, b"a part", False)
    one.client.send_frame(PING, b"in between")
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, b"in between")
    one.connection.send(b", the rest\nand more\n")
    got = one.client.read_frame()
    assert (got.opcode, got.payload, got.fin) == (CONTINUATION, b", the rest", True)
    assert read_message(one.client) == (BINARY, b"and more")


def test_record_of_one_frame_is_passed_on_before_its_end(session):
    one = session(RecordingBackend, settings="ws_framing length u32;")
    whole = frame(BINARY, b"0123456789")
    one.client.send(whole[:-5])
    assert one.connection.wait_received(9) == b"\0\0\0\x0a01234"
    one.client.send(whole[-5:])
    assert one.connection.wait_received(14)[9:] == b"56789"


def test_fragmented_record_waits_for_its_length(session):
    one = session(RecordingBackend, settings="ws_framing length u16;")
    one.client.send(frame(BINARY, b"0123", fin=False) + frame(PING, b"?"))
    one.client.nothing_comes()
    assert bytes(one.connection.received) == b""
    one.client.send_frame(CONTINUATION, b"4567")
    assert one.client.read_frame().payload == b"?"
    assert one.connection.wait_received(10) == b"\0\x0801234567"


# --- large messages


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("setting", [
    "line max=16m", "line crlf max=0", "line crlf split max=16m", "length u32", "typed",
])
def test_large_messages_come_back(gateway, backend, setting, deflate):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_framing {setting};"
                    f" ws_max_message_size 16m; ws_deflate {'on' if deflate else 'off'}; }}")
    most = 4 * MEGABYTE if deflate else 16 * MEGABYTE
    large = half_noise(most).replace(b"\n", b" ").replace(b"\r", b" ")
    with DeflateClient(front.port) as client:
        client.open(offer="permessage-deflate" if deflate else "x-none")
        for size in (most, 65_536 * 3 + 100):
            message = large[:size]
            Flood(client.send, [deflated_frame(message) if deflate else frame(BINARY, message)])
            assert digest(client.read_message()) == digest(message)
        assert client.compressed == (2 if deflate else 0)


def deflated_frame(message):
    return frame(BINARY, Deflater(takeover=False, level=1)(message), rsv=RSV1)


@pytest.mark.parametrize("setting", ["line", "line crlf split", "length u32", "typed"])
def test_end_of_a_message_that_fills_a_buffer_is_not_late(gateway, backend, setting):
    service = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_framing {setting} max=1m;"
                    f" ws_deflate on; }}", http="ws_buffer_size 4k;")
    total = 0
    with DeflateClient(front.port) as client:
        client.open()
        for size in itertools.chain(range(4070, 4120), range(8180, 8200), [4096 + 258]):
            client.send(deflated_frame(bytes(size)))
            total += size + {"line": 1, "line crlf split": 2, "length u32": 4, "typed": 5}[setting]
            service.wait_connection().wait_received(total)


def test_line_of_the_backend_comes_with_one_message_each(session):
    lines = [os.urandom(size % 300).replace(b"\n", b"") for size in range(3000)]
    one = session(SayingBackend, b"".join(line + b"\n" for line in lines),
                  settings="ws_framing line;")
    assert read_messages(one.client, len(lines)) == lines
    assert one.client.read_frame().opcode == CLOSE
