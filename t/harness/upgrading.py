"""nginx's way to another binary, and the names by which workers of both find each other."""

import os
import re
import signal
import struct
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.gateway import Gateway, wait_until

VERSION = 0x77730102
HELLO, ADDRESS, SESSION, CLAIM, TAKEN, REFUSED = range(6)
HEAD = struct.Struct("=IBBHQ")


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def exists(pid):
    """Not as a zombie, for which nobody of us waits."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


class Orphan:
    """A process that is nobody's child of ours, with what Gateway asks of one."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if exists(self.pid) else 0

    def wait(self, timeout=10):
        try:
            wait_until(lambda: not exists(self.pid), timeout, "the exit of nginx")
        except AssertionError:
            raise subprocess.TimeoutExpired("nginx", timeout) from None
        return 0

    def send_signal(self, number):
        os.kill(self.pid, number)


class UpgradableGateway(Gateway):
    """Only a daemon takes another binary."""

    def write_config(self, **changes):
        super().write_config(**changes)
        self.config.write_text(self.config.read_text().replace("daemon off;", "daemon on;"))

    def _start_once(self):
        with open(self.prefix / "stderr.log", "wb") as stderr:
            done = subprocess.run(self._command(), check=False, stdin=subprocess.DEVNULL,
                                  stdout=stderr, stderr=stderr, env=self._env())
        if done.returncode:
            return False
        pid_file = self.prefix / "nginx.pid"
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), 30, "the pid")
        self._process = Orphan(int(pid_file.read_text()))
        wait_until(lambda: len(self.workers()) >= self._workers, what="nginx's workers")
        return True


@contextmanager
def upgraded(front):
    """USR2, WINCH and QUIT: the pid of the new master, which ends with the block."""
    old = front.pid
    pid_file = front.prefix / "nginx.pid"
    front.signal(signal.SIGUSR2)
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip() not in ("", str(old)),
               30, "the new binary's pid")
    new = int(pid_file.read_text())
    try:
        wait_until(lambda: children(new), 30, "the new binary's workers")
        front.signal(signal.SIGWINCH)
        wait_until(lambda: not set(children(old)) - {new}, 30, "the exit of the old workers")
        front.quit()
        front.wait(30)
        yield new
    finally:
        os.kill(new, signal.SIGQUIT)
        try:
            wait_until(lambda: not exists(new), 10, "the exit of the new binary")
        except AssertionError:
            os.kill(new, signal.SIGTERM)
            wait_until(lambda: not exists(new), 10, "the end of the new binary")


LISTENS, CONNECTED = "01", "03"


def _meeting(pid, state):
    """The names of the sockets in that state that the worker has for those that leave."""
    own = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            own.add(os.readlink(one))
    names = re.findall(rf" {state} +(\d+) @(ngx_ws_filter\+[0-9a-f]{{16}})$",
                       Path("/proc/net/unix").read_text(), re.MULTILINE)
    return [b"\0" + name.encode() for inode, name in names if f"socket:[{inode}]" in own]


def rendezvous(pid):
    """The address on which a worker waits for those that leave."""
    return next(iter(_meeting(pid, LISTENS)), None)


def is_heir(pid):
    """One that leaves is connected to this worker."""
    return _meeting(pid, CONNECTED) != []


def parcel(says, body, version=VERSION):
    return HEAD.pack(version, says, 0, 0, len(body)) + body


def hello(version=VERSION, generation=77):
    return struct.pack("=IIQQ", version, 0, generation, 1)


def heir_of(front):
    """The worker that takes the sessions of those that leave."""
    wait_until(lambda: any(map(is_heir, front.workers())), 30, "an heir")
    [heir] = filter(is_heir, front.workers())
    return heir


def old_workers_leave(front):
    wait_until(lambda: not front.workers(exiting=True), 30, "the exit of the old workers")
