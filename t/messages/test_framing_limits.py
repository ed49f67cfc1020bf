"""ws_framing: who breaks a rule of the framing, and what becomes of it; pressure and memory."""

import os
import struct
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend
from harness.deflate_client import RSV1, DeflateClient, Deflater
from harness.flood import MEGABYTE, Flood, digest
from harness.framing import RecordBackend, SayingBackend, read_message, read_messages
from harness.gateway import wait_until
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, frame

# What a session takes once its memory has been touched, see test_pressure.py.
SESSION_MEMORY = 4 * MEGABYTE

INSIDE = "message holds a line end"
TOO_BIG = "message is too big"


# --- what a client sends


@pytest.mark.parametrize("setting, sent, arrives", [
    ("line", b"a\nb", b"a"),
    ("line", b"a\n", b"a"),
    ("line", b"\n", b""),
    ("line crlf", b"a\r\nb", b"a"),
    ("line crlf", b"a\nb", b"a"),  # some servers take it for a line's end
    ("line crlf", b"a\rb", b"a"),
])
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_line_end_inside_a_message_is_refused(gateway, backend, setting, sent, arrives, deflate):
    service = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_framing {setting};"
                    f" ws_deflate on; }}")
    with DeflateClient(front.port) as client:
        client.open()
        client.send_frame(TEXT, b"fine")
        client.send(frame(TEXT, Deflater()(sent), rsv=RSV1) if deflate else frame(TEXT, sent))
        assert client.read_close() == (1007, INSIDE)
        client.send_close(1007)
        assert client.read_end() == "eof"
    connection = service.wait_connection()
    assert connection.wait_ended() == "eof"
    end = b"\r\n" if "crlf" in setting else b"\n"
    assert bytes(connection.received) == b"fine" + end + arrives


@pytest.mark.parametrize("setting, sent, arrives", [
    ("line split", b"a\nb", b"a\nb\n"),
    ("line split", b"a\n", b"a\n"),
    ("line split", b"\n\n", b"\n\n"),
    ("line split", b"a\r\nb", b"a\r\nb\n"),
    ("line split", b"", b"\n"),
    ("line crlf split", b"a\r\nb", b"a\r\nb\r\n"),
    ("line crlf split", b"a\nb\rc", b"a\r\nb\r\nc\r\n"),
    ("line split crlf", b"a\r\n", b"a\r\n"),
    ("line split crlf", b"a\n\r\n\r", b"a\r\n\r\n\r\n"),
])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "fragments"])
def test_message_is_split_into_lines(session, setting, sent, arrives, cut):
    one = session(RecordingBackend, settings=f"ws_framing {setting};")
    if cut:
        one.client.send_frame(TEXT, b"", fin=False)
        for byte in sent:
            one.client.send_frame(CONTINUATION, bytes([byte]), fin=False)
        one.client.send_frame(CONTINUATION, b"")
    else:
        one.client.send_frame(TEXT, sent)
    one.client.send_close(1000)
    assert one.client.read_close() == (1000, "")
    assert one.connection.wait_ended() == "eof"
    assert bytes(one.connection.received) == arrives


def test_many_line_ends_are_split_without_delay(session):
    one = session(RecordingBackend, settings="ws_framing line crlf split;")
    for byte in (b"\n", b"\r"):
        one.client.send_frame(BINARY, byte * MEGABYTE)
    assert one.connection.wait_received(4 * MEGABYTE, timeout=5) == b"\r\n" * 2 * MEGABYTE


