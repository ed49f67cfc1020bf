"""Many far clients and services that flood and read next to nothing: what the kernel holds of them.
WS_STUBBORN_CLIENTS of them, 50 if nothing is said."""

import contextlib
import os
import re
import socket
import subprocess

import pytest

from harness.crowd import most_connections
from harness.gateway import wait_until
from harness.long_paths import Way, long_paths
from harness.netns import needs_long_link
from harness.raw import BINARY, frame

KIB = 1024
WANTED = int(os.environ.get("WS_STUBBORN_CLIENTS", "50"))
# Of the kernel's memory, its overhead included: what nginx's two sockets of a session hold, in both
# directions. No path was measured before its receiver stopped, so that there is the fixed part only.
EACH = 640 * KIB
LATE = (0.01, 1e9)

pytestmark = [needs_long_link, pytest.mark.time_limit(200 + WANTED)]


def kernel_memory(paths):
    """Bytes that nginx's sockets take, received and to be sent."""
    told = subprocess.run(
        ["ss", "-tmnOH", f"sport = :{paths.ports['ours']} or dport = :{paths.backend_port}"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    return sum(int(size) for line in told
               for sizes in re.findall(r"skmem:\(r(\d+),.*?,w(\d+),", line) for size in sizes)


def push(sock):
    """As much as is taken at once. Returns how much that was."""
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += sock.send(bytes(64 * KIB))
    return taken


def hear_a_byte(sock):
    with contextlib.suppress(BlockingIOError):
        sock.recv(1)


@contextlib.contextmanager
def crowd(paths, count):
    """Both sockets of each session, which is in the middle of an endless message."""
    socks = []
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client, backend = paths.connect("ours")
            client.sendall(frame(BINARY, length=1 << 40))
            socks += [client, backend]
            for sock in (client, backend):
                stack.enter_context(sock)
                # What waits at home is none of the gateway's.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * KIB)
                sock.setblocking(False)
        yield socks


@pytest.mark.parametrize("bytes_heard", [0, 1], ids=["nothing", "a byte now and then"])
def test_kernel_holds_little_of_a_crowd_that_floods_and_reads(tmp_path, bytes_heard,
                                                              record_property):
    count = most_connections(WANTED, each=4)
    with long_paths(tmp_path, *LATE, Way(), "ws_send_timeout 1h;", backend_buffer=32 * KIB,
                    connections=2 * count + 100) as paths, crowd(paths, count) as socks:
        pushed = []  # by all of them, in one turn after the other

        def all_are_full():
            if bytes_heard:
                for sock in socks:
                    hear_a_byte(sock)
            pushed.append(sum(push(sock) for sock in socks))
            is_quiet = len(pushed) > 20 and sum(pushed[-20:]) == 0
            return is_quiet and kernel_memory(paths) > 64 * KIB * count

        wait_until(all_are_full, 150 + WANTED, "everybody to be full")
        held = kernel_memory(paths)
        record_property("bytes", held // count)
        print(f"{count} sessions, {held / count / KIB:.0f} KiB each, {sum(pushed) >> 20} MiB pushed")
    assert held / count < EACH
