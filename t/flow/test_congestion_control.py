"""With what algorithm the gateway's kernel sends: on loopback one that does not pace."""

import subprocess
from pathlib import Path

import pytest

from harness.backends import EchoBackend
from harness.netns import NEAR, Link, needs_root
from harness.raw import BINARY, frame
from harness.sessions import plain_and_tls

SETTINGS = Path("/proc/sys/net/ipv4")
DATA = bytes(64 * 1024)


def algorithm(*sockets):
    """The one of the only connection that ss finds."""
    told = subprocess.run(["ss", "-tinHO", "state", "established", *sockets], capture_output=True,
                          text=True, check=True).stdout.splitlines()
    assert len(told) == 1, told
    available = (SETTINGS / "tcp_available_congestion_control").read_text().split()
    return next(word for word in told[0].split() if word in available)


def exchange(client):
    client.send(frame(BINARY, DATA))
    assert client.read_data(len(DATA)) == DATA


@plain_and_tls
def test_nothing_is_paced_on_loopback(session, tls):
    one = session(EchoBackend, tls=tls)
    exchange(one.client)
    port = one.front.ssl_port if tls else one.front.port
    assert algorithm("sport", f"= :{port}") == "reno"
    assert algorithm("dport", f"= :{one.service.port}") == "reno"


@needs_root
def test_a_network_is_sent_to_as_the_system_says(gateway, backend, raw):
    usual = (SETTINGS / "tcp_congestion_control").read_text().strip()
    if usual == "reno":
        pytest.skip("THE SYSTEM ITSELF SENDS WITH RENO")
    with Link("100mbit") as link:
        service = backend(EchoBackend)
        front = gateway(f"location / {{ ws_pass {service.address}; }}",
                        server=f"listen {NEAR}:@PORT@;")
        with link.far():
            client = raw(front.port, host=NEAR)
        client.open("/")
        exchange(client)
        assert algorithm("sport", f"= :{front.port}") == usual
        assert algorithm("dport", f"= :{service.port}") == "reno"
