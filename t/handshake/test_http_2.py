"""HTTP/2 carries no Upgrade field: the location answers with a clear status."""

import socket
import struct
import tempfile

import pytest

from harness.backends import EchoBackend
from harness.gateway import certificate, client_tls
from harness.sessions import plain_and_tls

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


HTTP_2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


def http_2_request(fields):
    """The preface and a HEADERS frame that ends the stream; names and values as they are."""
    block = b""
    for name, value in fields:
        block += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return HTTP_2_PREFACE + struct.pack("!HBBBI", 0, len(block), 1, 5, 1) + block


def read_http_2_status(client):
    """The status in the first HEADERS frame; nginx writes it as a plain literal."""
    while True:
        _, size, kind, _, _ = struct.unpack("!HBBBI", client.read(9))
        block = client.read(size)
        assert kind != 7, f"GOAWAY: {block!r}"
        if kind == 1:
            at = block.index(b"\x48\x03") + 2
            return int(block[at:at + 3])


HTTP_2 = {
    "get": [(b":method", b"GET")],
    "post": [(b":method", b"POST")],
    "head": [(b":method", b"HEAD")],
    "websocket_fields": [(b":method", b"GET"), (b"origin", b"https://evil.example"),
                         (b"sec-websocket-version", b"13"),
                         (b"sec-websocket-key", KEY.encode())],
}


@pytest.fixture
def socket_folder():
    """A folder whose path is short enough for unix sockets in it."""
    with tempfile.TemporaryDirectory(prefix="ngx_ws_") as folder:
        yield folder


@pytest.fixture
def http_2_client(socket_folder, gateway, echo, raw):
    """A client of a server that speaks HTTP/2, over a unix socket and perhaps TLS."""
    def connect(tls):
        cert, key = certificate()
        front = gateway(http=f"""
            server {{
                listen unix:{socket_folder}/s http2 {"ssl" if tls else ""};
                ssl_certificate {cert}; ssl_certificate_key {key};
                location / {{ ws_pass {echo.address}; }}
            }}""")
        client = raw(0, connect=False)
        client.sock.close()
        client.sock = socket.socket(socket.AF_UNIX)
        client.sock.settimeout(10)
        client.sock.connect(f"{socket_folder}/s")
        if tls:
            context = client_tls()
            context.set_alpn_protocols(["h2"])
            client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
            assert client.sock.selected_alpn_protocol() == "h2"
        return front, client

    return connect


@plain_and_tls
@pytest.mark.parametrize("fields", HTTP_2.values(), ids=HTTP_2)
def test_http_2_gets_a_clear_status(http_2_client, echo, fields, tls):
    front, client = http_2_client(tls)
    target = [(b":scheme", b"https"), (b":path", b"/"), (b":authority", b"localhost")]
    client.send(http_2_request(fields[:1] + target + fields[1:]))
    assert read_http_2_status(client) == 505
    client.close()
    assert " 505 " in front.access_log(1)[0]
    echo.assert_never_dialled()
