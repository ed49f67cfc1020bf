"""Transfers through our module and through nginx's stream proxy, side by side in one nginx, over a
long link: throughput, and what hides when the receiver stops."""

import contextlib
import mmap
import multiprocessing
import os
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass

from harness import stream
from harness.gateway import Gateway, certificate, client_tls
from harness.netns import FAR, FAR_6, NEAR, NEAR_6, LongLink
from harness.ports import free_port
from harness.raw import BINARY, RawClient, frame
from harness.tcp_info import Hidden

fork = multiprocessing.get_context("fork")

MESSAGE = 256 * 1024
TLS_RATIO = 16384 / 16406  # payload in full records
FIRST_COUNT = 8  # of the words that are shared with the sinks


@dataclass(frozen=True)
class Way:
    """`up`: from the client to the backend. `far`: who of "client", "backend" or "both" is at the
    other end of the link."""
    up: bool = True
    tls: bool = False
    connections: int = 1
    far: str = "client"
    ipv6: bool = False

    def __str__(self):
        return f"{'up' if self.up else 'down'} {'wss' if self.tls else 'ws'} {self.connections}"


class Paths:
    """One nginx at the near end of a link, with both ways to the same backend."""

    def __init__(self, link, prefix, way, settings="", backend_buffer=512 * 1024,
                 connections=2048):
        self.link, self.way = link, way
        near, far = (NEAR_6, FAR_6) if way.ipv6 else (NEAR, FAR)
        local = "::1" if way.ipv6 else "127.0.0.1"
        self._family = socket.AF_INET6 if way.ipv6 else socket.AF_INET
        self._front = near if way.far != "backend" else local
        self._back = far if way.far != "client" else local
        with self._place("backend"):
            self._listener = socket.create_server((self._back, 0), family=self._family, backlog=64)
        if way.far == "client":
            # What a service lets its own kernel take is none of ours, and would be waited for.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, backend_buffer)
        self._listener.settimeout(20)
        self.backend_port = self._listener.getsockname()[1]
        target = f"{self._host(self._back)}:{self.backend_port}"
        self.ports = {"ours": free_port(), "stream": free_port()}
        listen = {name: f"listen {self._host(self._front)}:{port}{' ssl' if way.tls else ''};"
                  for name, port in self.ports.items()}
        keys = ("ssl_certificate %s; ssl_certificate_key %s;" % certificate()) if way.tls else ""
        self.gateway = Gateway(
            prefix, f"location / {{ ws_pass {target}; {settings} }}",
            server=f"{listen['ours']} {keys}", http="access_log off;", connections=connections,
            main=f"{stream.LOAD} stream {{ server {{ {listen['stream']} {keys} proxy_pass {target};"
                 " } }" if stream.IS_THERE else "")

    def __enter__(self):
        self.gateway.start()
        return self

    def __exit__(self, *error):
        self._listener.close()
        self.gateway.stop()

    @staticmethod
    def _host(address):
        return f"[{address}]" if ":" in address else address

    def _place(self, who):
        return self.link.far() if self.way.far in (who, "both") else contextlib.nullcontext()

    def connect(self, name):
        """The client's and the backend's socket of a new session."""
        with self._place("client"):
            client = RawClient(self.ports[name], self._front, timeout=30,
                               tls=client_tls() if self.way.tls else None)
        if name == "ours":
            client.open("/")
        backend = self._listener.accept()[0]
        for sock in (client.sock, backend):
            sock.settimeout(None)
        return client.sock, backend

    def transfer(self, name):
        return Transfer([self.connect(name) for _ in range(self.way.connections)],
                        self.way, framed=name == "ours")


class Transfer:
    """Bytes as fast as they go, from a process of their own to another, over some sessions."""

    def __init__(self, pairs, way, framed):
        self.pairs = pairs
        ends = pairs if way.up else [pair[::-1] for pair in pairs]
        self._sources, self._sinks = zip(*ends)
        chunk = os.urandom(MESSAGE)
        if framed and way.up:
            chunk = frame(BINARY, chunk)
        ratio = TLS_RATIO if way.tls else 1
        self.hidden = [Hidden(source, sink, ratio if way.up else 1 / ratio)
                       for source, sink in ends]
        # One word is read and written as a whole; struct.pack_into() clears it first.
        self._words = memoryview(mmap.mmap(-1, 4096)).cast("Q")
        self._processes = [
            fork.Process(target=_all, args=(self._sinks, self._sink), daemon=True),
            fork.Process(target=_all, args=(self._sources, lambda n, s: _flood(s, chunk)),
                         daemon=True)]

    def __enter__(self):
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
            process.join()
        for pair in self.pairs:
            for sock in pair:
                # Nothing of it may be on the way when the next one begins.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()

    # The first word is for the sinks: bytes a second and session, 0: as fast as it goes, 1: none.
    def slow_down(self, rate):
        self._words[0] = rate

    def stall(self):
        self.slow_down(1)

    def resume(self):
        self.slow_down(0)

    def _sink(self, number, sock):
        room, count = memoryview(bytearray(1 << 20)), 0
        while True:
            rate = self._words[0]
            if rate == 1:
                time.sleep(0.002)
                continue
            got = sock.recv_into(room[:rate // 50] if rate else room)
            if got == 0:
                return
            count += got
            self._words[FIRST_COUNT + number] = count
            if rate:
                time.sleep(got / rate)

    def received(self):
        """Bytes that came out at the other side, by session."""
        return self._words[FIRST_COUNT:FIRST_COUNT + len(self.pairs)].tolist()

    def rate(self, seconds):
        """Bytes a second during the next seconds."""
        before, begin = sum(self.received()), time.monotonic()
        time.sleep(seconds)
        return (sum(self.received()) - before) / (time.monotonic() - begin)

    def now_hidden(self):
        """The most that any session hides."""
        return max(0, *(hidden.now() for hidden in self.hidden))

    def watch(self, seconds, interval=0.005):
        """The most that any session hides, until it is no more for so many seconds."""
        begin = since = time.monotonic()
        most = 0
        while time.monotonic() - since < seconds and time.monotonic() - begin < 10 + seconds:
            now = self.now_hidden()
            if now > most:
                most, since = now, time.monotonic()
            time.sleep(interval)
        return most


def _all(socks, task):
    threads = [threading.Thread(target=_until_the_end, args=(task, n, sock), daemon=True)
               for n, sock in enumerate(socks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _until_the_end(task, number, sock):
    with contextlib.suppress(OSError, ssl.SSLError):
        task(number, sock)


def _flood(sock, chunk):
    while True:
        sock.sendall(chunk)


@contextlib.contextmanager
def long_paths(prefix, rtt, rate, way=Way(), settings="", backend_buffer=512 * 1024,
               connections=2048, **link):
    with LongLink(rtt, rate, **link) as there, \
            Paths(there, prefix, way, settings, backend_buffer, connections) as paths:
        yield paths