@pytest.mark.parametrize("setting, fits, reason", [
    ("line", 65_536, TOO_BIG),
    ("line max=10", 10, TOO_BIG),
    ("line crlf max=10", 10, TOO_BIG),
    ("line split max=10", 10, "line is too long"),
    ("line max=10; ws_max_message_size 5", 5, TOO_BIG),
    ("line split max=10; ws_max_message_size 5", 5, TOO_BIG),
    ("length u8", 255, TOO_BIG),
    ("length u16 max=300", 300, TOO_BIG),
    ("length u32; ws_max_message_size 10", 10, TOO_BIG),
    ("length u32", MEGABYTE, TOO_BIG),
    ("typed", MEGABYTE, TOO_BIG),
    ("typed max=10", 10, TOO_BIG),
])
@pytest.mark.parametrize("way", ["whole", "fragments", "deflate"])
def test_message_over_the_limit_is_refused(gateway, backend, setting, fits, reason, way):
    service = backend(RecordingBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_framing {setting};"
                    f" ws_deflate on; }}")
    with DeflateClient(front.port) as client:
        client.open()
        for size in (fits, fits + 1):
            message = b"x" * size
            if way == "whole":
                client.send_frame(BINARY, message)
            elif way == "deflate":
                client.send(frame(BINARY, Deflater()(message), rsv=RSV1))
            else:
                client.send_frame(BINARY, message[:5], fin=False)
                client.send_frame(CONTINUATION, message[5:])
            client.send_frame(PING)
            try:
                got = client.read_frame()
            except Closed:
                got = None
            if size == fits:
                assert got.opcode == PONG
            else:
                assert got.close == (1009, reason)


def test_split_lines_have_their_limit_and_the_message_none(session):
    one = session(RecordingBackend, settings="ws_framing line split max=1k;")
    line = b"x" * 1024
    one.client.send_frame(BINARY, (line + b"\n") * 1000)
    assert one.connection.wait_received(1_025_000) == (line + b"\n") * 1000


def test_text_is_checked_in_front_of_the_framing(session):
    one = session(RecordingBackend, settings="ws_framing length u16;")
    one.client.send_frame(TEXT, b"ok\xff", fin=False)
    assert one.client.read_close() == (1007, "text is not UTF-8")
    assert one.connection.wait_ended() == "eof"
    assert bytes(one.connection.received) == b""


def test_close_inside_a_held_message_is_no_clean_one(session):
    one = session(RecordingBackend, settings="ws_framing length u16;")
    one.client.send_frame(BINARY, b"not whole", fin=False)
    one.client.send_close(1000)
    assert one.client.read_close() == (1011, "9 bytes undelivered, message was not finished")
    assert one.connection.wait_ended() == "eof"
    assert bytes(one.connection.received) == b""
    assert "undelivered to backend 9," in one.end_lines()[0]


def test_close_inside_a_line_leaves_it_without_end(session):
    one = session(RecordingBackend, settings="ws_framing line;")
    one.client.send_frame(BINARY, b"not whole", fin=False)
    one.client.send_close(1000)
    assert one.client.read_close() == (1000, "")
    assert one.connection.wait_ended() == "eof"
    assert bytes(one.connection.received) == b"not whole"


# --- what a backend says


def short(value):
    """A name for a test's parameter that is long."""
    return f"{len(value)} of them" if len(str(value)) > 60 else None


@pytest.mark.parametrize("setting, said, messages, code, reason", [
    ("line", b"one\nlast", [b"one", b"last"], 1000, ""),
    ("line", b"one\n", [b"one"], 1000, ""),
    ("line crlf", b"one\r\nlast\r", [b"one", b"last\r"], 1000, ""),
    ("line max=5", b"12345\n123456\n", [b"12345", b"12345"], 1011,
     "backend sent a line that is too long"),
    ("line crlf max=5", b"12345\r\n123456", [b"12345", b"12345"], 1011,
     "backend sent a line that is too long"),
    ("line max=0", b"x" * 200_000 + b"\n", [b"x" * 200_000], 1000, ""),
    ("line", b"x" * 65_536 + b"\n", [b"x" * 65_536], 1000, ""),
    ("line", b"x" * 65_537, [b"x" * 65_536], 1011, "backend sent a line that is too long"),
    ("length u16", b"\0\3one", [b"one"], 1000, ""),
    ("length u16", b"\0\3one\0", [b"one"], 1011, "backend closed inside a record"),
    ("length u16", b"\0\3one\0\3tw", [b"one", b"tw"], 1011, "backend closed inside a record"),
    ("length u16 max=3", b"\0\3one\0\4two", [b"one"], 1011,
     "backend sent a record that is too long"),
    ("length u32 max=3", b"\xff\xff\xff\xff", [], 1011, "backend sent a record that is too long"),
    ("typed", b"\0\0\0\3\1one\0\0\0\0\3", [b"one"], 1011, "backend sent a record of unknown type"),
    ("typed", b"\0\0\0\0\x88", [], 1011, "backend sent a record of unknown type"),
    ("typed", b"\0\0\0\0", [], 1011, "backend closed inside a record"),
    ("line; ws_frame_type text", b"\xe2\x82\xac\n\xe2\x82\n", ["€".encode(), b"\xe2\x82"], 1011,
     "backend sent bytes that are not UTF-8"),
    ("line; ws_frame_type text", b"fine\n\xff", [b"fine"], 1011,
     "backend sent bytes that are not UTF-8"),
    ("line; ws_frame_type text", b"\xe2\x82", [b"\xe2\x82"], 1011,
     "backend sent bytes that are not UTF-8"),
    ("typed; ws_frame_type binary", b"\0\0\0\1\2\xff\0\0\0\1\1\xff", [b"\xff"], 1011,
     "backend sent bytes that are not UTF-8"),
], ids=short)
@pytest.mark.parametrize("dribbles", [False, True], ids=["at once", "byte by byte"])
def test_end_of_what_a_backend_says(session, setting, said, messages, code, reason, dribbles):
    if dribbles and len(said) > 100:
        pytest.skip("takes too long")
    one = session(SayingBackend, [bytes([byte]) for byte in said] if dribbles else said,
                  settings=f"ws_framing {setting};")
    got, part = [], b""
    while (came := one.client.read_frame()).opcode != CLOSE:
        part += came.payload
        if came.fin:
            got.append(part)
            part = b""
    assert got + ([part] if part else []) == messages
    assert came.close == (code, reason)


