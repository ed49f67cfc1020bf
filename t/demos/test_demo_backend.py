"""demo/backend.cpp over plain sockets."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.demo import DemoBackend, build_backend


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build_backend(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def services(program):
    started = DemoBackend(program)
    yield started
    started.stop()


def connect(services, name):
    client = socket.create_connection(("127.0.0.1", services.port(name)), timeout=10)
    return client


def read_to_end(client):
    got = bytearray()
    while data := client.recv(65536):
        got += data
    return bytes(got)


def cpu_ticks(process):
    with open(f"/proc/{process.pid}/stat") as status:
        fields = status.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_echo_answers_half_close_after_all_bytes(services):
    sent = os.urandom(8 << 20)
    with connect(services, "echo") as client:
        writer = threading.Thread(
            target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
        writer.start()
        time.sleep(0.3)  # its output is blocked meanwhile
        got = read_to_end(client)
        writer.join()
    assert got == sent


def test_echo_stops_reading_while_its_output_is_blocked(services):
    with connect(services, "echo") as client:
        client.settimeout(0.5)
        taken = 0
        with pytest.raises(TimeoutError):
            while taken < 256 << 20:
                taken += client.send(bytes(65536))
        before = cpu_ticks(services.process)
        time.sleep(0.5)
        assert cpu_ticks(services.process) - before <= 2


def test_ticker_speaks_first_and_counts(services):
    with connect(services, "ticker") as client:
        client.sendall(b"nobody listens\n" * 1000)
        lines = client.makefile(encoding="utf-8")
        began = time.monotonic()
        assert lines.readline().startswith("Hello")
        numbers = [lines.readline().split()[0] for _ in range(4)]
        took = time.monotonic() - began
    assert numbers == ["#1", "#2", "#3", "#4"]
    assert 0.7 < took < 5


def test_ticker_ends_when_its_peer_does(services):
    with connect(services, "ticker") as client:
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client).startswith(b"Hello")


def test_slow_takes_32_kib_a_second(services):
    sent = os.urandom(64 << 10)
    with connect(services, "slow") as client:
        began = time.monotonic()
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        got = read_to_end(client)
        took = time.monotonic() - began
    assert got == sent
    assert 1.5 < took < 10


def test_slow_reads_no_more_than_it_may_while_the_peer_waits(services):
    with connect(services, "slow") as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
        client.settimeout(0.1)
        taken = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                taken += client.send(bytes(16 << 10))
            except TimeoutError:
                pass
    assert taken < 512 << 10


def test_serves_on_unix_sockets_and_removes_them(program, tmp_path):
    path = tmp_path / "echo"
    services = DemoBackend(program, echo=f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"over a file")
        assert client.recv(64) == b"over a file"
    assert services.stop() == 0
    assert not path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_a_signal(services, number):
    services.process.send_signal(number)
    assert services.process.wait(5) == 0


@pytest.mark.parametrize("arguments", [
    [], ["echo"], ["echo=x"], ["echo=65536"], ["echo=80x"], ["echo="], ["echo=unix:"],
    ["fast=0"], ["echo=0", "echo=0"], ["echo=unix:" + "a" * 200],
])
def test_explains_its_usage_on_wrong_arguments(program, arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=5)
    assert done.returncode == 2
    assert "usage: demo_backend echo=ADDR ticker=ADDR slow=ADDR" in done.stderr


def test_port_that_is_taken_is_an_error(program, services):
    done = subprocess.run([program, f"echo={services.port('echo')}"], capture_output=True,
                          text=True, timeout=5)
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
