"""What a client of `ws_resume on` has to survive: cuts of its wire, and reloads of nginx among them."""

import threading

import pytest

from harness.gateway import wait_until
from harness.wire import Wire

CUTS = 20
RELOADS = 3


def waits(front):
    """How often a session has begun to wait for its client."""
    return front.error_log().count("the session waits")


class Trouble(threading.Thread):
    """Reloads nginx amid the cuts, until there were enough of both."""

    def __init__(self, front):
        super().__init__(daemon=True)
        self._front = front
        self.error = None

    def run(self):
        try:
            for turn in range(1, RELOADS + 1):
                wait_until(lambda: waits(self._front) >= turn * CUTS // RELOADS, 300, "the cuts")
                self._front.reload()
            wait_until(lambda: waits(self._front) >= CUTS, 300, "the last cuts")
        except (AssertionError, OSError) as error:
            self.error = error

    def over(self):
        return not self.is_alive()


@pytest.fixture
def troubled(real):
    """troubled(NAME): a service, a wire before its gateway, and the trouble. Its log of requests must
    have no SID, with which somebody else could come."""
    wires = []

    def start(name):
        service, front = real(name)
        wires.append(Wire(front))
        return service, wires[-1], Trouble(front)

    yield start
    for wire in wires:
        wire.stop()
    for wire in wires:
        assert "sid=" not in (wire.front.prefix / "access.log").read_text()


def told(wire, trouble, folder, how="often"):
    """Arguments for a script elsewhere: once it has made the file `begun`, the wire is cut and the
    trouble begins; when that is over, the file `over` is there."""
    begun, over = folder / "begun", folder / "over"

    def cause():
        wait_until(begun.exists, 100, "the session")
        wire.cut(how)
        trouble.start()
        trouble.join()
        over.touch()

    threading.Thread(target=cause, daemon=True).start()
    return {"begun": str(begun), "over": str(over)}
