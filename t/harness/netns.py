"""Two network namespaces with a link between them, as slow as is wanted. Needs root."""

import ctypes
import fcntl
import functools
import os
import struct
import subprocess
import threading
from contextlib import contextmanager

import pytest

from harness.gateway import ROOT

NEAR, FAR = "10.99.0.1", "10.99.0.2"
NEAR_6, FAR_6 = "fd00:99::1", "fd00:99::2"

LONG_LINK = os.environ.get("WS_LONG_LINK", str(ROOT / "build" / "link" / "long_link"))

_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x1, 0x1000, 0x4000
_SEGMENTS_LATER = 0x1 | 0x2 | 0x4  # TUN_F_CSUM, TSO4 and TSO6: many segments are one packet
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
    sends at most `rate`, with the `congestion` control if one is given. The namespaces end with the
    last socket and process in them."""

    def __init__(self, rate, queue="50ms", congestion=None):
        self._rate, self._queue, self.congestion = rate, queue, congestion
        self._home = self._near = self._far = None

    def __enter__(self):
        self._home = _own_namespace()
        try:
            self._far = self._new_namespace()
            self._near = self._new_namespace()
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    _has_ipv6 = False

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

    def _connect(self):
        self._run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far",
                  "netns", f"/proc/self/fd/{self._far}")
        self._bring_up("near", NEAR)
        with self.far():
            self._bring_up("far", FAR)

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
        if self.congestion:
            # The route's, since a namespace may not have each algorithm as its own.
            for route in ("10.99.0.0/24", *(["fd00:99::/64"] if self._has_ipv6 else [])):
                self._run("ip", "route", "replace", route, "dev", name, "congctl",
                          self.congestion)

    def _shape(self, name):
        self._run("tc", "qdisc", "replace", "dev", name, "root", "tbf", "rate", self._rate,
                  "burst", "16kb", "latency", self._queue)

    def _run(self, *command):
        subprocess.run(command, check=True, capture_output=True, text=True,
                       pass_fds=[self._far])


class LongLink(Link):
    """A link of `rate` bits a second on which a packet takes half of `rtt` seconds each way, behind
    at most `queue` bytes, by default as many as are under way in a round trip. `loss` is the part of
    all packets that is lost, chosen by `seed`. Without `offload` the kernel hands over each segment as
    a packet, as a network would."""

    _has_ipv6 = True

    def __init__(self, rtt, rate, *, queue=None, loss=0, seed=1, congestion="cubic",
                 offload=True):
        super().__init__(rate, congestion=congestion)
        self._offload = offload and not loss
        self.rtt, self.rate = rtt, rate
        self.product = rtt * rate / 8
        self._queue = queue or max(self.product, 256 * 1024)
        self._loss, self._seed = loss, seed
        self._program = None
        self._devices = []

    def __exit__(self, *_):
        if self._program is not None:
            self._program.stdin.close()
            self._program.wait()
        for device in self._devices:
            os.close(device)
        super().__exit__()

    def _connect(self):
        self._make_end("near", NEAR, NEAR_6)
        with self.far():
            self._make_end("far", FAR, FAR_6)
        settings = {"rtt": self.rtt * 1e6, "rate": self.rate, "queue": self._queue,
                    "loss": self._loss * 1e6, "seed": self._seed}
        self._program = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", LONG_LINK, *map(str, self._devices),
             *(f"{name}={value:.0f}" for name, value in settings.items())],
            stdin=subprocess.PIPE, pass_fds=self._devices)

    def _make_end(self, name, address, address_6):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        self._devices.append(device)
        flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        if self._offload:
            fcntl.ioctl(device, _TUNSETOFFLOAD, _SEGMENTS_LATER)
        self._run("ip", "address", "add", f"{address_6}/64", "dev", name, "nodad")
        self._run("ip", "link", "set", name, "txqueuelen", "10000")
        self._bring_up(name, address)

    def _shape(self, name):
        """The program does it."""

    def cut(self):
        raise NotImplementedError

    mend = cut


# Marks a test that needs namespaces. Where they cannot be had it is skipped, loudly.
needs_root = pytest.mark.skipif(bool(why_not()),
                                reason=f"NOT TESTED, NO SLOW LINK CAN BE MADE: {why_not()}")


@functools.cache
def why_not_long():
    """Why there can be no long link here, or nothing."""
    if not os.access(LONG_LINK, os.X_OK):
        return f"there is no {LONG_LINK}"
    try:
        with LongLink(0.01, 1e9):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{error} {getattr(error, 'stderr', '')}"


needs_long_link = pytest.mark.skipif(
    bool(why_not_long()), reason=f"NOT TESTED, NO LONG LINK CAN BE MADE: {why_not_long()}")
