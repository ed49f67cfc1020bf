"""Many sessions that say nothing: what each costs, and that a burst of all of them leaves nothing
behind. WS_SCALE_CONNECTIONS of them, 300 if nothing is said; one worker should bear 8000."""

import os
import time

import pytest

from harness import checker
from harness.crowd import Crowd, Resting, most_connections, private_memory, wakeups
from harness.echo_process import EchoProcess
from harness.flood import MEGABYTE
from harness.gateway import client_tls, wait_until
from harness.sessions import plain_and_tls

WANTED = int(os.environ.get("WS_SCALE_CONNECTIONS", "300"))
KIB = 1024

pytestmark = pytest.mark.time_limit(60 + WANTED // 20)
measures_memory = pytest.mark.skipif(not checker.MEASURES_MEMORY,
                                     reason="more than nginx's memory would be measured")


class Scene:
    """A gateway with one worker, the service behind it, and how its clients connect."""

    def __init__(self, gateway, service, tls):
        self.service = service
        self.count = most_connections(WANTED)
        self.front = gateway(
            f"location / {{ ws_pass {service.address}; ws_ping_interval 0; }}"
            " location /rest { return 204; }", tls=tls,
            connections=2 * self.count + 100, log_level="notice")
        [self.pid] = self.front.workers()
        self._connect = (self.front.ssl_port if tls else self.front.port,)
        self._tls = client_tls() if tls else None
        self.warm_up()

    def crowd(self, count=None):
        return Crowd(*self._connect, count or self.count, tls=self._tls)

    def resting(self):
        return Resting(*self._connect, self.count, tls=self._tls, path="/rest")

    def warm_up(self):
        with self.crowd(20) as few:
            few.echo(16 * KIB)
        self.wait_alone()

    def wait_alone(self):
        wait_until(lambda: self.service.open() == 0, 60, "the end of all sessions")

    def memory(self):
        return private_memory(self.pid)


@pytest.fixture
def scene(gateway):
    with EchoProcess() as service:
        yield lambda *args: Scene(gateway, service, *args)


def cost(scene, tls, resting=False):
    """Bytes of a session that is idle, or of a connection that nginx keeps open by itself."""
    one = scene(tls)
    before = one.memory()
    with one.resting() if resting else one.crowd() as crowd:
        if not resting:
            crowd.echo(256)
        # A few pages are of no session.
        each = (one.memory() - before - 128 * KIB) / one.count
    print(f"{one.count} {'connections' if resting else 'sessions'}, {each:.0f} bytes each")
    return each


@measures_memory
def test_idle_session_costs_little(scene, record_property):
    plain = cost(scene, tls=False)
    record_property("bytes", plain)
    assert plain <= 10 * KIB


@measures_memory
def test_idle_session_adds_little_to_what_tls_costs_nginx(scene, record_property):
    """How much that is depends on the versions of nginx and of OpenSSL."""
    tls = cost(scene, tls=True)
    record_property("bytes", tls)
    of_nginx = cost(scene, tls=True, resting=True) - cost(scene, tls=False, resting=True)
    assert of_nginx > 4 * KIB
    assert tls <= 10 * KIB + of_nginx


@plain_and_tls
def test_idle_sessions_wake_nobody_up(scene, tls):
    one = scene(tls)
    with one.crowd():
        time.sleep(0.2)
        assert wakeups(one.pid, 1) <= 2


@measures_memory
@plain_and_tls
def test_burst_of_all_sessions_leaves_no_memory_behind(scene, tls):
    one = scene(tls)
    with one.crowd() as crowd:
        crowd.echo(256)
        idle = one.memory()
        for _ in range(2):
            crowd.echo(64 * KIB)
        # What is kept for the next burst does not grow with the number of sessions.
        assert one.memory() < idle + 2 * MEGABYTE + 64 * one.count
        crowd.echo(256)


@measures_memory
@plain_and_tls
def test_memory_of_sessions_that_ended_serves_the_next_ones(scene, tls):
    one = scene(tls)
    before = one.memory()
    used = []
    for _ in range(3):
        with one.crowd() as crowd:
            crowd.echo(256)
            used.append(one.memory())
        one.wait_alone()
    # OpenSSL leaves holes, which take some rounds to be found out.
    grown = used[2] - used[1 if tls else 0]
    assert grown < (used[0] - before) // 10 + MEGABYTE // 2, used
    # What the C library gives back to the system it decides by the size of its heap's free end.
    if not tls and one.count >= 4000:
        wait_until(lambda: one.memory() < before + MEGABYTE, what="memory that is given back")
