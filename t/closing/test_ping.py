"""RFC 6455, sections 5.5.2 and 5.5.3: pings of the client, also among data and behind it."""

import random
import struct
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, ScriptedBackend
from harness.endings import in_background
from harness.raw import BINARY, CONTINUATION, PING, PONG, frame

PAYLOAD = random.Random(9).randbytes(70000)


@pytest.mark.parametrize("size", [0, 1, 124, 125])
def test_ping_is_answered_with_its_payload(session, size):
    one = session(RecordingBackend)
    one.client.send_frame(PING, PAYLOAD[:size])
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, PAYLOAD[:size])
    one.client.nothing_comes(0.05)
    assert not one.connection.received


def test_ping_that_comes_in_pieces_is_answered_once_and_whole(session):
    one = session(RecordingBackend)
    whole = frame(PING, PAYLOAD[:125])
    for at in range(0, len(whole), 10):
        one.client.send(whole[at:at + 10])
        time.sleep(0.003)
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, PAYLOAD[:125])
    one.client.nothing_comes(0.05)


def test_pings_of_one_segment_are_answered_in_order(session):
    one = session(RecordingBackend)
    names = [f"ping {number}".encode() for number in range(20)]
    one.client.send(b"".join(frame(PING, name) for name in names))
    for name in names:
        got = one.client.read_frame()
        assert (got.opcode, got.payload) == (PONG, name)


def test_pings_among_data_are_answered_and_do_not_disturb_it(session):
    one = session(RecordingBackend, settings="ws_receipts off;")
    stream, expected = b"", b""
    for number in range(200):
        data = PAYLOAD[number:3 * number]
        stream += frame(BINARY, data, fin=False) + frame(PING, b"%d" % number)
        stream += frame(CONTINUATION, data)
        expected += data + data
    one.client.send(stream)
    for number in range(200):
        got = one.client.read_frame()
        assert (got.opcode, got.payload) == (PONG, b"%d" % number)
    assert one.connection.wait_received(len(expected)) == expected


def test_pongs_nobody_asked_for_are_ignored(session):
    one = session(EchoBackend)
    one.client.send(frame(PONG) + frame(PONG, bytes(125)) + frame(BINARY, b"a", fin=False)
                    + frame(PONG, b"!") + frame(CONTINUATION, b"b"))
    assert one.client.read_data(2) == b"ab"
    one.client.nothing_comes(0.05)


def test_ten_thousand_pings_in_one_go_are_answered(session):
    one = session(RecordingBackend)
    names = [struct.pack("!I", number) for number in range(10000)]
    in_background(one.client.send, b"".join(frame(PING, name) for name in names))
    for name in names:
        got = one.client.read_frame()
        assert (got.opcode, got.payload) == (PONG, name)


def stream_endlessly(connection):
    """Sends PAYLOAD again and again while another thread reads."""
    in_background(connection.read_all)
    while True:
        connection.send(PAYLOAD)


def test_pings_that_come_while_output_is_blocked_leave_the_stream_whole(session):
    one = session(ScriptedBackend, stream_endlessly, client={"receive_buffer": 4096})
    time.sleep(0.2)  # until everything on the way is full
    names = [struct.pack("!I", number) * 25 for number in range(1000)]
    in_background(one.client.send, b"".join(frame(PING, name) for name in names))
    assert_pongs_within_the_stream(one.client, names)


def test_pings_that_come_while_output_is_busy_leave_the_stream_whole(session):
    one = session(ScriptedBackend, stream_endlessly)
    names = [struct.pack("!I", number) * 31 for number in range(10000)]
    in_background(one.client.send, b"".join(frame(PING, name) for name in names))
    assert_pongs_within_the_stream(one.client, names)


def assert_pongs_within_the_stream(client, names):
    """Reads until the last name comes back: the data is whole and the pongs are in order."""
    last, total = -1, 0
    while last < len(names) - 1:
        got = client.read_frame()
        if got.opcode == PONG:
            number = names.index(got.payload)
            assert number > last
            last = number
            continue
        assert got.opcode == BINARY
        begin = total % len(PAYLOAD)
        expected = PAYLOAD[begin:] + PAYLOAD * (len(got.payload) // len(PAYLOAD) + 1)
        assert got.payload == expected[:len(got.payload)]
        total += len(got.payload)
        assert total < 64 * 2**20, "the pong stands behind the whole stream"


def test_pongs_are_not_lost_when_nobody_reads_them(session):
    # More pongs than all buffers on the way hold: some may be left out, the last may not.
    one = session(RecordingBackend, client={"receive_buffer": 4096})
    names = [struct.pack("!I", number) * 31 for number in range(60000)]
    thread = in_background(one.client.send, b"".join(frame(PING, name) for name in names))
    thread.join(20)
    assert not thread.is_alive(), "pings were not taken"
    assert_pongs_within_the_stream(one.client, names)
