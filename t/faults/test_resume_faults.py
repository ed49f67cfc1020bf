"""A session that can be resumed where memory is lacking, or the link between two workers fails: what
its client sees is true, and a session that stands is not lost by who tries to come back to it."""

import functools

import pytest

from harness.allocations import HEAP, MAPPINGS, UNIX_SOCKETS, Allocations
from harness.backends import EchoBackend
from harness.faulty_sessions import NO_MEMORY
from harness.gateway import wait_until
from harness.raw import Closed
from harness.resumable import connector
from harness.resume_client import OWN, Ended, ResumeClient

TEXT = b"to and fro, " * 300

# What the module and nginx say where the link fails.
LINK_FAILED = r"\(11: Resource|\(24: Too many open files|\(104: Connection reset"


class Refused(Exception):
    pass


class Tried(ResumeClient):
    """Takes any answer to its handshake; one that is not 101 is a lost leg."""

    def _open(self, query=""):
        leg = self._connect()
        response = leg.handshake(self._path + query, fields=[("Sec-WebSocket-Protocol", OWN)])
        if response.status != 101:
            assert response.status in (500, 502, 503, 504), response
            raise Refused(response.status)
        return leg

    def echo(self):
        self.send(TEXT)
        self.receive(len(self.sent))
        assert self.received == self.sent


def comes_through(act):
    """Whether nothing was lost on the way. A Close says so only if it is true."""
    try:
        act()
        return True
    except Ended as end:
        assert end.code in (1006, 1011, 1013, 4004), end
    except (Refused, Closed, ConnectionError):
        pass
    return False


@pytest.fixture
def faulty(gateway, backend, raw, tmp_path):
    """A session in a worker whose memory can fail, and what makes it fail."""
    allocations = Allocations(tmp_path)

    @functools.cache
    def begun(stays):
        service = backend(EchoBackend)
        front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on;"
                        f" {'ws_framing line;' if stays else ''} }}",
                        http="connection_pool_size 256; request_pool_size 256;",
                        environment=allocations.environment())
        front.allow(NO_MEMORY)
        front.allow(LINK_FAILED)
        return service, front

    def start(stays=False):
        """One that `stays` cannot go to another worker."""
        service, front = begun(stays)
        made = Tried(connector(front, raw))
        made.front, made.service, made.allocations = front, service, allocations
        return made

    return start


def begin_and_echo(one):
    one.begin()
    one.echo()


@pytest.mark.time_limit(300)
def test_any_allocation_at_the_beginning_may_fail(faulty):
    first = faulty()
    begin_and_echo(first)
    with first.allocations.failing(first.front, HEAP | MAPPINGS) as usual:
        begin_and_echo(one := faulty())
    assert one.close() == (1000, "")
    files = first.front.open_files()
    failed = 0
    for number in range(1, usual.seen + 1):
        one = faulty()
        with one.allocations.failing(one.front, HEAP | MAPPINGS, number, 1) as injected:
            comes_through(lambda: begin_and_echo(one))
        failed += injected.failed
        if one.sid and comes_through(one.resume):
            assert one.received == one.sent[:len(one.received)]
            one.echo()
            assert one.close() == (1000, "")
    assert failed >= usual.seen // 2
    first.echo()
    wait_until(lambda: first.front.open_files() <= files, 60, "closed descriptors")


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("kinds", [HEAP | MAPPINGS, UNIX_SOCKETS], ids=["memory", "link"])
@pytest.mark.parametrize("where", ["alone", "passing", "owner"])
def test_session_outlives_whatever_fails_in_a_reconnect(faulty, where, kinds):
    """In the one worker that there is; in a new one, which passes the bytes on; in the old one,
    which has the session."""
    if (where, kinds) == ("alone", UNIX_SOCKETS):
        pytest.skip("a worker alone has no link")
    one = faulty(stays=where != "alone")
    begin_and_echo(one)
    if where != "alone":
        one.front.reload()

    def failing(*which):
        return one.allocations.failing(one.front, kinds, *which, old=where == "owner")

    def come_back():
        one.resume()
        one.echo()

    for _ in range(2):  # the first time, a worker makes some that it keeps
        one.cut("reset")
        with failing() as usual:
            come_back()
    assert usual.seen >= 2
    failed = 0
    for number in range(1, usual.seen + 1):
        one.cut("reset")
        with failing(number, 1) as injected:
            lost = not comes_through(come_back)
        failed += injected.failed
        if lost:
            one.cut("reset")
            come_back()
    assert failed >= usual.seen // 2
    # The last one may have failed behind the echo.
    one.cut("reset")
    come_back()
    assert one.close() == (1000, "")
    assert len(one.service.connections) == 1


@pytest.mark.time_limit(300)
@pytest.mark.parametrize("kinds", [HEAP | MAPPINGS, UNIX_SOCKETS], ids=["memory", "link"])
@pytest.mark.parametrize("old", [True, False], ids=["leaving", "heir"])
def test_session_outlives_whatever_fails_when_it_is_handed_over(faulty, old, kinds):
    """It goes to the new worker, or stays with the old one."""
    number = failed = 0
    while number < 2 or failed == number - 1:
        begin_and_echo(one := faulty())
        one.front.reload()
        wait_until(lambda: one.front.error_log().count("hands its sessions") > number, 30,
                   "the worker that leaves to find one that stays")
        with one.allocations.failing(one.front, kinds, number, 1, old=old) as injected:
            one.cut("close")
            lost = not comes_through(lambda: (one.resume(), one.echo()))
        if lost:
            one.cut("close")
            one.resume()
            one.echo()
        assert one.close() == (1000, "")
        one.leg.close()
        wait_until(lambda: not one.front.workers(exiting=True), 30, "the exit of the old worker")
        failed += injected.failed
        number += 1
    assert failed >= 2
    assert len(one.service.connections) == number