@pytest.mark.parametrize("setting", ["line", "line crlf", "length u16", "typed"])
def test_backend_that_says_nothing_ends_the_session_cleanly(session, setting):
    one = session(RecordingBackend, settings=f"ws_framing {setting};")
    one.connection.finish()
    assert one.client.read_close() == (1000, "")


def test_code_point_may_be_cut_by_fragments(session):
    one = session(EchoBackend, settings="ws_framing line; ws_frame_type text;")
    one.connection.send(b"10 \xe2")
    assert one.client.read_frame().payload == b"10 \xe2"
    one.connection.send(b"\x82\xac\n")
    got = one.client.read_frame()
    assert (got.opcode, got.payload, got.fin) == (CONTINUATION, b"\x82\xac", True)


def test_last_line_comes_when_the_client_has_half_closed(session):
    def reply(connection):
        connection.read_all()
        connection.send(b"the end, without a line end")

    one = session(ScriptedBackend, reply, settings="ws_framing line; ws_half_close on;")
    one.client.send_frame(TEXT, b"a question")
    one.client.send_close(1000)
    assert read_message(one.client) == (BINARY, b"the end, without a line end")
    assert one.client.read_close() == (1000, "")


# --- pressure


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("setting, end", [
    ("line", b"\n"), ("line crlf split", b"\r\n"), ("length u16", None), ("typed", None),
])
def test_messages_after_a_stall_are_whole(gateway, backend, setting, end, deflate):
    service = backend(SilentBackend, receive_buffer=65_536)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_framing {setting};"
                    f" ws_deflate on; }}", http="ws_buffer_size 8k;")
    noise = os.urandom(50_000).replace(b"\n", b"").replace(b"\r", b"")
    messages = [noise[at:] for at in range(0, 20_000, 100)]
    deflater = Deflater(takeover=False)
    with DeflateClient(front.port) as client:
        client.open()
        client.send_frame(BINARY, b"a first one")
        service.wait_connection()
        flood = Flood(client.send, [
            frame(BINARY, deflater(one), rsv=RSV1) if deflate else
            frame(BINARY, one[:99], fin=False) + frame(CONTINUATION, one[99:])
            for one in messages])
        flood.wait_stalled()
        service.resume()
        wanted = b"".join(framed(setting, end, one) for one in [b"a first one"] + messages)
        received = service.wait_connection().wait_received(len(wanted), timeout=30)
        assert digest(received) == digest(wanted)
        flood.wait_done()
        client.send_close(1000)
        assert client.read_close() == (1000, "")


def framed(setting, end, message):
    if end is not None:
        return message + end
    return struct.pack("!H" if "u16" in setting else "!I", len(message)) + (
        b"\2" if setting == "typed" else b"") + message


