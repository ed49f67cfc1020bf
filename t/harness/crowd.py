"""Many sessions at once, and what they cost the gateway."""

import resource
import time

from harness.raw import BINARY, RawClient, frame

FILES = 200  # descriptors that a test process needs for itself


def most_connections(wanted, each=2):
    """As many sessions as a process may hold that has so many descriptors for each: a worker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - FILES) // each)


class Crowd:
    """Clients that have said nothing yet. Closed as a whole."""

    def __init__(self, port, count, tls=None, path="/"):
        self.clients = []
        for number in range(count):
            # Further addresses have further ports.
            client = RawClient(port, tls=tls, timeout=30, source=f"127.0.0.{1 + number % 100}")
            self.clients.append(client)
            self._begin(client, path)

    @staticmethod
    def _begin(client, path):
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


class Resting(Crowd):
    """Clients that have got a 204, and have nothing more to ask."""

    @staticmethod
    def _begin(client, path):
        assert client.handshake(path).status == 204


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
