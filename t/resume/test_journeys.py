"""docs/resume.md: an echo of 64 MiB whose client is cut in every way that there is, while nginx is
reloaded. WS_RESUME_ROUNDS makes it longer: so many sessions, one after the other."""

import os
import random

import pytest

from harness.backends import EchoBackend
from harness.gateway import wait_until
from harness.raw import BINARY, frame
from harness.resumable import connector, resumable
from harness.resume_client import DATA, MAX_DATA, ResumeClient, sized

__all__ = ["resumable"]

ROUNDS = int(os.environ.get("WS_RESUME_ROUNDS", "1"))
SIZE = 64 << 20
BETWEEN_CUTS = 1 << 20  # bytes at most
CUTS_FOR_A_RELOAD = 25


class Journey:
    """One session and what it has to carry."""

    def __init__(self, one, data, rng):
        self._one, self._data, self._random = one, data, rng
        self._next_cut = 0
        self.cuts = 0

    def run(self, on_cut):
        self._plan()
        while len(self._one.received) < len(self._data):
            self._say()
            if len(self._one.received) >= self._next_cut:
                self._cut()
                on_cut(self.cuts)
                self._one.resume()
                self._plan()
            else:
                self._hear()

    def _plan(self):
        self._next_cut = len(self._one.received) + self._random.randrange(BETWEEN_CUTS)

    def _say(self):
        """All that the window lets out."""
        one = self._one
        end = min(len(self._data), one.acked + one.limits["window"])
        while len(one.sent) < end:
            one.send(self._data[len(one.sent):min(end, len(one.sent) + MAX_DATA)])

    def _hear(self):
        if self._one.step() == DATA and self._random.random() < 0.7:
            self._one.ack()

    def _cut(self):
        """Silence is a link that looks alive; in a stall the client has read nothing any more, and
        in the other half of the cases a frame was under way."""
        one = self._one
        self.cuts += 1
        if len(one.sent) < len(self._data) and self._random.random() < 0.5:
            rest = self._data[len(one.sent):len(one.sent) + MAX_DATA]
            message = frame(BINARY, sized(DATA, rest))
            one.sent += rest
            one.leg.send(message[:self._random.randrange(len(message))])
        one.cut(self._random.choice(["close", "reset", "silence"]))


def carry(one, seed, on_cut):
    data = random.Random(seed).randbytes(SIZE)
    journey = Journey(one, data, random.Random(seed + 1))
    journey.run(on_cut)
    assert one.received == data
    assert one.close() == (1000, "")
    one.leg.close()
    return journey.cuts


@pytest.mark.time_limit(60 + 15 * ROUNDS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("workers", [1, 4])
def test_echo_over_cuts_and_reloads_is_exact(resumable, raw, tls, workers):
    parts = {"workers": workers, "main": "worker_shutdown_timeout 100s;", "listen": "reuseport"}
    one = resumable(EchoBackend, tls=tls, parts=parts)
    front, service = one.front, one.service
    files = front.open_files()

    def reload_at_times(cuts):
        if cuts % CUTS_FOR_A_RELOAD == 0:
            front.reload()

    for turn in range(ROUNDS):
        if turn:
            one = ResumeClient(connector(front, raw, tls)).begin()
        cuts = carry(one, 2 * turn, reload_at_times)
        assert cuts > 100
        assert len(service.connections) == turn + 1
        service.connections[turn].received.clear()
    wait_until(lambda: not front.workers(exiting=True), what="the exit of the old workers")
    # Each worker may by now have a socket for the others.
    wait_until(lambda: front.open_files() <= files + workers, 30, "closed descriptors")
