"""ws_framing with delimiters, varints and lengths that count themselves."""

import os

import pytest
import websockets

from harness.backends import EchoBackend, RecordingBackend
from harness.flood import MEGABYTE, Flood, digest
from harness.framing import (CountedBackend, LineBackend, SayingBackend, StompBackend, read_counted,
                     read_message, read_messages, read_varint, write_counted, write_varint)
from harness.raw import BINARY, CONTINUATION, PING, PONG, TEXT, frame

NUL = r'ws_framing delimiter "\0";'
HL7 = r'ws_framing delimiter "\x1c\r";'


# --- delimiters

@pytest.mark.parametrize("setting, end", [
    (r'"\0"', b"\0"), (r'"\x03"', b"\3"), (r'"\x1c\x0d"', b"\x1c\r"), ("]]>]]>", b"]]>]]>"),
    (r'"\xff\xf9"', b"\xff\xf9"), (r'"\r\n.\r\n"', b"\r\n.\r\n"),
])
def test_messages_end_with_a_delimiter(session, setting, end):
    one = session(LineBackend, end=end, settings=f"ws_framing delimiter {setting};")
    sent = [b"a message", b"", b"two\nlines", b"x" * 125, b"x" * 126, b"x" * 65_000]
    for message in sent:
        one.client.send_frame(BINARY, message)
        assert read_message(one.client) == (BINARY, b"heard: " + message)
    one.client.send(frame(BINARY, b"in ", fin=False) + frame(PING, b"?")
                    + frame(CONTINUATION, b"parts"))
    assert one.client.read_frame().opcode == PONG
    assert read_message(one.client) == (BINARY, b"heard: in parts")
    assert one.service.lines == [*sent, b"in parts"]


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
async def test_stomp(gateway, backend, deflate):
    broker = backend(StompBackend)
    front = gateway(f"location / {{ ws_pass {broker.address}; {NUL} ws_frame_type text;"
                    f" ws_deflate {'on' if deflate else 'off'}; ws_deflate_min_length 0; }}")
    async with websockets.connect(front.url(), max_size=None,
                                  compression="deflate" if deflate else None) as client:
        await client.send("CONNECT\naccept-version:1.2\n\n")
        assert await client.recv() == "CONNECTED\nversion:1.2\n\n"
        for body in ("grüße", "€" * 10_000, ""):
            await client.send(f"SEND\ndestination:/q\n\n{body}")
            assert await client.recv() == f"\nMESSAGE\ndestination:/q\n\n{body}"
        await client.send("DISCONNECT\n\n")
        assert await client.recv() == "\nRECEIPT\n\n"
        # What stands behind the last frame is no cut message.
        assert await client.recv() == "\n"
        await client.wait_closed()
        assert client.close_code == 1000


@pytest.mark.parametrize("message, got", [
    (b"a\x1c\rb", b"a\x1c"), (b"\x1c\r", b"\x1c"), (b"whole\x1c\r", b"whole\x1c"),
])
def test_delimiter_inside_a_message_is_refused(session, message, got):
    one = session(RecordingBackend, settings=HL7)
    one.client.send_frame(BINARY, b"good")
    one.client.send_frame(BINARY, message)
    assert one.client.read_close() == (1007, "message holds a delimiter")
    one.connection.wait_ended()
    assert bytes(one.connection.received) == b"good\x1c\r" + got


def test_delimiter_that_two_fragments_make_is_refused(session):
    one = session(RecordingBackend, settings=HL7)
    one.client.send(frame(BINARY, b"a\x1c", fin=False) + frame(CONTINUATION, b"\rb"))
    assert one.client.read_close() == (1007, "message holds a delimiter")


def test_message_that_would_end_early_is_refused(session):
    one = session(RecordingBackend, settings=r'ws_framing delimiter "\r\n.\r\n";')
    one.client.send_frame(BINARY, b"text\r\n.")
    assert one.client.read_close() == (1007, "message holds a delimiter")


