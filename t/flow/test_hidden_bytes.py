"""What hides from a client whose backend reads nothing, whatever its bytes are wrapped in."""

import socket
import struct

import pytest

from harness.backends import SilentBackend
from harness.deflate_client import OFFER, RSV1, Deflater, DeflateClient, text_of
from harness.flood import MEGABYTE, Flood, digest, noise
from harness.gateway import assert_idle, client_tls
from harness.pki import server_tls
from harness.raw import BINARY, frame
from harness.tcp_info import Hidden
from harness.tls_backend import TlsSilentBackend

PROMISE = 256 * 1024
SIZE = 20_000  # bytes of a message
TOTAL = 4 * MEGABYTE


def lines(count):
    return [noise(SIZE).translate(None, b"\r\n") for _ in range(count)]


def records(count):
    return [noise(SIZE) for _ in range(count)]


def texts(count):
    """Larger, because a fifth or so of it is on the wire."""
    return [text_of(8 * SIZE, seed) for seed in range(count)]


def record(message):
    return struct.pack("!I", len(message)) + message


def typed(message):
    return struct.pack("!IB", len(message), BINARY) + message


def as_it_is(message):
    return message


# Directives, messages, what the backend gets of one, whether it is compressed.
WRAPPED = {
    "line": ("ws_framing line;", lines, lambda message: message + b"\n", False),
    "line crlf split": ("ws_framing line crlf split;", lines, lambda message: message + b"\r\n",
                        False),
    "length": ("ws_framing length u32;", records, record, False),
    "typed": ("ws_framing typed;", records, typed, False),
    "compressed noise": ("ws_deflate on;", records, as_it_is, True),
    "compressed text": ("ws_deflate on;", texts, as_it_is, True),
    "compressed lines": ("ws_deflate on; ws_framing line;", lines,
                         lambda message: message + b"\n", True),
    "compressed records": ("ws_deflate on; ws_framing length u32;", records, record, True),
}


def stalled(gateway, backend, kind, settings, client_is_tls=False, **options):
    """A gateway, its backend that reads nothing, and a client for both."""
    service = backend(kind, receive_buffer=262144, **options)
    front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}", tls=client_is_tls)
    client = DeflateClient(front.ssl_port if client_is_tls else front.port, timeout=30,
                           tls=client_tls() if client_is_tls else None)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 262144)
    client.open(offer=OFFER[1])
    return front, service, client


def assert_flat(front):
    memory = front.memory()
    assert_idle(front)
    assert front.memory() <= memory + 65536


@pytest.mark.parametrize("kind", WRAPPED)
def test_little_hides_in_any_framing_and_compressed(gateway, backend, kind):
    settings, make, wrapped, compressed = WRAPPED[kind]
    messages = make(TOTAL // SIZE)
    wanted = b"".join(wrapped(message) for message in messages)
    deflate = Deflater(takeover=False)
    sent = [frame(BINARY, deflate(message), rsv=RSV1) if compressed else frame(BINARY, message)
            for message in messages]
    front, service, client = stalled(gateway, backend, SilentBackend, settings)
    ratio = len(wanted) / sum(map(len, sent))
    with client:
        hidden = Hidden(client.sock, service.wait_connection().sock, ratio)
        flood = Flood(client.send, sent)
        hidden.watch(0.3)
        flood.wait_stalled(0.2)
        # In bytes of the client's wire, where text is a fraction of what the backend gets.
        assert 0 < hidden.most / ratio <= PROMISE
        assert_flat(front)
        service.resume()
        assert digest(service.wait_connection().wait_received(len(wanted), 30)) == digest(wanted)
        flood.wait_done()
        client.send_close(1000)
        assert client.read_close() == (1000, "")


@pytest.mark.parametrize("client_is_tls", [False, True], ids=["plain", "tls"])
def test_little_hides_before_a_backend_of_tls(gateway, backend, client_is_tls):
    messages = records(TOTAL // SIZE)
    front, service, client = stalled(gateway, backend, TlsSilentBackend, "ws_ssl on;",
                                     client_is_tls, tls=server_tls())
    with client:
        connection = service.wait_connection()
        # The backend's records are counted with their headers: a part in a hundred at most.
        hidden = Hidden(client.sock, connection.below, 16384 / 16406 if client_is_tls else 1)
        flood = Flood(client.send, [frame(BINARY, message) for message in messages])
        hidden.watch(0.3)
        flood.wait_stalled(0.2)
        assert 0 < hidden.most <= PROMISE
        assert_flat(front)
        service.resume()
        wanted = b"".join(messages)
        assert digest(connection.wait_received(len(wanted), 30)) == digest(wanted)
        flood.wait_done()
        client.send_close(1000)
        assert client.read_close() == (1000, "")
