"""docs/resume-protocol.md, section 1: which subprotocol is taken, and what the service is told of it."""

import pytest

from harness.backends import EchoBackend
from harness.raw import BINARY
from harness.resumable import resumable
from harness.resume_client import CLOUD, OWN, SSH

__all__ = ["resumable"]


@pytest.fixture
def answer(gateway, backend, raw):
    """answer(settings, offers): what Sec-WebSocket-Protocol says."""
    service = backend(EchoBackend)
    places = {"off": "", "listed": f"ws_subprotocol mqtt {SSH};", "lines": "ws_resume on; ws_framing line;",
              "on": "ws_resume on;", "on_listed": f"ws_resume on; ws_subprotocol mqtt {SSH};"}
    front = gateway("".join(f"location /{place} {{ ws_pass {service.address}; {settings} }}"
                            for place, settings in places.items()))

    def ask(place, *offers):
        client = raw(front.port)
        response = client.open(f"/{place}", fields=[("Sec-WebSocket-Protocol", ", ".join(offers))])
        taken = response.get("sec-websocket-protocol")
        if taken not in (OWN, SSH, CLOUD):
            client.send_frame(BINARY, b"raw")
            assert client.read_data(3) == b"raw"
        return taken

    return ask


@pytest.mark.parametrize("place, offers, taken", [
    ("on", [SSH, OWN], OWN),
    ("on", [OWN, SSH], OWN),
    ("on", ["mqtt", CLOUD, OWN], OWN),
    ("on", ["mqtt", CLOUD, SSH], CLOUD),
    ("on", [SSH, CLOUD], SSH),
    ("on", ["SSH", "V1.resume.ngx-ws-filter"], "SSH"),
    ("on_listed", ["mqtt", SSH], SSH),
    ("off", [SSH], None),
    ("off", [CLOUD, SSH, OWN, "mqtt"], "mqtt"),
    ("listed", [OWN, SSH, "mqtt"], SSH),
    ("listed", [CLOUD], None),
    ("lines", [SSH, OWN], OWN),
    ("lines", [SSH], None),
    ("lines", [CLOUD, "mqtt"], "mqtt"),
])
def test_name_that_is_taken(answer, place, offers, taken):
    assert answer(place, *offers) == taken


@pytest.mark.parametrize("offers, told", [
    ([], ""), (["other"], ""), (["mqtt"], "mqtt"), (["binary", "mqtt"], "binary")])
def test_service_s_subprotocol_is_told_in_limits(resumable, offers, told):
    one = resumable(settings="ws_subprotocol mqtt binary;", how={"offers": offers})
    assert one.limits["service"] == told
    one.cut("reset")
    one.resume()
    assert one.limits["service"] == told


@pytest.mark.parametrize("offers", [[OWN], ["other", OWN], [SSH]])
def test_request_without_the_required_one_is_refused(gateway, backend, raw, offers):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_resume on;"
                    " ws_subprotocol mqtt required; }")
    response = raw(front.port).handshake(fields=[("Sec-WebSocket-Protocol", ", ".join(offers))])
    assert response.status == 400
    service.assert_never_dialled()
