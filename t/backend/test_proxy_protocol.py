"""ws_proxy_protocol: the backend learns who the client is, and what it has proved."""

import socket
import ssl

import pytest

from harness.backends import EchoBackend, ResetBackend, ScriptedBackend, has_ipv6
from harness.gateway import client_tls
from harness.pki import Authority, authority, client_pair, server_tls
from harness.ports import free_port
from harness.proxy_protocol import ALPN, AUTHORITY, SSL, SSL_CIPHER, SSL_CN, SSL_VERSION, UNIQUE_ID
from harness.proxy_protocol import ProxiedBackend, read_header
from harness.raw import BINARY, frame
from harness.tls_backend import TlsBackend

BOTH_VERSIONS = pytest.mark.parametrize("version", [1, 2])


def location(service, version, more=""):
    return f"location / {{ ws_pass {service.address}; ws_proxy_protocol v{version}; {more} }}"


def assert_echoes(client, data=b"there and back"):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def header_of(service, number=0):
    """What the backend read, once bytes have come back from it."""
    return service.wait_connection(number).header


class TlsProxiedBackend(TlsBackend, ProxiedBackend):
    pass


@BOTH_VERSIONS
def test_both_ends_of_the_clients_connection_are_named(gateway, backend, raw, version):
    service = backend(ProxiedBackend)
    front = gateway(location(service, version))
    client = raw(front.port)
    client.open("/")
    assert_echoes(client)
    header = header_of(service)
    assert header.version == version
    assert header.source == client.sock.getsockname()
    assert header.destination == ("127.0.0.1", front.port)


def test_header_is_off_by_default(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    client = raw(front.port)
    client.open("/")
    assert_echoes(client, b"only this")
    assert service.wait_connection().received == b"only this"


def test_header_can_be_ended_below(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_proxy_protocol off; }}",
                    server="ws_proxy_protocol v1;")
    client = raw(front.port)
    client.open("/")
    assert_echoes(client, b"only this")
    assert service.wait_connection().received == b"only this"


@BOTH_VERSIONS
def test_header_comes_before_a_backend_speaks_and_before_any_frame(gateway, backend, raw, version):
    headers = []

    def greet(connection):
        headers.append(read_header(connection))
        connection.send(b"220 welcome")
        connection.read_all()

    service = backend(ScriptedBackend, greet)
    front = gateway(location(service, version))
    client = raw(front.port)
    client.open("/", then=frame(BINARY, b"EH", fin=False))
    assert client.read_data(11) == b"220 welcome"
    client.send(frame(0, b"", fin=False) + frame(0, b"LO"))
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    connection = service.wait_connection()
    assert connection.wait_ended() == "eof"
    assert connection.received[headers[0].size:] == b"EHLO"


@BOTH_VERSIONS
def test_header_comes_in_one_piece_before_the_client_says_anything(gateway, raw, version):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        front = gateway(f"location / {{ ws_pass 127.0.0.1:{port}; ws_proxy_protocol v{version}; }}")
        client = raw(front.port)
        client.open("/")
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(10)
            data = accepted.recv(4096)
    if version == 1:
        assert data.startswith(b"PROXY TCP4 127.0.0.1 ") and data.endswith(b"\r\n")
    else:
        assert data[16:20] == bytes([127, 0, 0, 1])
        assert len(data) == 16 + int.from_bytes(data[14:16], "big")


@pytest.mark.parametrize(("said", "source"), [
    ("203.0.113.9", ("203.0.113.9", 0)),
    ("2001:db8::9", ("2001:db8::9", 0)),
    ("[2001:db8::9]:4444", ("2001:db8::9", 4444)),
    ("not an address", None),
])
@BOTH_VERSIONS
def test_real_address_is_told(gateway, backend, raw, version, said, source):
    service = backend(ProxiedBackend)
    front = gateway(location(service, version),
                    server="set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;")
    client = raw(front.port)
    client.open("/", fields=[("X-Forwarded-For", said)])
    assert_echoes(client)
    header = header_of(service)
    assert header.source == (source or client.sock.getsockname())
    mapped = source and ":" in source[0]
    assert header.destination == ("::ffff:127.0.0.1" if mapped else "127.0.0.1", front.port)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@BOTH_VERSIONS
def test_ipv6_client(gateway, backend, raw, version):
    service = backend(ProxiedBackend)
    port = free_port()
    gateway(location(service, version), server=f"listen [::1]:{port};")
    client = raw(port, host="::1")
    client.open("/")
    assert_echoes(client)
    header = header_of(service)
    assert header.source == ("::1", client.sock.getsockname()[1])
    assert header.destination == ("::1", port)


