"""docs/resume.md, Cost: many sessions that wait, and all of their clients at once. There are
WS_SCALE_CONNECTIONS of them, 300 if nothing is said."""

import os
import time

import pytest

from harness import checker
from harness.crowd import most_connections, private_memory
from harness.echo_process import EchoProcess
from harness.gateway import wait_until
from harness.resumable import connector
from harness.resume_client import OWN, ResumeClient

WANTED = int(os.environ.get("WS_SCALE_CONNECTIONS", "300"))

pytestmark = pytest.mark.time_limit(60 + WANTED // 20)


def ask(one):
    """The reconnect alone: its answer is read later."""
    one.leg = one._connect()
    one.leg.send(one.leg.request(f"/?sid={one.sid}&ack={len(one.received)}",
                                 fields=[("Sec-WebSocket-Protocol", OWN)]))


def come_back(one):
    assert one.leg.read_response().status == 101
    one._greeted()
    one.echo_sid()


@pytest.fixture
def crowd(gateway, raw):
    """Sessions in one worker, each with the client that it waits for."""
    with EchoProcess() as service:
        count = most_connections(WANTED)
        front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on; "
                        "ws_ping_interval 0; ws_resume_timeout 5m; }", listen="reuseport",
                        http="access_log off;", connections=3 * count + 100, log_level="notice")
        yield front, [ResumeClient(connector(front, raw)) for _ in range(count)]


def test_clients_of_all_sessions_come_back_at_once_and_none_is_lost(crowd):
    """To four new workers, while the old one hands its sessions to one of them."""
    front, sessions = crowd
    [pid] = front.workers()
    warm_up, sessions = sessions[:20], sessions[20:]
    for one in warm_up:
        one.begin()
        assert one.close() == (1000, "")
        one.leg.close()
    empty = private_memory(pid)
    for one in sessions:
        one.begin()
    attached = private_memory(pid)
    files = front.open_files()
    for one in sessions:
        one.cut("close")
    wait_until(lambda: front.open_files() <= files - len(sessions), 60, "the end of all legs")
    waiting = private_memory(pid)
    figures = [(size - empty) // len(sessions) for size in (attached, waiting)]
    print(f"{len(sessions)} sessions, bytes of each: attached {figures[0]}, waiting {figures[1]}")
    if checker.MEASURES_MEMORY:
        # The C library gives little of the legs' memory back, but uses it for the next.
        assert figures[1] <= figures[0] + 512 and figures[0] <= 15000

    front.reload(workers=4)
    begin = time.monotonic()
    for one in sessions:
        ask(one)
    for one in sessions:
        come_back(one)
    print(f"all were back after {time.monotonic() - begin:.2f} s")
    for one in sessions:
        one.send(b"here again")
    for one in sessions:
        assert one.receive(10) == b"here again"
        assert one.close() == (1000, "")
        one.leg.close()
    wait_until(lambda: not front.workers(exiting=True), what="the exit of the old worker")
