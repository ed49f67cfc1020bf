"""Messages: fragments, UTF-8 in both directions, size limits. In stream mode the backend knows no
message borders."""

import random
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend, SpeakFirstBackend
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

TEXTS = "aé€😀\u07ff\u0800\uffff\U00010000\U0010ffff\x00\x7f\ufeff"


def message(opcode, *parts):
    """A message in as many fragments."""
    last = len(parts) - 1
    return b"".join(
        frame(opcode if at == 0 else CONTINUATION, part, fin=at == last)
        for at, part in enumerate(parts))


# --- fragments


@pytest.mark.parametrize("parts", [
    (b"", b"whole"),
    (b"wh", b"ole", b""),
    (b"wh", b"", b"ole"),
    (b"", b"", b"whole", b"", b""),
    (b"w", b"h", b"o", b"l", b"e"),
])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_arrive_in_order(session, opcode, parts):
    one = session(EchoBackend)
    one.client.send(message(opcode, *parts))
    assert one.client.read_data(5) == b"whole"
    one.client.send(message(opcode, b"next"))
    assert one.client.read_data(4) == b"next"


def test_empty_messages_are_nothing_to_the_backend(session):
    one = session(EchoBackend)
    one.client.send(frame(BINARY) + frame(TEXT) + message(TEXT, b"", b"", b"")
                    + frame(BINARY, b"x"))
    assert one.client.read_data(1) == b"x"
    one.client.nothing_comes(0.05)


def test_ping_between_fragments_is_answered_once(session):
    one = session(RecordingBackend)
    one.client.send(frame(TEXT, b"first ", fin=False) + frame(PING, b"between")
                    + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, b"last"))
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, b"between")
    assert one.connection.wait_received(10) == b"first last"
    one.client.nothing_comes(0.05)


def test_fragment_is_relayed_before_its_message_ends(session):
    one = session(EchoBackend)
    one.client.send_frame(TEXT, b"early", fin=False)
    assert one.client.read_data(5) == b"early"
    one.client.send(frame(CONTINUATION, b"late", length=100)[:10])
    assert one.client.read_data(4) == b"late"


def test_message_of_very_many_fragments_arrives(session):
    one = session(RecordingBackend)
    payload = random.Random(3).randbytes(20000)
    one.client.send(message(BINARY, *(payload[at:at + 1] for at in range(len(payload)))))
    assert one.connection.wait_received(len(payload)) == payload


def test_close_in_the_middle_of_a_message_is_answered(session):
    one = session(RecordingBackend)
    one.client.send(frame(TEXT, "half a €".encode()[:-1], fin=False))
    one.client.send_close(1001)
    assert one.client.read_close() == (1001, "")
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == "half a €".encode()[:-1]


def test_messages_of_one_segment_become_one_stream(session):
    one = session(RecordingBackend)
    words = [f"word {number} ".encode() for number in range(1000)]
    one.client.send(b"".join(frame(TEXT, word) for word in words))
    assert one.connection.wait_received(len(b"".join(words))) == b"".join(words)


def test_stream_of_the_backend_comes_in_whole_messages(session):
    payload = random.Random(4).randbytes(500000)
    one = session(SpeakFirstBackend, payload)
    data = b""
    while len(data) < len(payload):
        got = one.client.read_frame()
        assert (got.opcode, got.fin) == (BINARY, True)
        assert got.payload, "an empty message"
        data += got.payload
    assert data == payload


# --- text to the client

AS_TEXT = "ws_frame_type text;"


def read_texts(client, size):
    """So many bytes of text messages, each of them whole UTF-8."""
    data = b""
    while len(data) < size:
        got = client.read_frame()
        assert (got.opcode, got.fin) == (TEXT, True)
        assert got.payload, "an empty message"
        got.payload.decode()
        data += got.payload
    return data


def test_backend_that_dribbles_text_never_has_a_code_point_cut(session):
    text = (TEXTS * 4).encode()

    def dribble(connection):
        for at in range(len(text)):
            connection.send(text[at:at + 1])
            time.sleep(0.001)
        connection.read_all()

    one = session(ScriptedBackend, dribble, settings=AS_TEXT)
    assert read_texts(one.client, len(text)) == text


