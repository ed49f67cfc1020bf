"""docs/resume-protocol.md: sessions in which whatever may happen does, each byte and each rule of
which a strict client looks at. WS_RESUME_JOURNEYS makes it longer: so many of each kind."""

import os

import pytest

from harness.gateway import client_tls, wait_until
from harness.short_journey import ShortJourney
from harness.status import counted, samples

COUNT = int(os.environ.get("WS_RESUME_JOURNEYS", "24"))
PLACE = "location / { ws_pass 127.0.0.1:$arg_port; ws_resume on; ws_resume_timeout 20s; }"


def assert_nothing_is_left(front):
    def is_empty():
        now = samples(front)
        return now.sum("sessions") == now.sum("detached_sessions") == 0

    wait_until(is_empty, 40, "the end of all sessions")
    wait_until(lambda: not front.workers(exiting=True), 30, "the exit of the old workers")


def run(front, raw, backend, first, tls=False, **how):
    secure = {"tls": client_tls()} if tls else {}

    def connect():
        return raw(front.ssl_port if tls else front.port, **secure)

    legs = 0
    for seed in range(first, first + COUNT):
        journey = ShortJourney(connect, backend, seed, **how)
        try:
            journey.run()
        except Exception as error:
            raise AssertionError(f"journey {seed}: {error!r}") from error
        legs += journey.legs
    assert legs > COUNT


@pytest.mark.time_limit(60 + 2 * COUNT)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("workers", [1, 4])
def test_journey_loses_no_byte_and_breaks_no_rule(gateway, raw, backend, workers, tls):
    front = gateway(**counted(PLACE, workers=workers, tls=tls, listen="reuseport"))
    run(front, raw, backend, 1000 * workers + 100 * tls, tls)
    assert_nothing_is_left(front)


@pytest.mark.time_limit(60 + 4 * COUNT)
@pytest.mark.parametrize("workers", [1, 4])
def test_journey_goes_on_over_reloads(gateway, raw, backend, workers):
    front = gateway(**counted(PLACE, workers=workers, main="worker_shutdown_timeout 1s;"))
    run(front, raw, backend, 7000 * workers, reload=front.reload)
    assert_nothing_is_left(front)
