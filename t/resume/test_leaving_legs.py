"""docs/resume-protocol.md, sections 7 and 8: a leg that the client leaves, or another one displaces,
at the worst of moments."""

import threading

import pytest

from harness.backends import ScriptedBackend
from harness.raw import CLOSE
from harness.resumable import resumable
from harness.resume_client import EOF

__all__ = ["resumable"]

SAID = b"last words"
COME_BACK = 4004


def ends_at_once(connection):
    connection.read_exactly(2)
    connection.send(SAID)


def flood(connection):
    while True:
        connection.send(bytes(65536))


def read_to_the_close(one):
    while one.leg.read_frame().opcode != CLOSE:
        pass


def assert_end_comes_again(one):
    """The client has thrown away what came behind its Close."""
    one.resume(ack=0)
    assert one.receive(len(SAID)) == SAID
    assert one.read_close() == (1000, "")
    assert one.ended


def test_client_that_leaves_as_the_service_ends_comes_back_to_the_end(resumable):
    """Its Close crosses that of the gateway, and is no answer to it."""
    one = resumable(ScriptedBackend, script=ends_at_once)
    one.send(b"go")
    read_to_the_close(one)
    one.leg.send_close(COME_BACK)
    assert one.leg.read_end() == "eof"
    assert_end_comes_again(one)


def test_page_that_goes_as_the_service_ends_comes_back_to_the_end(resumable):
    one = resumable(ScriptedBackend, script=ends_at_once, setting="on away")
    one.send(b"go")
    read_to_the_close(one)
    one.leg.send_close(1001)
    assert one.leg.read_end() == "eof"
    assert_end_comes_again(one)


def test_client_that_leaves_before_the_last_is_acknowledged_comes_back_to_the_end(resumable):
    """The service has said its last and reads nothing, so that the gateway's Close waits."""
    taken, left = threading.Event(), threading.Event()

    def ends_before_it_reads(connection):
        taken.wait(30)
        connection.send(SAID)
        connection.finish()
        left.wait(30)
        connection.read_all()

    one = resumable(ScriptedBackend, script=ends_before_it_reads, receive_buffer=4096)
    one.send(bytes(one.limits["window"]))
    while one.taken < len(one.sent):
        one.cut("silence")
        one.resume()
    taken.set()
    while one.step() != EOF:
        pass
    one.leg.send_close(COME_BACK)
    assert one.leg.read_to_close()[1] == COME_BACK
    left.set()
    assert_end_comes_again(one)
    assert one.service.connections[0].wait_ended() == "eof"
    assert len(one.service.connections[0].received) == len(one.sent)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_leg_in_a_flood_is_told_that_it_is_displaced(resumable, tls):
    one = resumable(ScriptedBackend, script=flood, tls=tls)
    old = one.leg
    old.read_frame()
    one.cut("silence")
    one.resume(ack=0)
    assert old.read_to_close()[1:] == (4002, "displaced by another leg")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_client_that_leaves_a_flood_is_answered(resumable, tls):
    one = resumable(ScriptedBackend, script=flood, tls=tls)
    one.leg.read_frame()
    one.leg.send_close(COME_BACK)
    assert one.leg.read_to_close()[1] == COME_BACK
    one.resume(ack=0)
    one.receive(65536)
