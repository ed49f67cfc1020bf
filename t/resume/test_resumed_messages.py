"""ws_framing in a session that can be resumed: messages stay whole over cuts."""

import os
import random

import pytest

from harness.framing import LineBackend, RecordBackend
from harness.message_client import MessageClient
from harness.raw import BINARY, frame
from harness.resumable import connector
from harness.resume_client import (ACK, CLOUD, DATA, EMPTY, EOF, OWN, PART, SSH, Ended, number,
                                   sized)


@pytest.fixture
def messages(gateway, backend, raw):
    """messages(LineBackend, "line"): a session with that ws_framing."""

    def start(kind, framing, settings="", how=None, parts=None, **options):
        service = backend(kind, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on; "
                        f"ws_framing {framing}; {settings} }}", **(parts or {}))
        made = MessageClient(connector(front, raw), **(how or {})).begin()
        made.front, made.service = front, service
        return made

    return start


def texts(seed, count, longest):
    """Messages without line ends, some of them empty and some of more than one DATA."""
    dice = random.Random(seed)
    sizes = [dice.choice((0, 1, 2, 125, 1000, 16_384, 16_385, longest)) for _ in range(count)]
    return [bytes(dice.choices(b"abcdefgh \r", k=size)) for size in sizes]


def assert_whole_over_cuts(one, sent, answers):
    dice = random.Random(len(sent))
    for count, message in enumerate(sent, 1):
        if count % 3:
            one.send_message(message)
        else:
            one.send_and_cut(message, dice.random())
            one.resume()
        if count % 5 == 0:
            one.receive_messages(count)
    assert one.receive_messages(len(sent)) == answers
    one.wait_acked(len(one.sent))
    assert one.close() == (1000, "")


@pytest.mark.parametrize("piece", [16_384, 700])
def test_lines_stay_whole_over_cuts(messages, piece):
    one = messages(LineBackend, "line", how={"piece": piece})
    assert one.limits["flags"] == 1 and one.limits["window"] == 256 * 1024
    sent = texts(1, 60, 40_000)
    assert_whole_over_cuts(one, sent, [b"heard: " + each for each in sent])
    assert one.service.lines == sent


@pytest.mark.parametrize("piece", [16_384, 700])
def test_records_stay_whole_over_cuts(messages, piece):
    one = messages(RecordBackend, "length u32", how={"piece": piece}, length="!I")
    assert one.limits["window"] == 1024 * 1024
    sent = texts(2, 60, 40_000)
    assert_whole_over_cuts(one, sent, [each[::-1] for each in sent])
    assert one.service.records == sent


def test_messages_of_another_worker_stay_whole(messages):
    one = messages(LineBackend, "line", parts={"workers": 4})
    sent = texts(3, 60, 20_000)
    assert_whole_over_cuts(one, sent, [b"heard: " + each for each in sent])


def test_record_longer_than_the_window_of_a_stream_arrives(messages):
    one = messages(RecordBackend, "length u32", "ws_max_message_size 600k;", length="!I")
    assert one.limits["window"] == 600 * 1024
    message = os.urandom(600 * 1024)
    one.send_and_cut(message, 0.7)
    one.resume()
    assert one.receive_messages(1) == [message[::-1]]
    one.wait_acked(len(message))
    assert one.close() == (1000, "")


def test_message_that_is_too_long_ends_the_session(messages):
    one = messages(RecordBackend, "length u32", "ws_max_message_size 1k;", length="!I")
    one.send_message(b"x" * 1024)
    one.receive_messages(1)
    one.say(sized(PART, b"x" * 1000))
    one.say(sized(DATA, b"x" * 25))
    assert one.read_close()[0] == 1009


@pytest.mark.parametrize("commands, code", [
    ([sized(DATA, b"two\nlines")], 1007),
    ([sized(PART, b"")], 1002),
    ([number(EMPTY, 1)], 1002),
    ([sized(PART, b"x"), number(EMPTY, 0)], 1002),
    ([sized(PART, b"x"), number(EOF, 1)], 1002),
    ([sized(DATA, b"x"), number(ACK, 1000)], 4006),
], ids=["line", "part", "skips", "inside", "end", "ack"])
def test_each_broken_rule_has_its_code(messages, commands, code):
    one = messages(LineBackend, "line")
    # At once: what the service says meanwhile may be acknowledged.
    one.leg.send(b"".join(frame(BINARY, command) for command in commands))
    with pytest.raises(Ended) as end:
        while True:
            one.command()
    assert end.value.code == code


def test_position_counts_bytes_of_messages(messages):
    one = messages(LineBackend, "line crlf", end=b"\r\n")
    for message in (b"a", b"", b"bc"):
        one.send_message(message)
    one.wait_acked(3)
    assert one.receive_messages(3) == [b"heard: a", b"heard: ", b"heard: bc"]
    assert len(one.received) == 24
    one.end()
    assert one.read_close() == (1000, "")


def test_clients_of_v4_get_messages_without_resume(messages, raw):
    one = messages(LineBackend, "line", "ws_subprotocol ssh;")
    for offer, answer in ((SSH, SSH), (f"{CLOUD}, {SSH}", SSH), (f"{SSH}, {OWN}", OWN)):
        client = raw(one.front.port)
        response = client.open("/", fields=[("Sec-WebSocket-Protocol", offer)])
        assert response.get("sec-websocket-protocol") == answer
    client = raw(one.front.port)
    client.open("/", fields=[("Sec-WebSocket-Protocol", SSH)])
    client.send_frame(BINARY, b"raw")
    assert client.read_data(10) == b"heard: raw"
    assert one.close() == (1000, "")


def test_typed_messages_are_not_resumed(gateway, backend, raw):
    service = backend(RecordBackend, length="!I", typed=True)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on; ws_framing typed; }}")
    client = raw(front.port)
    response = client.open("/", fields=[("Sec-WebSocket-Protocol", OWN)])
    assert response.get("sec-websocket-protocol") is None
    client.send_frame(BINARY, b"raw")
    assert client.read_data(3) == b"war"
