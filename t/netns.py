"""Two network namespaces with a link between them, as slow as is wanted. Needs root."""

import ctypes
import functools
import os
import subprocess
import threading
from contextlib import contextmanager

import pytest

NEAR, FAR = "10.99.0.1", "10.99.0.2"

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _own_namespace():
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(namespace):
    _check(_libc.setns(namespace, _CLONE_NEWNET))


@functools.cache
def why_not():
    """Why there can be no slow link here, or nothing."""
    if os.geteuid() != 0:
        return "not root"
    try:
        with Link("1gbit"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{error} {getattr(error, 'stderr', '')}"


class Link:
    """While entered, this thread and all that it starts are at the near end, in a namespace of
    their own with the address NEAR. Sockets made inside `far()` are at the other, FAR. Each end
    sends at most `rate`. The namespaces end with the last socket and process in them."""

    def __init__(self, rate, queue="50ms"):
        self._rate, self._queue = rate, queue
        self._home = self._near = self._far = None

    def __enter__(self):
        self._home = _own_namespace()
        try:
            self._far = self._new_namespace()
            self._near = self._new_namespace()
            self._run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far",
                      "netns", f"/proc/self/fd/{self._far}")
            self._bring_up("near", NEAR)
            with self.far():
                self._bring_up("far", FAR)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        _enter(self._home)
        for namespace in (self._home, self._near, self._far):
            if namespace is not None:
                os.close(namespace)

    @contextmanager
    def far(self):
        _enter(self._far)
        try:
            yield
        finally:
            _enter(self._near)

    def cut(self):
        """From now on nothing passes, and nobody is told."""
        for end, where in (("near", self._near), ("far", self._far)):
            _enter(where)
            self._run("tc", "qdisc", "replace", "dev", end, "root", "tbf", "rate", "8bit",
                      "burst", "1", "limit", "1")
        _enter(self._near)

    def mend(self):
        for end, where in (("near", self._near), ("far", self._far)):
            _enter(where)
            self._shape(end)
        _enter(self._near)

    @staticmethod
    def _new_namespace():
        _check(_libc.unshare(_CLONE_NEWNET))
        return _own_namespace()

    def _bring_up(self, name, address):
        self._run("ip", "link", "set", "lo", "up")
        self._run("ip", "address", "add", f"{address}/24", "dev", name)
        self._run("ip", "link", "set", name, "up")
        self._shape(name)

    def _shape(self, name):
        self._run("tc", "qdisc", "replace", "dev", name, "root", "tbf", "rate", self._rate,
                  "burst", "16kb", "latency", self._queue)

    def _run(self, *command):
        subprocess.run(command, check=True, capture_output=True, text=True,
                       pass_fds=[self._far])


# Marks a test that needs namespaces. Where they cannot be had it is skipped, loudly.
needs_root = pytest.mark.skipif(bool(why_not()),
                                reason=f"NOT TESTED, NO SLOW LINK CAN BE MADE: {why_not()}")
