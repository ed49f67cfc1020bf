"""docs/resume-protocol.md, section 8: a service that breaks the rules of its messages. The client has
all that came before, and the reason, on whichever leg it comes back."""

import threading

import pytest

from harness.backends import ScriptedBackend
from harness.raw import CLOSE
from harness.resumable import resumable

__all__ = ["resumable"]

GOOD = b"good"
FAULTS = {
    "line": ("ws_framing line max=10;", b"good\n" + b"x" * 100 + b"\n",
             "backend sent a line that is too long"),
    "record": ("ws_framing length u8 max=10;", b"\x04good\xff" + b"x" * 99,
               "backend sent a record that is too long"),
}


def speaks(words, may_speak):
    """Says them to the first bytes that come, once it may, and more behind them."""
    def serve(connection):
        connection.read_exactly(2)
        may_speak.wait(30)
        connection.send(words)
        connection.read_all()

    return serve


@pytest.fixture
def broken(resumable, request):
    """A session whose service is about to break its rules, and how that is told."""
    settings, words, why = FAULTS[request.param]
    may_speak = threading.Event()
    one = resumable(ScriptedBackend, settings, script=speaks(words, may_speak))
    one.send(b"go")
    one.wait_acked(2)
    return one, may_speak, why


def assert_told(one, why):
    assert one.read_close() == (1011, why)
    assert one.received.startswith(GOOD) and not one.ended


@pytest.mark.parametrize("broken", FAULTS, indirect=True)
def test_client_that_was_lost_before_it_answered_is_told_again(broken):
    one, may_speak, why = broken
    may_speak.set()
    for _ in range(2):
        while one.leg.read_frame().opcode != CLOSE:
            pass
        one.cut("reset")
        one.resume(ack=0)
    assert_told(one, why)


@pytest.mark.parametrize("broken", FAULTS, indirect=True)
def test_client_that_was_away_is_told_when_it_comes(broken):
    one, may_speak, why = broken
    one.cut("reset")
    one.front.wait_log("the session waits")
    connection = one.service.wait_connection()
    may_speak.set()
    with pytest.raises(AssertionError):
        connection.wait_ended(0.5)
    one.resume(ack=0)
    assert_told(one, why)
    connection.wait_ended()
