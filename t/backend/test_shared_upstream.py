"""An upstream{} that sessions share with proxy_pass and its keepalive: a connection that has spoken
HTTP is never a session's backend, and none of ours is left to anybody else."""

import threading

import pytest

from harness.backends import Backend
from harness.gateway import wait_until
from harness.ports import free_port
from harness.raw import BINARY, CLOSE, close_payload, frame

MODES = pytest.mark.parametrize("target", ["shared", "$target"], ids=["name", "variable"])


class Both(Backend):
    """Answers HTTP requests and keeps the connection, and echoes whatever else comes."""

    def serve(self, connection):
        while data := connection.read():
            if data.startswith(b"GET "):
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhttp")
            else:
                connection.send(data)


def shared(gateway, target, *servers, settings="", more="", **parts):
    lines = "".join(f"server {one};" for one in servers)
    return gateway(
        f"""
        location /http {{ proxy_pass http://shared; proxy_http_version 1.1;
                          proxy_set_header Connection ""; }}
        location /ws {{ ws_pass {target}; {settings} add_header X-Server $upstream_addr always; }}
        {more}
        """, http=f"upstream shared {{ {lines} keepalive 8; }}", server='set $target "shared";',
        **parts)


def get(raw, front):
    client = raw(front.port)
    client.send(b"GET /http HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    response = client.read_response()
    assert response.status == 200
    assert client.read_rest() == b"http"


@MODES
@pytest.mark.parametrize("settings", ["", "ws_proxy_protocol v1;"], ids=["plain", "proxied"])
def test_session_has_a_connection_of_its_own(gateway, backend, raw, target, settings):
    both = backend(Both)
    front = shared(gateway, target, both.address, settings=settings)
    for number in range(3):
        get(raw, front)
        wait_until(lambda: len(both.connections) == 2 * number + 1, what="the connection for HTTP")
        client = raw(front.port)
        client.open("/ws")
        client.send_frame(BINARY, b"to and fro")
        if settings:
            assert client.read_data(30).startswith(b"PROXY TCP4 127.0.0.1")
        else:
            assert client.read_data(10) == b"to and fro"
        connection = both.wait_connection(2 * number + 1)
        assert not connection.received.startswith(b"GET")
        client.send_close(1000)
        assert client.read_frame().opcode in (BINARY, CLOSE)
        client.close()
        # The next request cannot have it either.
        connection.wait_ended()


@MODES
def test_server_is_not_blamed_for_a_used_connection(gateway, backend, raw, target):
    """Each of two servers, with max_fails=1, gets its turns after the other."""
    first, second = backend(Both), backend(Both)
    front = shared(gateway, target, first.address, second.address)
    for _ in range(4):
        get(raw, front)
    seen = set()
    for _ in range(4):
        client = raw(front.port)
        seen.add(client.open("/ws").get("x-server"))
        client.send_frame(BINARY, b"here")
        assert client.read_data(4) == b"here"
    assert seen == {first.address, second.address}
    assert "disabled" not in front.error_log()


def test_session_that_fails_before_its_server_is_chosen(gateway, backend, raw):
    """ws_bind with an address that does not exist, and an error page with the same upstream."""
    both = backend(Both)
    front = shared(
        gateway, "shared", both.address, settings="ws_bind 192.0.2.1; error_page 500 502 = /next;",
        more="location /next { internal; ws_pass shared; }"
             " location /bad { ws_pass shared; ws_bind $arg_from; error_page 500 502 = /next; }")
    front.allow(r"bind\(192.0.2.1\) failed")
    for path in ("/ws", "/bad?from=nonsense", "/bad?from=192.0.2.1"):
        get(raw, front)
        client = raw(front.port)
        client.open(path)
        client.send_frame(BINARY, b"here")
        assert client.read_data(4) == b"here"
        get(raw, front)


def test_dead_connections_of_the_cache_do_not_matter(gateway, backend, raw):
    """The server ends idle connections while a session is dialled, again and again."""
    stop = threading.Event()

    class Impatient(Both):
        def serve(self, connection):
            data = connection.read()
            if data.startswith(b"GET "):
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhttp")
                stop.wait(0.005)
                connection.reset()
                return
            while data:
                connection.send(data)
                data = connection.read()

    impatient = backend(Impatient)
    front = shared(gateway, "shared", impatient.address, f"127.0.0.1:{free_port()} backup")
    for _ in range(30):
        get(raw, front)
        client = raw(front.port)
        client.open("/ws", then=frame(BINARY, b"early") + frame(CLOSE, close_payload(4000)))
        assert client.read_to_close()[1] == 4000
        client.close()
