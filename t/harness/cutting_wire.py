"""A TCP proxy that cuts each connection after some bytes, as networks do."""

import random
import socket
import struct
import threading

from harness import checker


class CuttingWire:
    """Cuts a connection once it has carried a random number of bytes below `most`, until `cuts`
    are made; every second time by a reset. `on_cut` is told how many there were."""

    def __init__(self, target, *, most, cuts, seed=0, on_cut=lambda cuts: None):
        self._target, self._most, self._left = target, most, cuts
        self._random, self._on_cut = random.Random(seed), on_cut
        self.cuts = 0
        self.failure = None  # of on_cut
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 10)
            except OSError:
                client.close()
                continue
            for each in (client, server):
                each.settimeout(60 * checker.SLOWNESS)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._carry(client, server)

    def _carry(self, client, server):
        pair = {"ends": (client, server), "left": self._random.randrange(1, self._most)}
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(pair, source, target), daemon=True).start()

    def _pump(self, pair, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data[:self._room(pair, len(data))])
                if pair["left"] <= 0:
                    self._cut(pair)
                    return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in pair["ends"]:
                self._drop(each)

    def _room(self, pair, size):
        """How many of so many bytes still pass."""
        with self._lock:
            if self._left == 0:
                return size
            room = min(size, max(0, pair["left"]))
            pair["left"] -= size
            return room

    def _cut(self, pair):
        with self._lock:
            if not pair["ends"] or self._left == 0:
                return
            ends, pair["ends"] = pair["ends"], ()
            self._left -= 1
            self.cuts += 1
            cuts = self.cuts
        # Nobody can come back meanwhile.
        try:
            self._on_cut(cuts)
        except AssertionError as failure:
            self.failure = failure
        for each in ends:
            if cuts % 2:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._drop(each)

    @staticmethod
    def _drop(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
        except OSError:
            pass
        sock.close()
