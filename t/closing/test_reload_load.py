"""Reloads, dead workers and dead backends while sessions are at work: who is on an old worker goes
on there and loses no byte, who comes is served by a new one. WS_RELOADS times, 10 if nothing is
said."""

import os
import random
import signal
import threading

import pytest

from harness.echo_process import EchoProcess
from harness.flood import MEGABYTE
from harness.gateway import client_tls, wait_until
from harness.raw import BINARY, CLOSE, Closed, RawClient
from harness.sessions import plain_and_tls

RELOADS = int(os.environ.get("WS_RELOADS", "10"))
EACH = 3  # sessions opened between two reloads
PID = 'add_header X-Worker "$pid" always;'


class Talker:
    """A session that says something all the time, and compares what comes back."""

    def __init__(self, front, number, path="/", tls=False):
        port, secure = (front.ssl_port, client_tls()) if tls else (front.port, None)
        self._client = RawClient(port, tls=secure, timeout=30)
        self.worker = int(self._client.open(path).get("x-worker"))
        self._random = random.Random(number)
        self._end = threading.Event()
        self.echoed = 0
        self.failure = None
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self):
        try:
            while not self._end.is_set():
                said = self._random.randbytes(1 + self._random.randrange(60_000))
                self._client.send_frame(BINARY, said)
                assert self._client.read_data(len(said)) == said, "other bytes than were sent"
                self.echoed += len(said)
                self._end.wait(0.01)
            self._client.send_close(4000)
            assert self._client.read_close() == (4000, "")
            assert self._client.read_end() == "eof"
        except (AssertionError, Closed, OSError) as error:
            self.failure = error

    def talks(self):
        """Whether it goes on: more comes back than so far."""
        before = self.echoed
        wait_until(lambda: self.failure or self.echoed > before, 20, "an echo")
        return self.failure is None

    def finish(self):
        """Ends it in good order, if that is still possible, and returns what went wrong."""
        self._end.set()
        self._thread.join(40)
        self._client.close()
        return self.failure


def alive(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@pytest.fixture
def echo():
    with EchoProcess() as service:
        yield service


@pytest.mark.time_limit(120 + 5 * RELOADS)
def test_reloads_under_load_cost_no_byte_and_leave_no_worker(gateway, echo):
    front = gateway(f"location / {{ ws_pass {echo.address}; {PID} }}", tls=True,
                    log_level="notice")
    master_files = len(os.listdir(f"/proc/{front.pid}/fd"))
    generations = []
    memory = 0
    for turn in range(RELOADS):
        talkers = [Talker(front, EACH * turn + i, tls=i == 0) for i in range(EACH)]
        generations.append((front.workers(), talkers))
        assert {talker.worker for talker in talkers} <= set(front.workers())
        front.reload()
        for _, at_work in generations[-3:]:
            assert all(talker.talks() for talker in at_work), [t.failure for t in at_work]
        if turn == 2:
            memory = front.memory()
        if turn >= 2:
            end_generation(generations[turn - 2])
    for generation in generations[-2:]:
        end_generation(generation)
    assert len(os.listdir(f"/proc/{front.pid}/fd")) == master_files
    assert front.memory() < memory + 2 * MEGABYTE
    assert len(front.workers()) == 1 and not front.workers(exiting=True)
    wait_until(lambda: echo.open() == 0, what="the end of all connections")


def end_generation(generation):
    """The sessions of a worker end; then it does, and not before."""
    workers, talkers = generation
    assert alive(workers) == workers
    assert [failure for talker in talkers if (failure := talker.finish())] == []
    wait_until(lambda: not alive(workers), 20, "an old worker's exit")


def test_worker_that_is_killed_takes_only_its_own_sessions_along(gateway, echo):
    front = gateway(f"location / {{ ws_pass {echo.address}; {PID} }}", workers=2)
    front.allow(r"worker process \d+ exited on signal 9")
    talkers = []
    wait_until(lambda: talkers.append(Talker(front, len(talkers))) or
               len({talker.worker for talker in talkers}) == 2, 20, "sessions on both workers")
    victim = talkers[0].worker
    os.kill(victim, signal.SIGKILL)
    lost = [talker for talker in talkers if talker.worker == victim]
    others = [talker for talker in talkers if talker.worker != victim]
    for talker in lost:
        wait_until(lambda talker=talker: talker.failure, what="the end of a lost session")
    assert all(talker.talks() for talker in others)
    wait_until(lambda: victim not in front.workers() and len(front.workers()) == 2,
               what="a new worker")
    late = [Talker(front, number) for number in range(4)]
    assert all(talker.talks() for talker in late)
    assert [failure for talker in others + late if (failure := talker.finish())] == []
    for talker in lost:
        talker.finish()
    wait_until(lambda: echo.open() == 0, what="the end of all connections")


def read_end(client):
    """The Close that a session gets, whatever data came before."""
    while (got := client.read_frame()).opcode != CLOSE:
        pass
    return got.close


@plain_and_tls
def test_backend_that_is_killed_and_comes_back(gateway, raw, echo, tls):
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", tls=tls)
    port, secure = (front.ssl_port, client_tls()) if tls else (front.port, None)
    files = front.open_files()
    for _ in range(2):
        clients = [raw(port, tls=secure) for _ in range(20)]
        for number, client in enumerate(clients):
            client.open("/")
            client.send_frame(BINARY, b"some bytes")
            assert client.read_data(10) == b"some bytes"
            if number % 2:
                client.send_frame(BINARY, bytes(200_000))
        echo.kill()
        for client in clients:
            code, _ = read_end(client)
            assert code in (1000, 1011)
            client.send_close(1000)
            client.close()
        assert raw(port, tls=secure).handshake("/").status == 502
        # But for the two of the pipe that the worker keeps.
        wait_until(lambda: front.open_files() <= files + 2, what="closed descriptors")
        echo.start()
        client = raw(port, tls=secure)
        client.open("/")
        client.send_frame(BINARY, b"and again")
        assert client.read_data(9) == b"and again"
        client.close()


def test_other_servers_take_over_from_one_that_is_killed(gateway, raw, echo):
    with EchoProcess() as other:
        front = gateway("location / { ws_pass pair; }", http=f"upstream pair {{ server"
                        f" {echo.address}; server {other.address}; }}")
        clients = [raw(front.port) for _ in range(10)]
        for client in clients:
            client.open("/")
        wait_until(lambda: echo.open() == other.open() == 5, what="five sessions each")
        echo.kill()
        for client in clients[::2]:
            assert read_end(client)[0] in (1000, 1011)
        for client in [*clients[1::2], *(raw(front.port) for _ in range(4))]:
            if client not in clients:
                client.open("/")
            client.send_frame(BINARY, b"on the other one")
            assert client.read_data(16) == b"on the other one"
