"""Many sessions at once, by one thread for the clients and one for the service behind them."""

import resource
import select
import socket
import threading
import time

from raw import BINARY, RawClient, frame

FILES = 200  # descriptors that a test process needs for itself


def most_connections(wanted, each=2):
    """As many sessions as one process may hold, with so many descriptors for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - FILES) // each)


class EchoService:
    """Sends back what comes, to any number of connections."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4096)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._sockets = {}
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._running = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._running = False
        self._thread.join(10)
        for sock in self._sockets.values():
            sock.close()
        self._listener.close()
        self._poll.close()

    def open(self):
        return len(self._sockets)

    def _serve(self):
        while self._running:
            for number, _ in self._poll.poll(0.1):
                if number == self._listener.fileno():
                    sock, _ = self._listener.accept()
                    sock.settimeout(10)
                    self._sockets[sock.fileno()] = sock
                    self._poll.register(sock, select.EPOLLIN)
                else:
                    self._echo(number)

    def _echo(self, number):
        sock = self._sockets[number]
        try:
            data = sock.recv(65536)
            sock.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._poll.unregister(number)
            del self._sockets[number]
            sock.close()


class Crowd:
    """Clients that have said nothing yet. Closed as a whole."""

    def __init__(self, port, count, tls=None, path="/"):
        self.clients = []
        for number in range(count):
            # Further addresses have further ports.
            client = RawClient(port, tls=tls, timeout=30, source=f"127.0.0.{1 + number % 100}")
            self.clients.append(client)
            client.open(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for client in self.clients:
            client.close()

    def echo(self, size):
        """Each says so much at once, and then hears it."""
        said = bytes(range(256)) * (size // 256)
        message = frame(BINARY, said)
        for client in self.clients:
            client.send(message)
        for client in self.clients:
            assert client.read_data(len(said)) == said


def private_memory(pid):
    """Bytes of a process that it shares with nobody."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_")) * 1024


def wakeups(pid, seconds):
    """How often a process was woken up within so many seconds."""
    def count():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("voluntary_ctxt_switches"):
                    return int(line.split()[1])
        return 0

    before = count()
    time.sleep(seconds)
    return count() - before
