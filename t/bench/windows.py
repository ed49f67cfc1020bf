"""What the windows cost: throughput with them in relation to none, interleaved in one run.

    /usr/bin/python3 t/bench/windows.py [--rounds N] [--scale X] [--with "DIRECTIVES"]

Prints for each path and direction the median of the ratios of neighbouring runs, with the quarters
and extremes. WS_MODULE names the module. The slow links need root and are left out without.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.gateway import Gateway  # noqa: E402
from harness.netns import FAR, NEAR, Link, why_not  # noqa: E402
from harness.raw import BINARY, RawClient, frame  # noqa: E402

WITHOUT = "ws_backend_window 0; ws_client_window 0; ws_notsent_lowat 0; ws_client_rcvbuf 0;"
CHUNK = 1 << 20

fork = multiprocessing.get_context("fork")


def sink(socks, schedule, size, done):
    """Reads so many bytes from each socket when it is its turn, and says when it has them."""
    room = bytearray(CHUNK)
    for number in schedule:
        sock, left = socks[number], size
        while left > 0:
            left -= sock.recv_into(room)
        done.send_bytes(b".")


class Path_:
    """A gateway with one location for each of the settings, and where its two peers are.
    `congestion`: the algorithm with which the peers send; the gateway sends with the kernel's."""

    def __init__(self, name, megabytes, rate=None, client_far=False, backend_far=False,
                 congestion=None):
        self.name, self.megabytes, self.rate = name, megabytes, rate
        self.client_far, self.backend_far = client_far, backend_far
        self.congestion = congestion

    def sends_with_it(self, sock):
        """Before it is connected: an algorithm that paces leaves its pacing to the next one."""
        if self.congestion:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())

    @contextlib.contextmanager
    def opened(self, settings, prefix):
        with contextlib.ExitStack() as stack:
            link = stack.enter_context(Link(self.rate)) if self.rate else None
            far = link.far if link else contextlib.nullcontext
            place = far if self.backend_far else contextlib.nullcontext
            host = FAR if self.backend_far else "127.0.0.1"
            with place():
                listener = stack.enter_context(socket.create_server((host, 0)))
            self.sends_with_it(listener)
            address = f"{host}:{listener.getsockname()[1]}"
            locations = "".join(f"location /{n} {{ ws_pass {address}; {text} }}"
                                for n, text in enumerate(settings))
            near = f"listen {NEAR}:@PORT@;" if self.client_far else ""
            front = stack.enter_context(Gateway(prefix, locations, server=near))

            def pair(number):
                with (far if self.client_far else contextlib.nullcontext)():
                    client = RawClient(front.port, connect=False)
                    self.sends_with_it(client.sock)
                    client.sock.connect((NEAR if self.client_far else "127.0.0.1", front.port))
                client.open(f"/{number}")
                return client.sock, listener.accept()[0]

            yield pair


PATHS = [
    Path_("loopback", 64),
    Path_("loopback, peers cubic", 64, congestion="cubic"),
    Path_("backend at 100 Mbit/s", 3, "100mbit", backend_far=True),
    Path_("client at 100 Mbit/s", 3, "100mbit", client_far=True),
]


def transfer_times(pairs, up, size, schedule):
    """Seconds for so many bytes over each pair in the order of the schedule."""
    chunk = frame(BINARY, os.urandom(CHUNK)) if up else os.urandom(CHUNK)
    # The other direction has the headers of the frames too, a few in a million.
    sources, sinks = zip(*(pair if up else reversed(pair) for pair in pairs))
    for sock in (*sources, *sinks):
        sock.settimeout(None)
    ours, theirs = fork.Pipe()
    process = fork.Process(target=sink, args=(sinks, schedule, size, theirs), daemon=True)
    process.start()
    times = []
    for number in schedule:
        begin = time.monotonic()
        for _ in range(size // CHUNK):
            sources[number].sendall(chunk)
        assert ours.poll(60), "the bytes do not arrive"
        ours.recv_bytes()
        times.append(time.monotonic() - begin)
    process.join()
    return times


def compare(asked, path, up):
    """Pairs of seconds that neighbouring transfers took, with the first settings and the second."""
    size = CHUNK * max(1, round(path.megabytes * asked.scale))
    # The order alternates: what comes first finds the machine in another state.
    schedule = [0, 1] + [0, 1, 1, 0] * (asked.rounds // 2)
    with tempfile.TemporaryDirectory(prefix="ngx_ws_windows_") as prefix, \
            path.opened([asked.with_, asked.without], prefix) as pair:
        pairs = [pair(0), pair(1)]
        times = transfer_times(pairs, up, size, schedule)
        for sock in itertools.chain(*pairs):
            sock.close()
    # The first two warm up: buffers grow that may.
    both = [sorted(zip(schedule[at:at + 2], times[at:at + 2])) for at in range(2, len(times), 2)]
    return size, [(with_[1], without[1]) for with_, without in both]


def tell(path, up, size, times):
    ratios = sorted(without / with_ for with_, without in times)
    low, middle, high = statistics.quantiles(ratios, n=4)
    rates = [size / statistics.median(column) / 1e6 for column in zip(*times)]
    print(f"{path.name:24} {'up' if up else 'down':5}{rates[0]:9.1f} MB/s{rates[1]:9.1f} MB/s"
          f"   {middle:.3f} ({low:.3f}..{high:.3f}; {ratios[0]:.3f}..{ratios[-1]:.3f})",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--scale", type=float, default=1, help="of the bytes of each transfer")
    parser.add_argument("--with", dest="with_", default="", help="directives; none: the defaults")
    parser.add_argument("--without", default=WITHOUT, help="those they are compared to")
    parser.add_argument("--path", default="", help="only paths with this word")
    parser.add_argument("--direction", choices=["up", "down"], help="only this one")
    asked = parser.parse_args()
    why = why_not()
    if why:
        print(f"LEFT OUT, NO SLOW LINK CAN BE MADE: {why}", file=sys.stderr)
    print(f"{'':29}{'with':>9}     {'without':>9}        ratio (quarters; extremes)")
    for path in PATHS:
        if asked.path not in path.name or (path.rate and why):
            continue
        for up in (True, False):
            if asked.direction in (None, "up" if up else "down"):
                tell(path, up, *compare(asked, path, up))


if __name__ == "__main__":
    main()
