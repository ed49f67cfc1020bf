"""Sessions that can be resumed, each with the gateway and the service that it goes through."""

import pytest

from harness.backends import EchoBackend
from harness.gateway import client_tls
from harness.resume_client import ResumeClient


@pytest.fixture
def resumable(gateway, backend, raw):
    """Opens one: resumable(EchoBackend, "ws_resume_timeout 1s;"). `how` are options of the client,
    `parts` of the gateway, all others of the backend."""

    def start(kind=EchoBackend, settings="", *, setting="on", how=None, parts=None, tls=False,
              **options):
        service = backend(kind, **options)
        front = gateway(
            f"location / {{ ws_pass {service.address}; ws_resume {setting}; {settings} }}",
            **{"tls": tls, **(parts or {})})
        made = ResumeClient(connector(front, raw, tls), **(how or {}))
        made.front, made.service = front, service
        return made.begin()

    return start


def connector(front, raw, tls=False):
    """What opens the legs of a ResumeClient."""
    secure = {"tls": client_tls()} if tls else {}
    return lambda: raw(front.ssl_port if tls else front.port, **secure)


def bulk_over_cuts(one, data, piece):
    """All of it goes both ways; each piece begins a leg that is cut half of a piece before its end."""
    for at in range(0, len(data), piece):
        one.send(data[at:at + piece])
        one.receive(len(one.sent) - piece // 2)
        one.cut("reset")
        one.resume()
    assert one.receive(len(data)) == data
    assert one.close() == (1000, "")


def another(one, raw, **how):
    """A second session before the same gateway."""
    return ResumeClient(connector(one.front, raw), **how).begin()


def assert_echoes(one, text=b"echo"):
    one.send(text)
    one.receive(len(one.sent))
    assert one.received == one.sent


def assert_goes_on(one, text=b"echo"):
    """Comes back, has lost nothing, and ends."""
    one.resume()
    assert_echoes(one, text)
    assert one.close() == (1000, "")
    one.leg.close()
