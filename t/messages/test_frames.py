"""RFC 6455, section 5: every frame arrives as it was sent, and a broken rule ends the session."""

import random
import threading
import time

import pytest

from harness.backends import (EchoBackend, RecordingBackend, ScriptedBackend, SilentBackend,
                      SpeakFirstBackend)
from harness.endings import in_background
from harness.processes import stopped
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

PAYLOAD = random.Random(6455).randbytes(70000)


# --- lengths and cuts


def lengths():
    sizes = set(range(0, 280)) | set(range(0, 70001, 4999)) | {70000}
    for border in (1024, 4096, 16384, 32768, 65536):
        sizes |= set(range(border - 16, border + 3))
    return sorted(sizes)


def test_every_payload_length_arrives_whole(session):
    one = session(EchoBackend)
    sizes = lengths()
    chance = random.Random(1)
    stream = b"".join(
        frame(BINARY, PAYLOAD[:size], mask=chance.randbytes(4)) for size in sizes)
    in_background(one.client.send, stream)
    expected = b"".join(PAYLOAD[:size] for size in sizes)
    assert one.client.read_data(len(expected)) == expected


def test_stream_cut_at_random_arrives_whole(session):
    one = session(EchoBackend)
    chance = random.Random(2)
    sizes = [chance.choice((0, 1, 7, 125, 126, 1000, 65535, 65536, 66000)) for _ in range(60)]
    stream = b"".join(
        frame(BINARY, PAYLOAD[:size], mask=chance.randbytes(4)) for size in sizes)

    def send():
        rest = stream
        while rest:
            cut = chance.choice((1, 2, 3, 13, 1400, 65536, 70001))
            one.client.send(rest[:cut])
            rest = rest[cut:]

    threading.Thread(target=send, daemon=True).start()
    expected = b"".join(PAYLOAD[:size] for size in sizes)
    assert one.client.read_data(len(expected)) == expected


@pytest.mark.parametrize("size", [3, 126, 65536])
def test_header_may_be_cut_anywhere(session, size):
    one = session(EchoBackend)
    whole = frame(BINARY, PAYLOAD[:size])
    for cut in range(1, len(whole) - size + 2):
        one.client.send(whole[:cut])
        time.sleep(0.003)
        one.client.send(whole[cut:])
        assert one.client.read_data(size) == PAYLOAD[:size], f"cut at {cut}"


def test_stream_may_come_byte_by_byte(session):
    one = session(EchoBackend)
    stream = (
        frame(TEXT, "grüß".encode(), fin=False) + frame(PING, b"one")
        + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, " Gott €😀".encode()) + frame(BINARY, b"") + frame(PONG, b"x")
        + frame(BINARY, PAYLOAD[:130], mask=bytes(4)) + frame(BINARY, b"end", mask=b"\xff\0\xff\1")
    )
    for at in range(len(stream)):
        one.client.send(stream[at:at + 1])
        time.sleep(0.0005)
    expected = "grüß Gott €😀".encode() + PAYLOAD[:130] + b"end"
    assert one.connection.wait_received(len(expected)) == expected
    data, pongs = b"", []
    while len(data) < len(expected):
        got = one.client.read_frame()
        if got.opcode == PONG:
            pongs.append(got.payload)
        else:
            data += got.payload
    assert data == expected
    assert pongs == [b"one"]


def test_length_field_takes_no_memory(session):
    one = session(RecordingBackend)
    before = one.front.memory()
    one.client.send(frame(BINARY, b"only this", form=64, length=2**63 - 1))
    assert one.connection.wait_received(9) == b"only this"
    assert one.front.memory() - before < 2 * 2**20
    one.client.send_frame(BINARY, b"payload of the same frame", mask=None)
    one.connection.wait_received(10)


# --- what comes with the handshake


def test_frames_in_the_segment_of_the_handshake_arrive(session):
    one = session(EchoBackend, then=frame(BINARY, b"first, ") + frame(TEXT, b"second"))
    assert one.client.read_data(13) == b"first, second"


