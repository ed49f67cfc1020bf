"""ws_pass with variables: only what is an address or an upstream is dialled."""

import socket
import struct
import threading

import pytest

from harness.backends import EchoBackend, RecordingBackend, has_ipv6
from harness.raw import BINARY


class DnsServer:
    """Answers each question for an A record from a table; a name that maps to None gets no
    answer, and one that is not there does not exist."""

    def __init__(self, names):
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            if (answer := self._answer(query)) is not None:
                self._socket.sendto(answer, client)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        question = query[12:at + 5]
        kind, = struct.unpack("!H", query[at + 1:at + 3])
        name = b".".join(labels).decode("latin-1")
        if name not in self._names:
            return query[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + question
        if self._names[name] is None:
            return None
        addresses = self._names[name] if kind == 1 else []
        records = b"".join(
            struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(one) for one in addresses)
        return query[:2] + struct.pack("!5H", 0x8180, 1, len(addresses), 0, 0) + question + records

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, and fails nevertheless
        except OSError:
            pass
        self._socket.close()


@pytest.fixture
def dns():
    server = DnsServer({
        "echo.test": ["127.0.0.1"],
        # Of these only the last listens.
        "several.test": ["127.0.0.77", "127.0.0.78", "127.0.0.1"],
        "silent.test": None,
    })
    yield server
    server.close()


def variable_target(dns, **more):
    return (f"resolver {dns.address} ipv6=off; resolver_timeout 300ms;"
            " location / { ws_pass $http_x_target; }", more)


@pytest.mark.parametrize("name", ["echo.test", "several.test", "127.0.0.1"])
def test_variable_target_is_resolved(gateway, backend, raw, dns, name):
    echo = backend(EchoBackend)
    locations, parts = variable_target(dns)
    front = gateway(locations, **parts)
    for _ in range(3):
        client = raw(front.port)
        client.open("/", fields=[("X-Target", f"{name}:{echo.port}")])
        client.send_frame(BINARY, b"hello")
        assert client.read_data(5) == b"hello"


def test_variable_target_may_be_an_upstream_a_unix_socket_or_ipv6(gateway, backend, raw, dns):
    services = [backend(EchoBackend), backend(EchoBackend, unix=True)]
    if has_ipv6():
        services.append(backend(EchoBackend, host="::1"))
    locations, parts = variable_target(
        dns, http="upstream service { server %s; }" % services[0].address)
    front = gateway(locations, **parts)
    for target in ["service", *(service.address for service in services)]:
        client = raw(front.port)
        client.open("/", fields=[("X-Target", target)])
        client.send_frame(BINARY, b"hello")
        assert client.read_data(5) == b"hello"


@pytest.mark.parametrize("target", [
    "", " ", "nobody", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x",
    ":80", ":", "/", "@", "[", "]", "[::1", "[::1]", "[::1]x", "[zzz]:80", "[]:80", "unix", "unix:",
    "unix:" + "a" * 200, "http://127.0.0.1:80", "ws://127.0.0.1:80", "127.0.0.1:80/path",
    "127.0.0.1:80 127.0.0.1:81", "127.0.0.1:80\t", "127.0.0.1:80?x",
])
def test_variable_target_that_is_no_address_is_502(gateway, raw, dns, target):
    locations, parts = variable_target(dns)
    front = gateway(locations, **parts)
    assert raw(front.port).handshake("/", fields=[("X-Target", target)]).status == 502
    assert "ws: invalid address in ws_pass" in front.error_log()


@pytest.mark.parametrize("name", [
    "none.test", "silent.test", "a" * 300, ".", "..", "\xff\xfe", "%00", "*", "a..b", "\\",
])
def test_variable_target_that_does_not_resolve_is_502(gateway, raw, dns, name):
    locations, parts = variable_target(dns)
    front = gateway(locations, **parts)
    assert raw(front.port).handshake("/", fields=[("X-Target", f"{name}:80")]).status == 502


def test_variable_target_without_a_resolver_is_502(gateway, raw):
    front = gateway("location / { ws_pass $http_x_target; }")
    assert raw(front.port).handshake("/", fields=[("X-Target", "echo.test:80")]).status == 502


@pytest.mark.parametrize("injected", ["\\r\\n", "\\n", "\\r", "\\t", " "])
def test_line_ends_in_a_target_are_not_dialled(gateway, backend, raw, injected):
    record = backend(RecordingBackend)
    front = gateway(f'location / {{ set $to "{record.address}{injected}X: y"; ws_pass $to; }}'
                    f'location /end {{ set $to "{record.address}{injected}"; ws_pass $to; }}')
    assert raw(front.port).handshake("/").status == 502
    assert raw(front.port).handshake("/end").status == 502
    assert not record.connections
    assert "X: y" not in front.error_log()
