"""docs/resume.md: what becomes of a session that goes to another worker when something fails, or when
it cannot go."""

import array
import contextlib
import http.client
import os
import re
import signal
import socket
import struct

import pytest

from harness import upgrading
from harness.backends import EchoBackend
from harness.gateway import wait_until
from harness.pki import server_tls
from harness.processes import stopped
from harness.resumable import another, assert_echoes, assert_goes_on, resumable
from harness.resume_client import CLOUD, OWN, Ended, refused
from harness.status import ZONE
from harness.tls_backend import TlsEchoBackend

__all__ = ["resumable"]

SOON = "worker_shutdown_timeout 1s;"
MANY = 60


def begins_to_leave(front):
    """A reload. Returns the worker to which the sessions are to go."""
    front.reload()
    front.wait_log("hands its sessions to another worker", 30)
    return upgrading.heir_of(front)


def many_waiting(one, raw):
    """Sessions that wait, each with bytes for its client."""
    text = bytes(range(256)) * 200
    all_of_them = [one, *(another(one, raw) for _ in range(MANY - 1))]
    for each in all_of_them:
        each.send(text)
        each.wait_acked(len(text))
        each.cut("close")
    wait_until(lambda: one.front.error_log().count("the session waits") == MANY, 30, "all to wait")
    return all_of_them


def survivors(sessions):
    """How many go on, with every byte; the others are over, and say so."""
    alive = 0
    for each in sessions:
        try:
            each.resume()
            each.receive(len(each.sent))
        except Ended as end:
            assert end.code == 4001, end
            continue
        assert each.received == each.sent
        assert each.close() == (1000, "")
        each.leg.close()
        alive += 1
    return alive