@pytest.mark.parametrize("size", [500, 1024, 5000, 65536, 400000])
def test_a_burst_right_behind_the_handshake_arrives_in_order(session, size):
    payload = random.Random(size).randbytes(size)
    one = session(RecordingBackend, then=frame(BINARY, payload[:100])
                  + frame(BINARY, payload[100:]))
    assert one.connection.wait_received(size) == payload
    one.client.send_frame(BINARY, b"later")
    assert one.connection.wait_received(size + 5)[size:] == b"later"


def test_frame_begun_with_the_handshake_is_finished_later(session):
    whole = frame(BINARY, b"in two halves")
    one = session(EchoBackend, then=whole[:9])
    one.client.send(whole[9:])
    assert one.client.read_data(13) == b"in two halves"


def test_frames_behind_large_request_fields_arrive(session, raw):
    one = session(EchoBackend)
    client = raw(one.front.port)
    client.open("/", fields=[("X-Large", "x" * 3000)], then=frame(BINARY, PAYLOAD[:3000]))
    assert client.read_data(3000) == PAYLOAD[:3000]


def test_handshake_and_frames_come_in_one_tls_record(session):
    one = session(EchoBackend, tls=True, then=frame(BINARY, PAYLOAD[:9000]))
    assert one.client.read_data(9000) == PAYLOAD[:9000]


def test_violation_in_the_segment_of_the_handshake_is_answered(session):
    one = session(RecordingBackend, then=frame(BINARY, b"good") + frame(3, b"bad"))
    assert one.client.read_close()[0] == 1002
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"


# --- a backend that speaks first


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 65536, 300000])
def test_backend_speaks_first(session, size, unix):
    greeting = random.Random(size).randbytes(size)
    one = session(SpeakFirstBackend, greeting, unix=unix)
    assert one.client.read_data(size) == greeting
    one.client.send_frame(BINARY, b"thanks")
    assert one.connection.wait_received(6) == b"thanks"


@pytest.mark.parametrize("size", [1, 1024, 300000])
def test_backend_speaks_and_closes_at_once(session, size):
    greeting = random.Random(size).randbytes(size)
    one = session(ScriptedBackend, lambda connection: connection.send(greeting))
    assert one.client.read_to_close() == (greeting, 1000, "")
    one.client.send_close(1000)
    assert one.client.read_end() == "eof"


def test_backend_that_says_nothing_and_closes_is_told_of(gateway, backend, raw):
    service = backend(ScriptedBackend, lambda connection: None)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    for _ in range(20):
        client = raw(front.port)
        # Whether nginx sees the connection or its end first is a matter of luck.
        status = client.handshake("/").status
        assert status in (101, 502)
        if status == 101:
            assert client.read_close() == (1000, "")


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 50000])
@pytest.mark.parametrize("ends", [False, True])
def test_backend_has_spoken_before_nginx_sees_it_connected(gateway, backend, raw, size, ends):
    # The worker finds all requests at once, so that the first backends have answered long before
    # it is done with the last request.
    greeting = random.Random(size).randbytes(size)
    service = backend(SpeakFirstBackend, greeting, close=ends)
    front = gateway(f"location / {{ ws_pass {service.address}; }}",
                    events="multi_accept on;")
    [worker] = front.workers()
    clients = [raw(front.port) for _ in range(40)]
    # One connection of which nginx certainly knows that it is accepted.
    assert clients[0].handshake("/").status == 101
    with stopped(worker):
        for client in clients[1:]:
            client.send(client.request("/"))
    for client in clients[1:]:
        assert client.read_response().status == 101
    for client in clients:
        if ends:
            assert client.read_to_close() == (greeting, 1000, "")
        else:
            assert client.read_data(size) == greeting


def test_backend_that_waits_hears_the_client_first(session):
    one = session(EchoBackend)
    one.client.nothing_comes(0.1)
    one.client.send_frame(BINARY, b"hello")
    assert one.client.read_data(5) == b"hello"


# --- broken rules