def unix_client(raw, path):
    client = raw(0, connect=False)
    client.sock.close()
    client.sock = socket.socket(socket.AF_UNIX)
    client.sock.settimeout(10)
    client.sock.connect(str(path))
    return client


@BOTH_VERSIONS
def test_client_of_a_unix_socket(gateway, backend, raw, version, tmp_path):
    service = backend(ProxiedBackend)
    path = tmp_path / "s"
    gateway(location(service, version), server=f"listen unix:{path};")
    client = unix_client(raw, path)
    client.open("/")
    assert_echoes(client)
    header = header_of(service)
    if version == 1:
        assert (header.source, header.destination) == (None, None)
    else:
        assert (header.source, header.destination) == ("", str(path))
        assert header.facts[AUTHORITY] == b"localhost"


@BOTH_VERSIONS
def test_real_address_behind_a_unix_socket_is_kept(gateway, backend, raw, version, tmp_path):
    service = backend(ProxiedBackend)
    path = tmp_path / "s"
    gateway(location(service, version),
            server=f"listen unix:{path}; set_real_ip_from unix:; real_ip_header X-Real-IP;")
    client = unix_client(raw, path)
    client.open("/", fields=[("X-Real-IP", "203.0.113.9")])
    assert_echoes(client)
    header = header_of(service)
    assert header.source == ("203.0.113.9", 0)
    assert header.destination == ("0.0.0.0", 0)


@BOTH_VERSIONS
def test_backend_on_a_unix_socket(gateway, backend, raw, version):
    service = backend(ProxiedBackend, unix=True)
    front = gateway(location(service, version))
    client = raw(front.port)
    client.open("/")
    assert_echoes(client)
    assert header_of(service).source == client.sock.getsockname()


# --- what is told besides

@pytest.mark.parametrize("logged", [True, False])
def test_unique_id_is_the_request_id(gateway, backend, raw, logged):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), log_format="$request_id" if logged else "$status")
    for number in range(2):
        client = raw(front.port)
        client.open("/")
        assert_echoes(client)
        client.close()
        line = front.access_log(number + 1)[number]
        told = header_of(service, number).facts[UNIQUE_ID].decode()
        assert len(told) == 32 and int(told, 16)
        assert told == line or not logged
    assert header_of(service, 0).facts[UNIQUE_ID] != header_of(service, 1).facts[UNIQUE_ID]


@pytest.mark.parametrize("host", ["App.Example:8080", "[::1]:80", "x" * 200 + ".example"])
def test_authority_is_the_host_without_its_port(gateway, backend, raw, host):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2))
    client = raw(front.port)
    client.open("/", host=host)
    assert_echoes(client)
    header = header_of(service)
    wanted = {"App.Example:8080": "app.example", "[::1]:80": "[::1]"}.get(host, host)
    assert header.facts[AUTHORITY].decode() == wanted
    assert set(header.facts) == {AUTHORITY, UNIQUE_ID}


def test_authority_that_is_too_long_is_left_out(gateway, backend, raw):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2))
    client = raw(front.port)
    client.open("/", host="x" * 700)
    assert_echoes(client)
    assert set(header_of(service).facts) == {UNIQUE_ID}


def tls_client(raw, front, *, alpn=None, pair=None, version=None, session=None, name="localhost"):
    context = client_tls()
    if alpn:
        context.set_alpn_protocols(alpn)
    if pair:
        context.load_cert_chain(pair.cert, pair.key)
    if version:
        context.minimum_version = context.maximum_version = version
    if not name:
        context.check_hostname = False
    client = raw(front.ssl_port)
    client.sock = context.wrap_socket(client.sock, server_hostname=name, session=session)
    client.open("/", host="elsewhere.example")
    return client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_facts_of_the_clients_tls(gateway, backend, raw, version):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), tls=True, server="ssl_protocols TLSv1.2 TLSv1.3;")
    client = tls_client(raw, front, version=version, alpn=["http/1.1"])
    assert_echoes(client)
    header = header_of(service)
    assert header.facts[ALPN] == b"http/1.1"
    assert header.facts[AUTHORITY] == b"localhost"  # the name in the handshake, not Host
    flags, verified, facts = header.tls
    assert (flags, verified != 0) == (1, True)
    assert facts[SSL_VERSION].decode() == client.sock.version()
    assert facts[SSL_CIPHER].decode() == client.sock.cipher()[0]
    assert SSL_CN not in facts


def test_tls_without_alpn_and_server_name(gateway, backend, raw):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), tls=True)
    assert_echoes(tls_client(raw, front, name=None))
    header = header_of(service)
    assert set(header.facts) == {AUTHORITY, UNIQUE_ID, SSL}
    assert header.facts[AUTHORITY] == b"elsewhere.example"