@pytest.mark.parametrize("said, messages, close", [
    (b"one\0two\0", [b"one", b"two"], (1000, "")),
    (b"one\0\r\n\n", [b"one", b"\r\n\n"], (1000, "")),
    (b"one\0two", [b"one"], (1011, "backend closed inside a message")),
    (b"one\0" + bytes(5) + b"123456789\0", [b"one", *[b""] * 5],
     (1011, "backend sent a message that is too long")),
    ([b"12345678\0", b"1234", b"5678", b"9"], [b"12345678"],
     (1011, "backend sent a message that is too long")),
])
def test_what_a_backend_says_before_delimiters(session, said, messages, close):
    one = session(SayingBackend, said, settings=r'ws_framing delimiter "\0" max=8;')
    assert read_messages(one.client, len(messages)) == messages
    rest, *end = one.client.read_to_close()
    assert b"two".startswith(rest) or b"123456789".startswith(rest)
    assert end[0] == close[0] and (close[0] == 1000 or end[1] == close[1])


def test_delimiter_in_parts_is_found(session):
    one = session(SayingBackend, [b"a]]", b">]", b"]>", b"]", b"]]", b">]]>b]]>]]", b">"],
                  settings="ws_framing delimiter ]]>]]>;")
    assert read_messages(one.client, 3) == [b"a", b"]", b"b"]


def test_longest_message_before_a_delimiter(session):
    one = session(EchoBackend, settings=r'ws_framing delimiter "\0";')
    one.client.send_frame(TEXT, b"x" * 65_536)
    assert read_message(one.client) == (BINARY, b"x" * 65_536)
    one.client.send_frame(TEXT, b"x" * 65_537)
    assert one.client.read_close() == (1009, "message is too big")


def test_flood_before_delimiters_is_exact(session):
    one = session(RecordingBackend, settings=HL7)
    messages = [os.urandom(5_000).replace(b"\r", b"") for _ in range(800)]
    flood = Flood(one.client.send, [frame(BINARY, message) for message in messages])
    wanted = b"".join(message + b"\x1c\r" for message in messages)
    assert len(wanted) > 3 * MEGABYTE
    got = one.connection.wait_received(len(wanted))
    assert digest(got) == digest(wanted)
    flood.wait_done()


# --- lengths

COUNTED = {
    "u32 self": (read_counted, write_counted),
    "varint": (read_varint, write_varint),
}


@pytest.mark.parametrize("length", COUNTED)
def test_records_that_count_in_their_own_way(session, length):
    one = session(CountedBackend, *COUNTED[length], settings=f"ws_framing length {length};")
    for size in (1, 0, 123, 124, 127, 128, 16_383, 16_384, 65_532, 65_536, 300_000):
        message = os.urandom(size)
        one.client.send_frame(BINARY, message)
        assert read_message(one.client) == (BINARY, message[::-1])
        half = size // 2
        one.client.send(frame(BINARY, message[:half], fin=False)
                        + frame(CONTINUATION, message[half:]))
        assert read_message(one.client) == (BINARY, message[::-1])
        assert one.service.records[-2:] == [message, message]


@pytest.mark.parametrize("length, longest", [("u8 self", 254), ("u16 self", 65_533)])
def test_longest_record_that_counts_itself(session, length, longest):
    one = session(EchoBackend, settings=f"ws_framing length {length};")
    one.client.send_frame(BINARY, b"x" * longest)
    assert read_message(one.client) == (BINARY, b"x" * longest)
    one.client.send_frame(BINARY, b"x" * (longest + 1))
    assert one.client.read_close() == (1009, "message is too big")


@pytest.mark.parametrize("length, said, reason", [
    ("u32 self", b"\0\0\0\5x\0\0\0\3", "backend sent a record that is shorter than its length"),
    ("u16 le self", b"\3\0x\0\0", "backend sent a record that is shorter than its length"),
    ("u32 self max=4", b"\0\0\0\5x\0\0\0\x09", "backend sent a record that is too long"),
    ("u32 self", b"\0\0\0\5x\0\0\0\6x", "backend closed inside a record"),
    ("varint", b"\1x\xff\xff\xff\xff\x10", "backend sent a record that is too long"),
    ("varint", b"\1x\x80\x80\x80\x80\x80\1", "backend sent a record that is too long"),
    ("varint", b"\1x\x80", "backend closed inside a record"),
])
def test_wrong_length_of_a_backend_ends_the_session(session, length, said, reason):
    one = session(SayingBackend, said, settings=f"ws_framing length {length};")
    assert read_message(one.client) == (BINARY, b"x")
    assert one.client.read_to_close()[1:] == (1011, reason)
