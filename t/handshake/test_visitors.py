"""A visitor who opens the address of a WebSocket in a browser reads what it is for."""

import http.client

from harness.backends import EchoBackend


def visit(front, path="/", **fields):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    connection.request("GET", path, headers=fields)
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), response.read().decode()


def test_visitor_reads_what_the_address_is_for(gateway, backend):
    front = gateway(f"location / {{ ws_pass {backend(EchoBackend).address}; }}")
    status, fields, text = visit(front)
    assert status == 426
    assert fields["Content-Type"].startswith("text/plain")
    assert fields["Upgrade"] == "websocket"
    assert text == "426: this address is for WebSockets; a page connects to it.\n"


def test_client_of_another_version_reads_which_one_is_spoken(gateway, backend):
    front = gateway(f"location / {{ ws_pass {backend(EchoBackend).address}; }}")
    status, fields, _ = visit(front, Upgrade="websocket", Connection="Upgrade",
                              **{"Sec-WebSocket-Version": "8",
                                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert (status, fields["Sec-WebSocket-Version"]) == (426, "13")


def test_page_of_the_configuration_has_precedence(gateway, backend):
    front = gateway(
        f"error_page 426 =200 /hello; location = /hello {{ return 200 \"a page\"; }}"
        f" location /console {{ ws_pass {backend(EchoBackend).address}; }}")
    status, _, text = visit(front, "/console")
    assert (status, text) == (200, "a page")