@pytest.mark.parametrize("setting, said", [
    ("line", b"x" * 60_000 + b"\n"),
    ("line", b"\n"),
    ("length u32", struct.pack("!I", 99) + b"y" * 99),
], ids=short)
def test_slow_client_gets_every_message(session, setting, said):
    count = min(8 * MEGABYTE // len(said), 300_000)
    one = session(SayingBackend, said * count, settings=f"ws_framing {setting};",
                  client={"receive_buffer": 65_536})
    time.sleep(0.5)
    payload = said[:-1] if setting == "line" else said[4:]
    for _ in range(count):
        got = one.client.read_frame()
        part = got.payload
        while not got.fin:
            got = one.client.read_frame()
            part += got.payload
        assert part == payload
    assert one.client.read_close() == (1000, "")


def mapped(front):
    """Bytes of address space of the worker."""
    worker, = front.workers()
    with open(f"/proc/{worker}/statm") as sizes:
        return int(sizes.read().split()[0]) * os.sysconf("SC_PAGESIZE")


def test_held_message_is_bounded_and_given_back(session):
    one = session(RecordBackend, length="!I", settings="ws_framing length u32;"
                                                       " ws_max_message_size 8m;")
    one.client.send_frame(BINARY, b"first")
    assert read_message(one.client)[1] == b"tsrif"
    before = mapped(one.front)
    for _ in range(5):
        part = os.urandom(MEGABYTE)
        one.client.send_frame(BINARY, b"", fin=False)
        for _ in range(7):
            one.client.send_frame(CONTINUATION, part, fin=False)
        wait_until(lambda: mapped(one.front) - before >= 7 * MEGABYTE, what="all to be held")
        assert mapped(one.front) - before <= 20 * MEGABYTE
        one.client.send_frame(CONTINUATION, b"")
        assert digest(read_message(one.client)[1]) == digest((part * 7)[::-1])
        wait_until(lambda: mapped(one.front) - before < MEGABYTE, what="memory given back")


def test_held_message_is_given_back_with_its_session(session, raw):
    one = session(EchoBackend, settings="ws_framing length u32;",
                  parts={"http": "client_header_buffer_size 1k;"})  # ours are unmapped
    one.client.send_frame(BINARY, b"first")
    assert read_message(one.client)[1] == b"first"
    before = mapped(one.front)
    for _ in range(20):
        client = raw(one.front.port)
        client.open("/")
        client.send_frame(BINARY, bytes(900_000), fin=False)
        wait_until(lambda: mapped(one.front) - before >= 900_000, what="all to be held")
        client.close()
        wait_until(lambda: mapped(one.front) - before < 900_000, what="memory given back")


@pytest.mark.parametrize("setting", ["line max=0", "length u32 max=999m; ws_max_message_size 999m"])
def test_memory_is_flat_under_a_large_message(session, setting):
    one = session(RecordingBackend, settings=f"ws_framing {setting};")
    one.client.send_frame(BINARY, bytes(100_000))
    one.connection.wait_received(100_000)
    before = one.front.memory()
    size = 64 * MEGABYTE
    head = frame(BINARY, b"", length=size, mask=b"\0\0\0\0")
    Flood(one.client.send, [head] + [bytes(MEGABYTE)] * 64)
    one.connection.wait_received(100_000 + size, timeout=30)
    assert one.front.memory() - before < SESSION_MEMORY


def test_idle_sessions_hold_nothing(session, raw):
    one = session(EchoBackend, settings="ws_framing typed; ws_deflate on;")
    clients = [raw(one.front.port) for _ in range(100)]
    for client in clients:
        client.open("/")
    before = mapped(one.front)
    for client in clients:
        client.send_frame(BINARY, b"in ", fin=False)
        client.send_frame(CONTINUATION, b"parts")
        assert read_messages(client, 1) == [b"in parts"]
    assert mapped(one.front) - before < MEGABYTE


def test_client_that_is_still_sending_a_held_message_is_not_idle(session):
    one = session(RecordingBackend, settings="ws_framing length u16; ws_idle_timeout 600ms;")
    one.client.send_frame(BINARY, b"", fin=False)
    for _ in range(10):
        time.sleep(0.15)
        one.client.send_frame(CONTINUATION, b"x", fin=False)
    one.client.send_frame(CONTINUATION, b"x")
    assert one.connection.wait_received(13) == b"\0\x0bxxxxxxxxxxx"