@pytest.mark.parametrize("character", ["é", "€", "😀"])
@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_text_longer_than_the_buffers_never_has_a_code_point_cut(session, character, shift):
    text = ("x" * shift + character * 40000).encode()
    one = session(SpeakFirstBackend, text, settings=AS_TEXT,
                  parts={"http": "ws_buffer_size 4097;"})
    assert read_texts(one.client, len(text)) == text


def test_text_comes_back_as_text(session):
    one = session(EchoBackend, settings=AS_TEXT)
    one.client.send_frame(BINARY, TEXTS.encode())
    assert read_texts(one.client, len(TEXTS.encode())) == TEXTS.encode()


def test_a_code_point_waits_for_its_last_byte(session):
    one = session(EchoBackend, settings=AS_TEXT)
    for byte in "😀".encode()[:-1]:
        one.client.send_frame(BINARY, bytes([byte]))
        one.client.nothing_comes(0.05)
    one.client.send_frame(BINARY, "😀".encode()[-1:])
    assert one.client.read_data(4, TEXT) == "😀".encode()


@pytest.mark.parametrize("said, valid", [
    (b"good\xffbad", b"good"),
    (b"\x80", b""),
    (b"good\xc0\x80", b"good"),
    (b"good\xed\xa0\x80", b"good"),
    (b"good\xf4\x90\x80\x80", b"good"),
    (b"good\xe2\x82Z", b"good"),
    (b"good\xe2\x82\xac\xe2\x28", b"good\xe2\x82\xac"),
])
@pytest.mark.parametrize("dribbles", [False, True])
def test_backend_that_says_no_utf8_is_cut_off(session, said, valid, dribbles):
    def say(connection):
        for at in range(0, len(said), 1 if dribbles else len(said)):
            connection.send(said[at:at + (1 if dribbles else len(said))])
            time.sleep(0.003)
        connection.read_all()

    one = session(ScriptedBackend, say, settings=AS_TEXT)
    data, code, reason = one.client.read_to_close()
    assert (data, code) == (valid, 1011)
    assert "UTF-8" in reason
    assert one.connection.wait_ended() == "eof"
    one.client.send_close(1011)
    assert one.client.read_end() == "eof"


def test_backend_that_ends_inside_a_code_point_is_told_of(session):
    one = session(SpeakFirstBackend, b"good\xe2\x82", close=True, settings=AS_TEXT)
    data, code, reason = one.client.read_to_close()
    assert (data, code) == (b"good", 1011)
    assert "UTF-8" in reason


def test_binary_frames_carry_anything(session):
    one = session(EchoBackend)
    everything = bytes(range(256)) * 4
    one.client.send_frame(BINARY, everything)
    assert one.client.read_data(len(everything)) == everything


# --- text from the client


def split_everywhere(text):
    """The text as one message: whole, in two fragments at each place, and byte by byte."""
    yield message(TEXT, text)
    for at in range(len(text) + 1):
        yield message(TEXT, text[:at], text[at:])
    yield message(TEXT, *(text[at:at + 1] for at in range(len(text))))


def test_utf8_may_be_fragmented_anywhere(session):
    one = session(RecordingBackend)
    text = TEXTS.encode()
    messages = list(split_everywhere(text))
    one.client.send(b"".join(messages))
    expected = text * len(messages)
    assert one.connection.wait_received(len(expected)) == expected


def test_ping_may_stand_inside_a_code_point(session):
    one = session(RecordingBackend)
    one.client.send(frame(TEXT, b"\xf0\x9f", fin=False) + frame(PING, b"\xff")
                    + frame(CONTINUATION, b"\x98\x80"))
    assert one.client.read_frame().payload == b"\xff"
    assert one.connection.wait_received(4) == "😀".encode()


NO_TEXT = {
    "stray continuation byte": b"\x80",
    "impossible byte": b"\xff",
    "5-byte form": b"\xf8",
    "overlong in 2": b"\xc0",
    "overlong in 3": b"\xe0\x80",
    "overlong in 4": b"\xf0\x80",
    "surrogate": b"\xed\xa0",
    "above U+10FFFF": b"\xf4\x90",
    "too large": b"\xf5",
    "cut by ASCII": b"\xe2\x82Z",
    "cut by another": b"\xe2\xc3",
}


