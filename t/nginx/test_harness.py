"""The harness: nginxes other than Debian's, TLS from more than one thread, ports."""

import ssl

import pytest

from harness import checker
from harness.flood import Flood
from harness.gateway import certificate, client_tls, version_of, wait_until
from harness.ports import free_port
from harness.raw import RawClient
from harness.stream import is_inside
from harness.tls_backend import TlsSilentBackend

pytestmark = pytest.mark.skipif(checker.CHECKER == "valgrind", reason="has other titles")


@pytest.mark.parametrize("title, expected", [
    (b"nginx: worker process", (True, False)),
    (b"nginx: worker process is shutting down", (True, True)),
    (b"angie: worker process #3", (True, False)),
    (b"angie: worker process is shutting down #3", (True, True)),
    (b"nginx: master process /usr/sbin/nginx -c worker process", (False, False)),
    (b"nginx: cache manager process", (False, False)),
    (b"/usr/sbin/nginx\0-p\0/tmp/worker process", (False, False)),
])
def test_worker_is_known_by_its_title(title, expected):
    assert checker.is_worker(1, title, str) == expected


@pytest.mark.parametrize("built, expected", [
    ("nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.19", (1, 22, 1)),
    ("nginx version: freenginx/1.27.2", (1, 27, 2)),
    ("Tengine version: Tengine/3.1.0\nnginx version: nginx/1.24.0", (1, 24, 0)),
    ("Angie version: Angie/1.13.0\nbuilt by gcc 12.2.0", (1, 13, 0)),
])
def test_version_is_that_of_nginx(built, expected):
    assert version_of(built) == expected


@pytest.mark.parametrize("arguments, expected", [
    ("--with-compat --with-stream --with-threads", True),
    ("--with-stream", True),
    ("--with-stream=dynamic --with-stream_ssl_module", False),
    ("--with-stream_ssl_module", False),
    ("--with-compat", False),
])
def test_stream_module_inside_needs_no_loading(arguments, expected):
    assert is_inside(f"nginx version: nginx/1.22.1\nconfigure arguments: {arguments}\n") is expected


def test_tls_client_can_be_closed_while_it_sends():
    """What is left to be sent goes nowhere, also not to another socket with that number."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate())
    with TlsSilentBackend(tls=tls) as service:
        with RawClient(service.port, tls=client_tls(), timeout=50) as client:
            flood = Flood(client.send, [bytes(1 << 20)] * 32)
            flood.wait_stalled()
        wait_until(lambda: not flood.running(), 10, "the end of the sender")


def test_no_port_is_given_twice():
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)
