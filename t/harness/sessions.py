"""What most tests of sessions begin with."""

import pytest

plain_and_tls = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def location(backend, *settings):
    return f"location / {{ ws_pass {backend.address}; {' '.join(settings)} }}"


def opened(front, raw, **options):
    client = raw(front.port, **options)
    client.open("/")
    return client
