"""What the tests of ws_origin share: requests with an Origin, and the statuses they get."""

import pytest

from harness.backends import EchoBackend
from harness.gateway import client_tls
from harness.raw import BINARY

EVIL = "https://evil.example"


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def ask(gateway, echo, raw):
    """ask(settings, origin...): the status for a request with these Origin lines."""
    started = {}

    def status(settings, *origins, host="app.example", fields=(), tls=False, **parts):
        key = (settings, tls, tuple(parts.items()))
        if key not in started:
            started[key] = gateway(f"location / {{ ws_pass {echo.address}; {settings} }}",
                                   tls=tls, **parts)
        front = started[key]
        lines = [("Origin", origin) for origin in origins]
        port = front.ssl_port if tls else front.port
        with raw(port, tls=client_tls() if tls else None) as client:
            response = client.handshake("/", host=host, fields=[*lines, *fields])
            if response.status == 101:
                client.send_frame(BINARY, b"through")
                assert client.read_data(7) == b"through"
            elif response.status == 403:
                status.front = front
                assert response.get("sec-websocket-accept") is None
            return response.status

    return status


def each(ask, settings, table, **how):
    """All rows of a table at once, so that a failure shows which of them are wrong."""
    got = {origin: ask(settings, *([] if origin is None else [origin]), **how) for origin in table}
    assert got == table
