"""Names in ws_pass are looked up by nginx's resolver, here with dnsmasq."""

import os
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from harness.backends import EchoBackend, has_ipv6
from harness.gateway import VERSION, wait_until
from harness.ports import free_port
from harness.raw import BINARY

DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

pytestmark = pytest.mark.skipif(not DNSMASQ, reason="needs dnsmasq")


class Dnsmasq:
    """Answers for the names that it was told, and for no others."""

    def __init__(self, folder, names):
        self._folder = folder
        folder.mkdir()
        self.write(names)
        for _ in range(4):
            self.port = free_port()
            command = [DNSMASQ, "--keep-in-foreground", f"--port={self.port}", "--no-resolv",
                       "--no-hosts", f"--addn-hosts={folder}/hosts", "--conf-file=/dev/null",
                       "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file",
                       "--local=/test/", "--log-facility=-"]
            if os.geteuid() == 0:
                command.append("--user=root")
            with open(folder / "log", "wb") as log:
                self._process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "TERM", *command], stdout=log, stderr=log)
            wait_until(lambda: self._process.poll() is not None or self.knows("ready.test"),
                       what="dnsmasq")
            if self._process.poll() is None:
                return
        raise AssertionError((folder / "log").read_text())

    def write(self, names):
        lines = [f"{address} {name}" for name, addresses in names.items() for address in addresses]
        (self._folder / "hosts").write_text("\n".join(["127.0.0.1 ready.test", *lines]) + "\n")

    def change(self, names, sign):
        """The same with other names, one of which, `sign`, is new."""
        self.write(names)
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.knows(sign), what="the new names")

    def knows(self, name):
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(("127.0.0.1", self.port))
                sock.send(query)
                return struct.unpack("!H", sock.recv(512)[6:8])[0] > 0
            except OSError:
                return False

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def dnsmasq(tmp_path):
    started = []

    def start(**names):
        names = {f"{name}.test": addresses for name, addresses in names.items()}
        started.append(Dnsmasq(tmp_path / "dnsmasq", names))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def location(dns, more="ipv6=off", settings=""):
    return (f"resolver 127.0.0.1:{dns.port} {more}; resolver_timeout 5s;"
            " location / { ws_pass $arg_to; add_header X-Server $upstream_addr always;"
            f" {settings} }}")


def dial(raw, front, target):
    client = raw(front.port)
    server = client.open(f"/?to={target}").get("x-server")
    client.send_frame(BINARY, b"there and back")
    assert client.read_data(14) == b"there and back"
    return server


def test_name_is_looked_up(gateway, backend, raw, dnsmasq):
    echo = backend(EchoBackend)
    front = gateway(location(dnsmasq(echo=["127.0.0.1"])))
    assert dial(raw, front, f"echo.test:{echo.port}") == echo.address
    assert dial(raw, front, f"ECHO.Test:{echo.port}") == echo.address


@pytest.mark.parametrize("name", ["none.test", "elsewhere.invalid"])
def test_name_that_does_not_exist_is_502(gateway, raw, dnsmasq, name):
    front = gateway(location(dnsmasq()))
    assert raw(front.port).handshake(f"/?to={name}:80").status == 502
    front.wait_log(f"{name} could not be resolved")


def test_addresses_of_a_name_are_tried_in_turn(gateway, backend, raw, dnsmasq):
    echo = backend(EchoBackend)
    front = gateway(location(dnsmasq(several=["127.0.0.77", "127.0.0.78", "127.0.0.1"])))
    for _ in range(4):
        # Each begins anywhere and comes to the one that listens.
        assert dial(raw, front, f"several.test:{echo.port}").split(", ")[-1] == echo.address


def test_sessions_are_spread_over_the_addresses_of_a_name(gateway, backend, raw, dnsmasq):
    one = backend(EchoBackend)
    two = backend(EchoBackend, host="127.0.0.2", port=one.port)
    front = gateway(location(dnsmasq(both=["127.0.0.1", "127.0.0.2"])))
    seen = {dial(raw, front, f"both.test:{one.port}") for _ in range(30)}
    assert seen == {one.address, two.address}


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_address_of_a_name(gateway, backend, raw, dnsmasq):
    echo = backend(EchoBackend, host="::1")
    front = gateway(location(dnsmasq(six=["::1"]), more=""))
    assert dial(raw, front, f"six.test:{echo.port}") == echo.address


def test_new_address_of_a_name_is_found(gateway, backend, raw, dnsmasq):
    old = backend(EchoBackend)
    new = backend(EchoBackend, host="127.0.0.2", port=old.port)
    dns = dnsmasq(moving=["127.0.0.1"])
    front = gateway(location(dns, "ipv6=off valid=1s"))
    assert dial(raw, front, f"moving.test:{old.port}") == old.address
    dns.change({"moving.test": ["127.0.0.2"], "moved.test": ["127.0.0.2"]}, "moved.test")
    wait_until(lambda: dial(raw, front, f"moving.test:{old.port}") == new.address,
               what="the new address")


@pytest.mark.skipif(VERSION < (1, 27, 3), reason="only later versions look servers up again")
def test_server_of_an_upstream_moves_and_its_sessions_stay(gateway, backend, raw, dnsmasq):
    old = backend(EchoBackend)
    new = backend(EchoBackend, host="127.0.0.2", port=old.port)
    dns = dnsmasq(moving=["127.0.0.1"])
    front = gateway("location / { ws_pass service; }", log_format="$upstream_addr $status", http=(
        f"resolver 127.0.0.1:{dns.port} ipv6=off valid=1s; upstream service {{ zone service 256k;"
        f" server moving.test:{old.port} resolve; }}"))
    # Until the name is known there is no server.
    wait_until(lambda: raw(front.port).handshake("/").status == 101, what="the first server")
    stays = raw(front.port)
    stays.open("/")
    dns.change({"moving.test": ["127.0.0.2"], "moved.test": ["127.0.0.2"]}, "moved.test")

    def moved():
        raw(front.port).open("/")
        return new.connections

    wait_until(moved, what="the new server")
    stays.send_frame(BINARY, b"still there")
    assert stays.read_data(11) == b"still there"
    stays.send_close(1000)
    assert stays.read_close() == (1000, "")
    stays.close()
    wait_until(lambda: f"{old.address} 101" in front.access_log(), what="its end in the log")


def test_name_of_an_upstream_is_not_looked_up(gateway, backend, raw, dnsmasq):
    echo, other = backend(EchoBackend), backend(EchoBackend)
    front = gateway(location(dnsmasq(echo=["127.0.0.77"])),
                    http=f"upstream echo.test {{ server {echo.address}; server {other.address}; }}")
    assert dial(raw, front, "echo.test") in (echo.address, other.address)
