"""A worker whose time is up tells every client that it leaves, those too that do not read just then:
they find it behind what was sent before."""

import pytest

from harness.backends import ScriptedBackend, SilentBackend
from harness.gateway import client_tls
from harness.raw import BINARY, Closed, RawClient, frame
from harness.sessions import plain_and_tls

GOODBYE = (1001, "gateway is shutting down")


def flood(connection):
    """Speaks until the gateway ends it, and takes nothing."""
    piece = bytes(range(256)) * 512
    try:
        while True:
            connection.send(piece)
    except OSError:
        pass


def last_words(client):
    """Code and reason of the Close that ends everything, or how it ended without one."""
    try:
        return client.read_to_close()[1:]
    except Closed as end:
        return end.how, len(end.rest)


@plain_and_tls
@pytest.mark.parametrize("settings", ["", "ws_client_window 64k;", "ws_client_window 0;",
                                      "ws_frame_type binary; ws_notsent_lowat 0;",
                                      "ws_deflate on;", "ws_framing line max=1m;"])
@pytest.mark.parametrize("receive_buffer", [None, 8192], ids=["roomy", "narrow"])
def test_client_that_does_not_read_finds_the_goodbye(gateway, backend, tls, settings, receive_buffer):
    service = backend(ScriptedBackend, flood)
    front = gateway(f"location / {{ ws_pass {service.address}; {settings} }}", tls=tls,
                    main="worker_shutdown_timeout 300ms;")
    clients = []
    for _ in range(10):
        client = RawClient(front.ssl_port if tls else front.port, receive_buffer=receive_buffer,
                           tls=client_tls() if tls else None)
        client.open("/")
        clients.append(client)
    front.wait_log("session opened")
    front.quit()
    assert front.wait() == 0
    assert [last_words(client) for client in clients] == [GOODBYE] * len(clients)
    assert {client.read_end() for client in clients} <= {"eof", "reset"}
    for client in clients:
        client.close()


@pytest.mark.parametrize("size, ended", [(10_000, "eof"), (1_000_000, "reset")])
def test_backend_that_does_not_read_gets_all_or_a_reset(gateway, backend, raw, size, ended):
    service = backend(SilentBackend, receive_buffer=8192)
    front = gateway(f"location / {{ ws_pass {service.address}; ws_backend_window 16k; }}",
                    main="worker_shutdown_timeout 300ms;")
    client = raw(front.port)
    client.open("/")
    client.send(frame(BINARY, b"a" * size))
    connection = service.wait_connection()
    front.quit()
    assert client.read_close() == GOODBYE
    assert front.wait() == 0
    service.resume()
    assert connection.wait_ended() == ended
    assert (len(connection.received) == size) == (ended == "eof")
