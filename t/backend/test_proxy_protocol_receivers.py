"""ws_proxy_protocol before receivers that others wrote: nginx's stream module, and HAProxy."""

import pytest

from harness.backends import EchoBackend
from harness.gateway import client_tls, wait_until
from harness.haproxy import HaProxy, needs_haproxy
from harness.ports import free_port
from harness.raw import BINARY, frame
from harness.stream import needs_stream, stream_parts

BOTH_VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])


def assert_echoes(client, data=b"there and back"):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def client_named(raw, front, address, then=b""):
    """A client that is known by another address, and the port 4444."""
    client = raw(front.port)
    client.open("/", fields=[("X-Real-IP", f"[{address}]:4444" if ":" in address
                              else f"{address}:4444")], then=then)
    return client


REALIP = "set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;"


SEEN = """
    log_format seen '$proxy_protocol_addr $proxy_protocol_port'
                    ' $proxy_protocol_server_addr $proxy_protocol_server_port';
    access_log @PREFIX@/seen.log seen;
"""


def stream(gateway, service):
    """The port of an nginx that takes a header and passes on what follows it, and that nginx."""
    port = free_port()
    return port, gateway(**stream_parts(
        f"listen 127.0.0.1:{port} proxy_protocol; proxy_pass {service.address};", SEEN))


def seen_by(receiver):
    path = receiver.prefix / "seen.log"
    return wait_until(lambda: path.exists() and path.read_text().splitlines(), what="its log")


@needs_stream
@BOTH_VERSIONS
@pytest.mark.parametrize(("address", "server"), [
    ("203.0.113.9", "127.0.0.1"), ("2001:db8::9", "::ffff:127.0.0.1")])
def test_nginx_stream_reads_the_header(gateway, backend, raw, version, address, server):
    port, receiver = stream(gateway, backend(EchoBackend))
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{port}; ws_proxy_protocol {version}; }}",
                    server=REALIP)
    client = client_named(raw, front, address, then=frame(BINARY, b"at once"))
    assert client.read_data(7) == b"at once"
    assert_echoes(client)
    client.close()
    assert seen_by(receiver) == [f"{address} 4444 {server} {front.port}"]


@needs_stream
def test_nginx_stream_that_is_told_nothing_refuses(gateway, backend, raw):
    # That the test above can fail.
    port, receiver = stream(gateway, backend(EchoBackend))
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{port}; }}")
    client = raw(front.port)
    client.open("/", then=frame(BINARY, b"no header"))
    assert client.read_close()[0] in (1000, 1011)
    receiver.wait_log("broken header")


class EchoBehindHaProxy(HaProxy):
    """Takes a header, and tells what it read in a line before the bytes it passes on."""

    def __init__(self, folder, service):
        super().__init__(folder, f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen echo
    log global
    log-format "seen %[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"
    bind 127.0.0.1:@PORT@ accept-proxy
    server echo {service.address}
""")

    def seen(self):
        return wait_until(
            lambda: [line[5:] for line in self.log.read_text().splitlines()
                     if line.startswith("seen ")], what="HAProxy's log")


@pytest.fixture
def haproxy(backend, tmp_path):
    started = EchoBehindHaProxy(tmp_path / "haproxy", backend(EchoBackend))
    yield started
    started.stop()


@needs_haproxy
@BOTH_VERSIONS
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_haproxy_reads_the_header(gateway, raw, haproxy, version, address):
    front = gateway(
        f"location / {{ ws_pass 127.0.0.1:{haproxy.port}; ws_proxy_protocol {version}; }}",
        server=REALIP, log_format="$request_id")
    client = client_named(raw, front, address, then=frame(BINARY, b"at once"))
    assert client.read_data(7) == b"at once"
    assert_echoes(client)
    client.close()
    [line] = haproxy.seen()
    source, source_port, destination, port, name, unique = line.split()
    assert (source, source_port, int(port)) == (address, "4444", front.port)
    assert destination in ("127.0.0.1", "::ffff:127.0.0.1")
    told = ("localhost", front.access_log(1)[0]) if version == "v2" else ("-", "-")
    assert (name, unique) == told


@needs_haproxy
def test_haproxy_reads_the_facts_of_tls(gateway, raw, haproxy):
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{haproxy.port}; ws_proxy_protocol v2; }}",
                    tls=True, log_format="$request_id")
    context = client_tls()
    context.set_alpn_protocols(["http/1.1"])
    client = raw(front.ssl_port, tls=context)
    client.open("/", host="elsewhere.example")
    assert_echoes(client)
    address = client.sock.getsockname()
    client.close()
    assert haproxy.seen() == [f"{address[0]} {address[1]} 127.0.0.1 {front.ssl_port} localhost "
                              + front.access_log(1)[0]]


@needs_haproxy
def test_haproxy_that_is_told_nothing_refuses(gateway, raw, haproxy):
    front = gateway(f"location / {{ ws_pass 127.0.0.1:{haproxy.port}; }}")
    client = raw(front.port)
    client.open("/", then=frame(BINARY, b"no header"))
    assert client.read_close()[0] in (1000, 1011)
