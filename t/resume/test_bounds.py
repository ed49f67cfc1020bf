"""Clients of resumable sessions that want to harm: what they cost is bounded, and nobody else's
session notices them."""

import pytest

from harness.backends import EchoBackend
from harness.gateway import wait_until
from harness.resumable import another, resumable
from harness.resume_client import OWN, Ended, refused

__all__ = ["resumable"]

SPREAD = {"workers": 4, "listen": "reuseport"}
UNKNOWN = 4001


def assert_lives(one):
    one.send(b"alive ")
    one.receive(len(one.sent))
    assert one.received == one.sent


def ask(one, sid, ack):
    """A reconnect whose answer nobody reads."""
    leg = one._connect()
    leg.send(leg.request(f"/?sid={sid}&ack={ack}", fields=[("Sec-WebSocket-Protocol", OWN)]))
    return leg


def test_attaches_at_once_in_all_workers_leave_one_winner(resumable):
    one = resumable(parts=SPREAD)
    for _ in range(10):
        assert_lives(one)
        one.cut("reset")
        legs = [ask(one, one.sid, len(one.received)) for _ in range(6)]
        for leg in legs:
            assert leg.read_response().status == 101
            one.leg = leg
            one._greeted()
        winners = []
        for leg in legs:
            one.leg = leg
            one.ack()  # a question, which is to be answered
            try:
                one.step()
                winners.append(leg)
            except Ended as end:
                assert end.code == 4002
        assert len(winners) == 1
        one.leg = winners[0]
        one.echo_sid()
    assert_lives(one)
    assert one.close() == (1000, "")


@pytest.mark.parametrize("workers", [1, 4])
def test_flood_of_reconnects_is_bounded(resumable, workers):
    """Right ones, each of which displaces the one before, and wrong ones. Nobody ends them; each
    costs a descriptor, and two more if it came to another worker, until nginx lingers no more."""
    one = resumable(parts={**SPREAD, "workers": workers})
    assert_lives(one)
    files, memory = one.front.open_files(), one.front.memory()
    legs = [ask(one, sid, len(one.received))
            for _ in range(150) for sid in (one.sid, one.sid[:-4] + "0000")]
    # None of them may come later than the client itself.
    for leg in legs:
        assert leg.read_response().status == 101
    assert one.front.open_files() - files <= 3 * len(legs) + workers
    if memory:
        assert one.front.memory() - memory < workers * 5 << 20
    one.resume()
    assert_lives(one)
    wait_until(lambda: one.front.open_files() <= files + 3 * workers, 40, "closed descriptors")
    assert_lives(one)


def test_sessions_that_are_left_are_bounded(resumable, raw):
    """Those within ws_resume_sessions wait, each with one descriptor; all others end at once."""
    one = resumable(settings="ws_resume_timeout 3s;", parts={"http": "ws_resume_sessions 40;"})
    assert_lives(one)
    files, memory = one.front.open_files(), one.front.memory()
    for turn in range(300):
        another(one, raw).cut(["close", "reset"][turn % 2])
    wait_until(lambda: one.front.open_files() <= files + 39, what="the end of those beyond the bound")
    if memory:
        assert one.front.memory() - memory < 2 << 20
    assert_lives(one)
    wait_until(lambda: one.front.open_files() <= files, what="the end of the grace")
    assert_lives(one)


def test_client_whose_acks_lie_has_no_more_than_its_session(resumable, raw):
    one = resumable()
    for position, code in ((2, 4005), (2**62, 4006), (2**64 - 1, 4006)):
        other = another(one, raw)
        other.send(b"hello")
        other.receive(5)
        other.ack(position)
        assert other.read_close()[0] == code
        assert refused(other.try_resume()) == UNKNOWN
    assert_lives(one)


def test_client_that_reads_nothing_and_comes_again_fills_no_memory(resumable):
    """A service that floods, and a client whose legs are each left full."""
    one = resumable(EchoBackend)
    size = 150000
    one.send(bytes(size))
    one.receive(1, acks=False)
    memory = one.front.memory()
    for _ in range(100):
        one.cut("silence")
        one.resume(ack=0)
    if memory:
        assert one.front.memory() - memory < 4 << 20
    assert len(one.receive(size)) == size
    assert one.close() == (1000, "")
