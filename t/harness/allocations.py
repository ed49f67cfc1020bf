"""Allocations of a worker that fail when a test wants them to, by t/faults/allocations.cpp."""

import mmap
import os
import struct
import subprocess

from harness.gateway import ROOT, wait_until

HEAP, MAPPINGS, UNIX_SOCKETS = 1, 2, 4

_CONTROL = struct.Struct("=6I")
_ALL = 2**32 - 1


class Allocations:
    """Give environment() to a gateway. Then what its worker asks for within `with
    failing(front, HEAP, first=3)` fails from the third time on; `count` fails so many only."""

    def __init__(self, folder):
        self._library = folder / "allocations.so"
        self._file = folder / "control"
        subprocess.run(
            [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror",
             "-fPIC", "-shared", "-fno-exceptions", "-fno-threadsafe-statics",
             "-o", self._library, ROOT / "t" / "faults" / "allocations.cpp"], check=True)
        self._file.write_bytes(bytes(_CONTROL.size))
        with open(self._file, "r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)

    def environment(self):
        return {"LD_PRELOAD": str(self._library), "WS_FAULTS": str(self._file)}

    def failing(self, front, kinds, first=0, count=_ALL, *, old=False):
        """Allocations of `kinds` fail from number `first` on; none if that is 0, and all are
        counted. `old`: in the worker that is shutting down."""
        [pid] = wait_until(lambda: front.workers(exiting=old), what="the worker")
        return _Failing(self._control, (pid, kinds, first, min(first + count - 1, _ALL)))


class _Failing:
    def __init__(self, control, settings):
        self._control, self._settings = control, settings
        self.seen = self.failed = 0

    def __enter__(self):
        pid, *settings = self._settings
        self._control[4:] = _CONTROL.pack(pid, *settings, 0, 0)[4:]
        self._control[:4] = struct.pack("=I", pid)  # the last: it begins here
        return self

    def has_failed(self):
        return self._results()[1] > 0

    def _results(self):
        return _CONTROL.unpack(self._control[:])[4:]

    def __exit__(self, *_):
        self._control[:4] = bytes(4)
        self.seen, self.failed = self._results()
