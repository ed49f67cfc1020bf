"""A Ping between the fragments of a message that is held is answered once the backend has them."""

import pytest

from harness.backends import RecordingBackend
from harness.gateway import assert_idle
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

FRAMINGS = {"ws_framing length u32;": b"\0\0\0\4", "ws_framing length u16 le;": b"\4\0",
            "ws_framing typed;": b"\0\0\0\4\1"}
framed = pytest.mark.parametrize("settings", FRAMINGS, ids=["u32", "u16", "typed"])


def opened(session, settings):
    one = session(RecordingBackend, settings=settings)
    one.client.send(frame(TEXT, b"ab", fin=False) + frame(PING, b"held"))
    one.client.nothing_comes()
    return one


@framed
def test_ping_behind_a_held_fragment_waits_for_the_end_of_the_message(session, settings):
    one = opened(session, settings)
    assert not one.connection.received
    one.client.send_frame(CONTINUATION, b"cd")
    got = one.client.read_frame()
    assert (got.opcode, got.payload) == (PONG, b"held")
    record = FRAMINGS[settings] + b"abcd"
    assert one.connection.wait_received(len(record)) == record


@framed
def test_worker_sleeps_while_a_ping_waits_for_the_client_itself(session, settings):
    one = opened(session, settings)
    assert_idle(one.front)


@framed
def test_ping_before_the_first_byte_of_a_message_waits_for_nothing(session, settings):
    one = session(RecordingBackend, settings=settings)
    one.client.send(frame(TEXT, b"abcd") + frame(PING, b"one") + frame(TEXT, b"", fin=False)
                    + frame(PING, b"two"))
    assert one.client.read_frame().payload in (b"one", b"two")


@framed
def test_close_inside_a_held_message_answers_no_ping(session, settings):
    one = opened(session, settings)
    one.client.send_frame(CLOSE, close_payload(1000))
    assert one.client.read_close() == (1011, "2 bytes undelivered, message was not finished")


def test_ping_amid_fragments_that_are_passed_on_is_answered(session):
    one = session(RecordingBackend, settings="ws_framing line;")
    one.client.send(frame(TEXT, b"ab", fin=False) + frame(PING, b"passed"))
    assert one.client.read_frame().payload == b"passed"
    assert one.connection.wait_received(2) == b"ab"


def test_waiting_ping_behind_a_held_fragment_polls_nothing_after_others(session):
    """The oldest is answered as soon as it may be, the newest waits for its message."""
    one = session(RecordingBackend, settings="ws_framing length u32;")
    one.client.send(frame(BINARY, b"whole") + frame(PING, b"1") + frame(TEXT, b"x", fin=False)
                    + frame(PING, b"2"))
    assert one.client.read_frame().payload == b"1"
    one.client.nothing_comes()
    one.client.send_frame(CONTINUATION, b"y")
    assert one.client.read_frame().payload == b"2"