VIOLATIONS = {
    "unmasked data": frame(BINARY, b"bare", mask=None),
    "unmasked empty data": frame(BINARY, b"", mask=None),
    "unmasked ping": frame(PING, b"bare", mask=None),
    "unmasked close": frame(CLOSE, close_payload(1000), mask=None),
    "rsv1": frame(BINARY, b"x", rsv=4),
    "rsv2": frame(BINARY, b"x", rsv=2),
    "rsv3": frame(TEXT, b"x", rsv=1),
    "all rsv": frame(BINARY, b"", rsv=7),
    "rsv1 on a ping": frame(PING, b"x", rsv=4),
    "rsv2 on a close": frame(CLOSE, b"", rsv=2),
    **{f"opcode {code}": frame(code, b"x") for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "fragmented ping": frame(PING, b"x", fin=False),
    "fragmented pong": frame(PONG, b"x", fin=False),
    "fragmented close": frame(CLOSE, close_payload(1000), fin=False),
    "ping of 126": frame(PING, bytes(126)),
    "pong of 126": frame(PONG, bytes(126)),
    "close of 126": frame(CLOSE, close_payload(1000, b"r" * 124)),
    "ping of 65536": frame(PING, bytes(65536)),
    "short ping, 16-bit length": frame(PING, b"x", form=16),
    "0 in 16 bits": frame(BINARY, b"", form=16),
    "125 in 16 bits": frame(BINARY, bytes(125), form=16),
    "1 in 64 bits": frame(BINARY, b"x", form=64),
    "126 in 64 bits": frame(BINARY, bytes(126), form=64),
    "65535 in 64 bits": frame(BINARY, bytes(65535), form=64),
    "top bit": frame(BINARY, b"x", form=64, length=2**63),
    "all bits of the length": frame(BINARY, b"x", form=64, length=2**64 - 1),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "unfinished continuation of nothing": frame(CONTINUATION, b"x", fin=False),
    "text inside a message": frame(BINARY, b"", fin=False) + frame(TEXT, b"x"),
    "binary inside a message": frame(TEXT, b"", fin=False) + frame(BINARY, b"x", fin=False),
    "continuation after the end": frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"")
    + frame(CONTINUATION, b""),
}


@pytest.mark.parametrize("bad", VIOLATIONS.values(), ids=VIOLATIONS)
def test_rejects(session, bad):
    one = session(RecordingBackend)
    one.client.send(frame(BINARY, b"good") + bad + frame(BINARY, b"too late"))
    code, reason = one.client.read_close()
    assert code == 1002
    assert reason and len(reason.encode()) <= 123
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"
    [line] = one.end_lines()
    assert "[info]" in line and reason in line and "code 1002" in line


@pytest.mark.parametrize("bad", ["unmasked data", "rsv1", "opcode 3", "fragmented ping",
                                 "ping of 126", "65535 in 64 bits", "top bit"])
def test_rejects_byte_by_byte(session, bad):
    one = session(RecordingBackend)
    stream = frame(BINARY, b"good") + VIOLATIONS[bad][:14]
    for at in range(len(stream)):
        one.client.send(stream[at:at + 1])
        time.sleep(0.001)
    assert one.client.read_close()[0] == 1002
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"


@pytest.mark.parametrize("first", [0x83, 0xC2, 0x09, 0x80])
def test_rejects_a_frame_by_its_first_byte(session, first):
    one = session(RecordingBackend)
    one.client.send(bytes([first]))
    assert one.client.read_close()[0] == 1002


def test_rejects_over_tls(session):
    one = session(RecordingBackend, tls=True)
    one.client.send(frame(BINARY, b"good") + frame(BINARY, b"bad", mask=None) + PAYLOAD)
    assert one.client.read_close()[0] == 1002
    assert one.client.read_end() == "eof"
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == b"good"


def test_violation_does_not_lose_what_the_backend_has_not_read_yet(session):
    one = session(SilentBackend)
    one.client.send(frame(BINARY, PAYLOAD) + frame(5, b""))
    assert one.client.read_close()[0] == 1002
    one.service.resume()
    assert one.connection.wait_ended() == "eof"
    assert one.connection.received == PAYLOAD