ASK = "ssl_verify_client {0}; ssl_client_certificate {1};"


def test_verified_client_certificate(gateway, backend, raw):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), tls=True, server=ASK.format("on", authority().cert))
    assert_echoes(tls_client(raw, front, pair=client_pair()))
    flags, verified, facts = header_of(service).tls
    assert (flags, verified, facts[SSL_CN]) == (7, 0, b"a client")


def test_client_certificate_that_nobody_verified(gateway, backend, raw):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), tls=True,
                    server=ASK.format("optional_no_ca", authority().cert))
    stranger = Authority("Somebody else")
    pair = stranger.issue("Zoë \u2603", alternative="DNS:x")
    assert_echoes(tls_client(raw, front, pair=pair))
    flags, verified, facts = header_of(service).tls
    assert (flags, verified != 0) == (7, True)
    assert facts[SSL_CN].decode() == "Zoë \u2603"
    # Without a certificate none is verified.
    assert_echoes(tls_client(raw, front))
    flags, verified, facts = header_of(service, 1).tls
    assert (flags, verified != 0, SSL_CN in facts) == (1, True, False)


def test_certificate_of_a_resumed_session(gateway, backend, raw):
    service = backend(ProxiedBackend)
    front = gateway(location(service, 2), tls=True,
                    server=ASK.format("on", authority().cert) + " ssl_session_cache builtin:10;")
    context = client_tls()
    context.load_cert_chain(client_pair().cert, client_pair().key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    for number, flags in enumerate((7, 5)):
        client = raw(front.ssl_port)
        client.sock = context.wrap_socket(client.sock, server_hostname="localhost",
                                          session=session)
        client.open("/")
        assert_echoes(client)
        session = client.sock.session
        assert client.sock.session_reused == bool(number)
        told, verified, facts = header_of(service, number).tls
        assert (told, verified, facts[SSL_CN]) == (flags, 0, b"a client")


# --- what it is around

@BOTH_VERSIONS
def test_header_is_inside_tls_to_the_backend(gateway, backend, raw, version):
    service = backend(TlsProxiedBackend, tls=server_tls())
    front = gateway(location(service, version, "ws_ssl on;"))
    client = raw(front.port)
    client.open("/")
    assert_echoes(client)
    assert header_of(service).source == client.sock.getsockname()


@BOTH_VERSIONS
def test_header_is_none_of_the_sessions_bytes(gateway, backend, raw, version):
    service = backend(ProxiedBackend)
    front = gateway(location(service, version), log_format=(
        "$ws_bytes_in $ws_bytes_out $upstream_bytes_sent $upstream_bytes_received"
        " $ws_undelivered_backend $ws_close_code"))
    client = raw(front.port)
    client.open("/")
    assert_echoes(client, b"12345")
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    client.close()
    size = header_of(service).size
    assert front.access_log(1) == [f"5 5 {5 + size} 5 0 1000"]


def test_unread_header_does_not_count_as_undelivered(gateway, raw, tmp_path):
    # Of a unix socket the kernel tells what the backend has not read.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "b"))
        listener.listen(1)
        front = gateway(f"location / {{ ws_pass unix:{tmp_path}/b; ws_proxy_protocol v2;"
                        " ws_close_timeout 300ms; }", log_format="$ws_undelivered_backend")
        client = raw(front.port)
        client.open("/")
        client.send_frame(BINARY, b"12345")
        client.send_close(1000)
        assert client.read_close() == (1011, "5 bytes undelivered, not acknowledged by the backend")
        client.close()
        assert front.access_log(1) == ["5"]


def test_next_server_is_told_as_well(gateway, backend, raw):
    dead = backend(EchoBackend)
    dead.stop()
    service = backend(ProxiedBackend)
    front = gateway("location / { ws_pass service; ws_proxy_protocol v1; }",
                    http="upstream service { server %s; server %s backup; }"
                         % (dead.address, service.address))
    for number in range(2):
        client = raw(front.port)
        client.open("/")
        assert_echoes(client)
        assert header_of(service, number).source == client.sock.getsockname()


def test_reset_right_after_the_header_is_told_to_the_client(gateway, backend, raw):
    service = backend(ResetBackend, 20)
    front = gateway(location(service, 1))
    client = raw(front.port)
    if client.handshake("/").status == 101:
        assert client.read_close()[0] == 1011


@pytest.mark.parametrize("value", ["on", "v3", "1", "v1 v2", ""])
def test_wrong_value_is_refused(config_check, value):
    good, said = config_check(f"ws_proxy_protocol {value};")
    assert not good
    assert ('expected "off", "v1", "v2"' in said or "invalid number of arguments" in said
            ), said
