"""docs/resume.md: a client comes back to any worker, also to those of a new configuration."""

import os
import random
import signal
import socket

import pytest

from harness.gateway import wait_until
from harness.resumable import another, assert_echoes, assert_goes_on, bulk_over_cuts, resumable
from harness.resume_client import SSH, refused

__all__ = ["resumable"]

# Connections are spread over the workers by their ports.
SPREAD = {"workers": 4, "listen": "reuseport"}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_client_comes_back_to_any_worker(resumable, tls):
    one = resumable(parts={**SPREAD, "log_format": "$ws_session $ws_leg $ws_resumed $status"} if not
                    tls else {"workers": 4}, tls=tls)
    for turn in range(16):
        one.cut(["close", "reset", "silence"][turn % 3])
        one.resume()
        assert_echoes(one)
    assert one.close() == (1000, "")
    one.leg.close()
    assert len(one.service.connections) == 1
    if not tls:
        lines = [line.split() for line in one.front.access_log(17, timeout=30)]
        assert "by way of another worker" in one.front.error_log()
        assert sorted(int(line[1]) for line in lines) == list(range(1, 18))
        assert {line[0] for line in lines} == {lines[0][0]}
        assert {line[3] for line in lines} == {"101"}


def test_bulk_goes_both_ways_over_all_workers(resumable):
    one = resumable(parts=SPREAD)
    bulk_over_cuts(one, random.Random(9).randbytes(3 << 20), 200000)


def test_leg_in_another_worker_is_displaced(resumable):
    one = resumable(parts=SPREAD)
    for _ in range(8):
        old = one.leg
        one.cut("silence")
        one.resume()
        assert old.read_to_close()[1:] == (4002, "displaced by another leg")
        assert_echoes(one)


def test_refusals_are_those_of_the_owner(resumable):
    one = resumable(settings="ws_resume_bind $http_x_user;", parts=SPREAD,
                    how={"fields": [("X-User", "ann")]})
    wrong = one.sid[:-1] + ("0" if one.sid[-1] != "0" else "1")
    for _ in range(8):
        assert refused(one.try_resume(sid=wrong)) == 4001
        assert refused(one.try_resume(ack=77)) == 4006
        one._fields = [("X-User", "bob")]
        assert refused(one.try_resume()) == 4001
        one._fields = [("X-User", "ann")]
    one.resume()
    assert_echoes(one)


def test_ends_go_through_another_worker(resumable):
    one = resumable(settings="ws_half_close on;", parts=SPREAD)
    for _ in range(6):
        one.cut("close")
        one.resume()
    one.send(b"last words")
    one.end()
    one.receive(10)
    assert one.read_close() == (1000, "")
    assert one.service.wait_connection().wait_ended() == "eof"


def test_session_survives_reloads(resumable):
    one = resumable()
    for turn in range(4):
        one.front.reload()
        assert_echoes(one)
        one.cut(["close", "silence"][turn % 2])
        one.resume()
        assert_echoes(one, b"after reload")
    assert one.close() == (1000, "")
    one.leg.close()
    wait_until(lambda: not one.front.workers(exiting=True), what="the exit of the old workers")
    assert len(one.service.connections) == 1


def test_session_that_waits_survives_a_reload(resumable):
    one = resumable()
    one.send(b"before")
    one.receive(6)
    one.cut("close")
    one.front.wait_log("the session waits")
    one.front.reload()
    assert_goes_on(one, b", after")
    wait_until(lambda: not one.front.workers(exiting=True), what="the exit of the old workers")


def test_killed_owner_is_told_as_an_unknown_session(resumable):
    one = resumable(parts=SPREAD)
    one.front.allow("exited on signal")
    for pid in one.front.workers():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(one.front.workers()) == 4, what="new workers")
    assert refused(one.try_resume()) == 4001


def test_v4_goes_through_another_worker(resumable):
    one = resumable(parts=SPREAD, how={"name": SSH})
    for _ in range(8):
        one.cut("reset")
        one.resume()
        assert_echoes(one)
    assert one.close() == (1000, "")


def test_leaves_nothing_behind_in_any_worker(resumable, raw):
    one = resumable(parts=SPREAD)
    files = one.front.open_files()
    for turn in range(12):
        other = another(one, raw)
        for _ in range(3):
            other.cut(["close", "reset"][turn % 2])
            other.resume()
            assert_echoes(other)
        assert other.close() == (1000, "")
        other.leg.close()
    # Three workers more have a socket for the others by now.
    wait_until(lambda: one.front.open_files() <= files + 3, 30,
               "the descriptors to be closed")


def test_nobody_else_is_let_in(resumable):
    """A process of the same user that says nonsense, and one that says nothing."""
    one = resumable()
    worker = one.sid.split(".")[1]
    for text in (b"nonsense, and much of it: " + bytes(5000), b"\1\0sw" + bytes(60)):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(b"\0ngx_ws_filter/" + worker.encode())
            s.sendall(text)
            try:
                assert s.recv(10000)[:4] in (b"", b"\1\0sw")
            except ConnectionResetError:
                pass
    assert_echoes(one)


def test_echo_of_the_owner_itself_needs_no_detour(resumable):
    one = resumable()
    one.cut("close")
    one.resume()
    assert_echoes(one)
    assert "by way of another worker" not in one.front.error_log()
