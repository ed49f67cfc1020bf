"""A real OpenSSH server, with its demo's configuration: its own client by way of client/node/cli.js,
and the beginning of its protocol byte by byte."""

import getpass
import hashlib
import shlex
import struct
import subprocess

from harness.raw import BINARY, frame
from harness.services import COMMAND, needs

SIZE = 3 << 20

pytestmark = [needs("sshd", "openssh-server"), needs("ssh", "openssh-client")]


def ssh(service, front, *command, data=b"", options=()):
    """Runs a command as OpenSSH's client does on a remote machine."""
    proxy = f"node {shlex.quote(str(COMMAND))} {front.url('/ssh')}"
    key = (service.folder / "host_key.pub").read_text()
    known = service.folder / "known_hosts"
    known.write_text(f"demo {key}")
    return subprocess.run(
        ["ssh", "-F", "none", "-T", "-i", service.folder / "client_key",
         "-o", f"ProxyCommand={proxy}", "-o", f"UserKnownHostsFile={known}",
         "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes",
         "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
         *options, f"{getpass.getuser()}@demo", *command],
        input=data, capture_output=True, timeout=40,
    )


def test_login_runs_a_command_and_tells_its_status(real):
    service, front = real("ssh")
    done = ssh(service, front, "echo from there; exit 7")
    assert (done.stdout, done.returncode) == (b"from there\n", 7), done.stderr


def test_megabytes_go_there_and_back(real):
    service, front = real("ssh")
    data = hashlib.shake_128(b"ssh").digest(SIZE)
    # Keys are exchanged anew on the way, which takes an answer amid the data.
    done = ssh(service, front, "cat", data=data, options=("-o", "RekeyLimit=1M"))
    assert done.stdout == data, done.stderr
    assert done.returncode == 0


def test_another_host_key_is_noticed(real):
    service, front = real("ssh")
    other = (service.folder / "client_key.pub").read_bytes()
    (service.folder / "host_key.pub").write_bytes(other)
    done = ssh(service, front, "true")
    assert done.returncode == 255
    assert b"Host key verification failed" in done.stderr


def read_packet(client):
    """A packet before there are keys: RFC 4253, section 6."""
    size, padding = struct.unpack("!IB", client.read_data_exactly(5))
    payload = client.read_data_exactly(size - 1)
    return payload[:-padding]


class Stream:
    """The payloads of a client's messages as a stream."""

    def __init__(self, client):
        self.client, self.buffer = client, b""

    def read_data_exactly(self, size):
        if len(self.buffer) < size:
            self.buffer += self.client.read_data(size - len(self.buffer))
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.read_data_exactly(1)
        return line


def test_banner_comes_first_and_key_exchange_follows(real, raw):
    _, front = real("ssh")
    client = raw(front.port)
    client.open("/ssh")
    stream = Stream(client)
    assert stream.read_line().startswith(b"SSH-2.0-OpenSSH_")
    # One byte a message: to the server it is a stream all the same.
    client.send(b"".join(frame(BINARY, bytes([byte])) for byte in b"SSH-2.0-tests\r\n"))
    kexinit = read_packet(stream)
    assert kexinit[0] == 20
    size, = struct.unpack("!I", kexinit[17:21])
    assert b"curve25519-sha256" in kexinit[21:21 + size].split(b",")


def test_what_is_not_ssh_is_told_and_closed(real, raw):
    _, front = real("ssh")
    client = raw(front.port)
    client.open("/ssh")
    Stream(client).read_line()
    client.send_frame(BINARY, b"GET / HTTP/1.0\r\n")
    data, code, _ = client.read_to_close()
    assert b"Invalid SSH identification string" in data
    assert code == 1000
