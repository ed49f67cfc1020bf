"""Processes that stand still for a while."""

import contextlib
import os
import signal
from pathlib import Path

from harness.gateway import wait_until


def _is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextlib.contextmanager
def stopped(pid):
    """Inside of this the process does nothing at all: a signal alone only asks for it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: _is_stopped(pid), what="a process that stands still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