@pytest.mark.parametrize("bad", NO_TEXT.values(), ids=NO_TEXT)
@pytest.mark.parametrize("way", ["whole", "dribbled", "fragmented"])
def test_rejects_text_at_its_first_impossible_byte(session, bad, way):
    one = session(RecordingBackend)
    if way == "fragmented":
        one.client.send(frame(TEXT, b"good", fin=False))
        for at in range(len(bad)):
            one.client.send(frame(PING, b"") + frame(CONTINUATION, bad[at:at + 1], fin=False))
        while (got := one.client.read_frame()).opcode != CLOSE:
            assert got.opcode == PONG
        code, reason = got.close
    else:
        # The message is far from its end.
        begun = frame(TEXT, b"good" + bad, length=100000)
        step = 1 if way == "dribbled" else len(begun)
        for at in range(0, len(begun), step):
            one.client.send(begun[at:at + step])
            time.sleep(0.001)
        code, reason = one.client.read_close()
    assert code == 1007
    assert "UTF-8" in reason
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    received = one.connection.received
    assert received[:4] == b"good" and bad.startswith(received[4:]) and received[4:] != bad
    [line] = one.end_lines()
    assert "[info]" in line and "code 1007" in line


@pytest.mark.parametrize("stream", [
    message(TEXT, b"good\xe2\x82"),
    message(TEXT, b"good\xf0\x9f", b"\x98"),
    message(TEXT, b"good\xc3", b""),
    message(TEXT, b"good\xe2") + message(TEXT, b"\x82\xac"),
])
def test_rejects_text_that_ends_inside_a_code_point(session, stream):
    one = session(RecordingBackend)
    one.client.send(stream)
    assert one.client.read_close()[0] == 1007
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received.startswith(b"good")


def test_messages_before_bad_text_arrive(session):
    one = session(RecordingBackend)
    payload = random.Random(5).randbytes(60000)
    one.client.send(frame(BINARY, payload) + frame(TEXT, "grüß".encode()) + frame(TEXT, b"\xff"))
    assert one.client.read_close()[0] == 1007
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == payload + "grüß".encode()


def test_binary_messages_are_not_held_to_be_text(session):
    one = session(RecordingBackend)
    one.client.send(message(BINARY, b"\xff\xc0", b"\xed\xa0\x80", b"\xe2"))
    assert one.connection.wait_received(6) == b"\xff\xc0\xed\xa0\x80\xe2"


# --- ws_max_message_size

LIMIT = "ws_max_message_size 1000;"


def test_messages_up_to_the_limit_pass(session):
    one = session(RecordingBackend, settings=LIMIT)
    whole = bytes(1000)
    one.client.send(
        frame(BINARY, whole) + frame(TEXT, whole) + message(BINARY, whole[:500], b"", whole[500:])
        + message(TEXT, *[b"x"] * 1000) + frame(BINARY, whole, fin=False)
        + frame(PING, bytes(125)) + frame(CONTINUATION, b""))
    one.connection.wait_received(5000)
    assert one.client.read_frame().opcode == PONG


@pytest.mark.parametrize("stream, arrives", [
    (frame(BINARY, bytes(1001)), 0),
    (frame(TEXT, bytes(70000)), 0),
    (frame(BINARY, b"x", form=64, length=2**63 - 1), 0),
    (frame(BINARY, b"", form=16, length=1001)[:4], 0),
    (message(BINARY, bytes(1000), b"x"), 1000),
    (message(TEXT, bytes(400), bytes(400), bytes(201)), 800),
    (frame(BINARY, bytes(10), fin=False)
     + frame(CONTINUATION, b"", form=64, length=2**63 - 1), 10),
])
def test_rejects_a_message_above_the_limit(session, stream, arrives):
    one = session(RecordingBackend, settings=LIMIT)
    if len(stream) == 4:
        # The length alone is enough, but it is looked at with the key.
        stream += bytes(4)
    one.client.send(frame(BINARY, b"good") + stream)
    code, reason = one.client.read_close()
    assert code == 1009
    assert "too big" in reason
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert bytes(one.connection.received) == b"good" + bytes(arrives)
    [line] = one.end_lines()
    assert "[info]" in line and "code 1009" in line


def test_without_a_limit_messages_may_be_large(session):
    one = session(RecordingBackend)
    payload = random.Random(6).randbytes(3000000)
    one.client.send_frame(BINARY, payload)
    assert one.connection.wait_received(len(payload)) == payload
