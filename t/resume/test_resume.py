"""docs/resume-protocol.md, sections 4 and 7: a session goes on at the same byte on each leg."""

import random
import time

import pytest

from harness.backends import ScriptedBackend
from harness.raw import CLOSE, frame
from harness.resumable import bulk_over_cuts, resumable
from harness.resume_client import CLOUD, DATA, OWN, SSH, refused, sized

__all__ = ["resumable"]


def test_new_session_echoes(resumable):
    one = resumable()
    one.send(b"hello")
    assert one.receive(5) == b"hello"
    one.wait_acked(5)
    assert one.close() == (1000, "")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("how", ["close", "reset", "silence"])
def test_goes_on_at_the_same_byte_after_a_cut(resumable, how, tls):
    one = resumable(tls=tls)
    one.send(b"before")
    one.receive(6)
    old = one.leg
    one.cut(how)
    one.resume()
    one.send(b", after")
    assert one.receive(13) == b"before, after"
    assert one.close() == (1000, "")
    if how == "silence":
        assert frame(CLOSE, b"\x0f\xa2", mask=None)[2:] in old.read_rest()  # 4002


def test_service_sees_one_connection(resumable):
    one = resumable()
    for turn in range(5):
        one.cut("reset")
        one.resume()
        one.send(b"turn %d" % turn)
        one.receive(6 * (turn + 1))
    assert one.close() == (1000, "")
    assert one.service.wait_connection().wait_ended() == "eof"
    assert len(one.service.connections) == 1


def test_bulk_goes_both_ways_over_cuts(resumable):
    one = resumable()
    bulk_over_cuts(one, random.Random(7).randbytes(1 << 20), 100000)


def test_goes_on_after_a_cut_at_any_byte(resumable):
    """Each leg sends one byte more of the same two frames before it is cut."""
    one = resumable()
    taken = 0
    text = frame(2, sized(DATA, b"abc")) + frame(2, sized(DATA, b"d"))
    for size in range(1, len(text)):
        one.leg.send(text[:size])
        one.sent += b"abcd"
        one.cut("close")
        one.resume()  # sends what is missing
        assert taken <= one.taken <= taken + 4
        taken += 4
    assert one.receive(taken) == b"abcd" * (len(text) - 1)
    assert one.close() == (1000, "")


def test_sends_again_from_any_position_that_is_not_acknowledged(resumable):
    one = resumable()
    data = random.Random(8).randbytes(60000)
    one.send(data)
    one.receive(len(data), acks=False)
    for position in (0, 1, 16383, 16384, 16385, 40000, 59999, 60000):
        one.cut("close")
        one.resume(ack=position)
        assert one.receive(len(data), acks=False) == data
    assert one.close() == (1000, "")


def test_service_says_on_while_nobody_listens(resumable):
    def serve(connection):
        connection.read_exactly(2)
        time.sleep(0.2)
        connection.send(b"told to nobody")
        connection.read_all()

    one = resumable(ScriptedBackend, script=serve)
    one.send(b"go")
    one.wait_acked(2)
    one.cut("reset")
    one.service.wait_connection().wait_received(2)
    time.sleep(0.5)
    one.resume()
    assert one.receive(14) == b"told to nobody"
    assert one.close() == (1000, "")


def test_displaced_leg_is_told_and_the_new_one_goes_on(resumable):
    one = resumable()
    one.send(b"one ")
    one.receive(4)
    old = one.leg
    one.cut("silence")
    one.resume()
    assert old.read_to_close()[1:] == (4002, "displaced by another leg")
    old.send_close(4002)
    assert old.read_end() == "eof"
    one.send(b"two")
    assert one.receive(7) == b"one two"
    assert one.close() == (1000, "")


def test_two_attaches_at_once_leave_one_winner(resumable):
    one = resumable()
    one.send(b"before")
    one.receive(6)
    one.cut("close")
    first = one.try_resume()
    second = one.try_resume()
    assert first.read_to_close()[1] == 4002
    one.leg = second
    one._greeted()
    one.echo_sid()
    one.send(b"after")
    assert one.receive(11) == b"beforeafter"
    assert one.close() == (1000, "")


@pytest.mark.parametrize("name", [OWN, SSH, CLOUD])
def test_each_name_resumes(resumable, name):
    one = resumable(how={"name": name})
    sid = one.sid
    for turn in range(3):
        one.send(b"%d" % turn)
        one.receive(turn + 1)
        one.cut("reset")
        one.resume()
        assert (one.sid == sid) == (name != OWN)
    assert one.receive(3) == b"012"
    assert one.close() == (1000, "")


def test_client_that_closes_with_4004_comes_back(resumable):
    one = resumable()
    one.send(b"kept")
    one.receive(4)
    assert one.close(4004) == (4004, "")
    one.resume()
    one.send(b" on")
    assert one.receive(7) == b"kept on"


@pytest.mark.parametrize("setting, kept", [("on", False), ("on away", True)])
def test_page_that_goes_away_comes_back_where_it_may(resumable, setting, kept):
    one = resumable(setting=setting)
    one.send(b"page")
    one.receive(4)
    assert one.close(1001) == (1001, "")
    leg = one.try_resume()
    if kept:
        assert leg.read_frame().payload[:2] == b"\0\2"  # RECONNECT_SUCCESS
    else:
        assert refused(leg) == 4001


def flood(connection):
    while True:
        connection.send(bytes(65536))


def test_client_that_never_acknowledges_stops_the_service(resumable):
    one = resumable(ScriptedBackend, script=flood, settings="ws_resume_buffer 64k;")
    one.receive(65536, acks=False)
    one.leg.nothing_comes(0.5)
    one.ack(32768)
    one.receive(98304, acks=False)
    one.leg.nothing_comes(0.5)
    one.cut("reset")
    one.resume(ack=32768)
    one.receive(98304, acks=False)
    one.leg.nothing_comes(0.5)
    assert len(one.received) == 98304