def test_worker_is_killed_while_it_hands_over(resumable, raw):
    one = resumable(parts={"main": SOON})
    sessions = many_waiting(one, raw)
    one.front.allow("exited on signal")
    [old] = one.front.reload()
    one.front.wait_log("goes on with a session", 30)
    try:
        os.kill(old, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was done
    upgrading.old_workers_leave(one.front)
    alive = survivors(sessions)
    assert alive == one.front.error_log().count("goes on with a session") >= 1
    wait_until(lambda: all(each.ended for each in one.service.connections), 30, "all ends")


def test_heir_is_killed_while_it_takes_over(resumable, raw):
    one = resumable(parts={"main": "worker_shutdown_timeout 10s;"})
    sessions = many_waiting(one, raw)
    one.front.allow("exited on signal")
    one.front.reload()
    one.front.wait_log("goes on with a session", 30)
    [heir] = one.front.workers()
    os.kill(heir, signal.SIGKILL)
    upgrading.old_workers_leave(one.front)
    lost = len(re.findall(f"{heir}#{heir}: .*goes on with a session", one.front.error_log()))
    # Of one it may not have come to say so.
    assert MANY - lost - 1 <= survivors(sessions) <= MANY - lost < MANY
    wait_until(lambda: all(each.ended for each in one.service.connections), 30, "all ends")


def test_heir_that_stands_still_leaves_a_session_with_one_of_both(resumable, raw):
    """Nobody can know which, so that its client has to come again."""
    one = resumable(parts={"workers": 2})
    assert_echoes(one, b"before")
    one._connect = lambda: raw(one.front.port, timeout=40)
    heir = begins_to_leave(one.front)
    with stopped(heir):
        one.cut("close")
        one.front.wait_log("the session waits")
        assert refused(one.try_resume()) == 4004
        assert "goes on with a session" not in one.front.error_log()
    one.front.wait_log(f"{heir}#{heir}: .*goes on with a session", 30)
    assert_goes_on(one, b", after")
    upgrading.old_workers_leave(one.front)
    assert len(one.service.connections) == 1


@contextlib.contextmanager
def heir_that_gets_nothing(one):
    """A reload whose heir stands still before the session has come to it."""
    for _ in range(10):
        one.front.reload()
        heir = upgrading.heir_of(one.front)
        with stopped(heir):
            if not re.search(f"{heir}#{heir}: .*goes on with a session", one.front.error_log()):
                yield
                return
        one.resume()
    raise AssertionError("the heir is always faster")


@pytest.mark.parametrize("name", [OWN, CLOUD])
def test_worker_whose_time_is_up_sends_back_whom_it_let_wait(resumable, name):
    """gcloud gives up at the first status that refuses it, and comes back from 4004."""
    one = resumable(parts={"workers": 2, "main": "worker_shutdown_timeout 3s;"}, how={"name": name})
    assert_echoes(one, b"before")
    with heir_that_gets_nothing(one):
        assert one.read_close()[0] == 4004
        assert refused(one.try_resume()) == 4004
    upgrading.old_workers_leave(one.front)
    assert_goes_on(one, b", after")
    assert len(one.service.connections) == 1


def end_all_of(one, key):
    """While one worker stands still."""
    control = http.client.HTTPConnection("127.0.0.1", one.front.port, timeout=40)
    control.request("POST", "/control", f"key={key}",
                    {"Content-Type": "application/x-www-form-urlencoded"})
    assert control.getresponse().read() == b'{"ended":0,"silent_workers":1}\n'
    control.close()


def test_session_that_is_told_to_end_on_its_way_ends_if_it_is_not_taken(resumable):
    one = resumable(EchoBackend, "ws_session_key ada;", parts={
        "workers": 2, "http": ZONE, "server": "location = /control { ws_control; }"})
    one.front.allow("exited on signal")
    assert_echoes(one)
    heir = begins_to_leave(one.front)
    with contextlib.suppress(ProcessLookupError), stopped(heir):
        one.cut("close")
        one.front.wait_log("the session waits")
        end_all_of(one, "ada")
        os.kill(heir, signal.SIGKILL)
        wait_until(lambda: not upgrading.exists(heir), 30, "the end of the heir")
    assert one.service.wait_connection().wait_ended() == "eof"
    assert refused(one.try_resume()) == 4001
    upgrading.old_workers_leave(one.front)
    assert "goes on with a session" not in one.front.error_log()


def test_session_that_is_told_to_end_on_its_way_ends_with_its_heir(resumable):
    one = resumable(EchoBackend, "ws_session_key ada;", parts={
        "workers": 2, "http": ZONE, "server": "location = /control { ws_control; }"})
    assert_echoes(one)
    heir = begins_to_leave(one.front)
    with stopped(heir):
        one.cut("close")
        one.front.wait_log("the session waits")
        end_all_of(one, "ada")
    one.front.wait_log(f"{heir}#{heir}: .*goes on with a session", 30)
    assert one.service.wait_connection().wait_ended() == "eof"
    assert refused(one.try_resume()) == 4001
    upgrading.old_workers_leave(one.front)


def test_session_that_is_told_to_end_on_its_way_ends_with_an_heir_that_is_left(resumable):
    """The heir hears of the order before it looks for sessions: it is woken by another one first."""
    one = resumable(EchoBackend, "ws_session_key ada;", parts={
        "workers": 2, "http": ZONE, "server": "location = /control { ws_control; }"})
    assert_echoes(one)
    heir = begins_to_leave(one.front)
    with stopped(heir):
        end_all_of(one, "nobody")
        one.cut("close")
        one.front.wait_log("the session waits")
        end_all_of(one, "ada")
        one.front.wait_log("another worker goes on with it", 50)
    one.front.wait_log(f"{heir}#{heir}: .*goes on with a session", 30)
    assert one.service.wait_connection().wait_ended() == "eof"
    upgrading.old_workers_leave(one.front)
    assert refused(one.try_resume()) == 4001


def test_heir_that_stands_still_keeps_one_session_and_no_other(resumable, raw):
    one = resumable()
    two = another(one, raw)
    heir = begins_to_leave(one.front)
    taken = "(#[0-9]+): .*goes on with a session"
    with stopped(heir):
        for each in (one, two):
            each.cut("close")
        wait_until(lambda: one.front.error_log().count("the session waits") == 2, 30, "both wait")
        one.front.signal(signal.SIGHUP)
        one.front.wait_log(taken, 50)
        assert f"#{heir}" not in re.findall(taken, one.front.error_log())
    one.front.wait_log(f"#{heir}: .*goes on with a session", 30)
    upgrading.old_workers_leave(one.front)
    for each in (one, two):
        assert_goes_on(each)


def test_heir_is_found_behind_another_address_in_front(resumable):
    one = resumable(parts={"main": SOON})
    assert_echoes(one, b"before")
    one.cut("close")
    one.front.wait_log("the session waits")
    one.front.reload(http="server { listen unix:@PREFIX@/another; }")
    upgrading.old_workers_leave(one.front)
    assert_goes_on(one, b", after")


def test_nothing_of_another_version_is_taken(resumable):
    one = resumable()
    [pid] = one.front.workers()
    address = upgrading.rendezvous(pid)

    def said(*texts, descriptors=0):
        with socket.socket(socket.AF_UNIX) as s, socket.socketpair()[0] as other:
            s.settimeout(10)
            s.connect(address)
            for text in texts:
                sent = array.array("i", [other.fileno()] * descriptors)
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent)]
                s.sendmsg([text], rights if descriptors else [])
            s.shutdown(socket.SHUT_WR)
            heard = b""
            try:
                while got := s.recv(4096):
                    heard += got
            except ConnectionResetError:
                pass
            return heard

    files = one.front.open_files()
    good = upgrading.parcel(upgrading.HELLO, upgrading.hello())
    assert said(b"nonsense" * 100) == b""
    assert said(upgrading.parcel(upgrading.HELLO, upgrading.hello(), version=1)) == b""
    assert said(upgrading.parcel(upgrading.HELLO, upgrading.hello(version=1))) == b""
    assert said(upgrading.parcel(upgrading.SESSION, bytes(100)), descriptors=1) == b""
    for _ in range(8):
        assert said(good, descriptors=2) == b""
    greeted = said(good)
    assert len(greeted) == upgrading.HEAD.size + len(upgrading.hello())
    refusal = upgrading.parcel(upgrading.REFUSED, b"")
    for body in (b"", bytes(2000), struct.pack("=II", 1, 500) + bytes(600)):
        heard = said(good, upgrading.parcel(upgrading.SESSION, body), descriptors=1)
        assert heard[len(greeted):] == refusal
    heard = said(good, upgrading.parcel(upgrading.SESSION, bytes(2000)))
    assert heard[len(greeted):] == refusal
    assert_echoes(one)
    wait_until(lambda: one.front.open_files() <= files + 1, 10, "closed descriptors")


def secure(**options):
    return TlsEchoBackend(tls=server_tls(), **options)


def test_what_speaks_tls_to_the_service_stays_and_is_relayed(resumable):
    one = resumable(secure, "ws_ssl on;")
    assert_echoes(one)
    one.cut("close")
    one.front.wait_log("the session waits")
    one.front.reload()
    one.resume()
    assert_echoes(one, b", by way of the old worker")
    assert "by way of another worker" not in one.front.error_log()
    assert one.close() == (1000, "")
    one.leg.close()
    upgrading.old_workers_leave(one.front)


def test_session_of_a_location_that_is_gone_stays(resumable):
    one = resumable(parts={"main": SOON})
    one.cut("close")
    one.front.wait_log("the session waits")
    one.front.reload(locations=f"location /other {{ ws_pass {one.service.address}; ws_resume on; }}")
    upgrading.old_workers_leave(one.front)
    assert one.service.wait_connection().wait_ended() == "eof"
