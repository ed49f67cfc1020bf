"""Subrequests beside a session, which may outlive it, and subrequests to its location."""

import re
import threading
import time

import pytest

from harness.backends import EchoBackend, ScriptedBackend, SilentBackend
from harness.raw import BINARY, frame


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


def assert_relays(client, data=b"through"):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def close_normally(client):
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"
    client.close()


def test_session_may_end_before_a_mirrored_subrequest(gateway, backend, raw):
    echo, silent = backend(EchoBackend), backend(SilentBackend)
    front = gateway(f"""
        location /ws     {{ ws_pass {echo.address}; mirror /mirror; ws_close_timeout 300ms; }}
        location /mirror {{ internal; proxy_pass http://{silent.address}; proxy_read_timeout 1s; }}
    """)
    clients = []
    for _ in range(3):
        client = raw(front.port)
        client.open("/ws")
        client.send(frame(BINARY, b"hello"))
        assert client.read_data(5) == b"hello"
        client.send_close(1000)
        assert client.read_close() == (1000, "")
        clients.append(client)
    # What comes now finds no session.
    for client in clients:
        client.send(frame(BINARY, b"x" * 1000))
    clients.pop().close()
    clients.pop().reset()
    assert clients.pop().read_end() in ("eof", "reset")
    assert front.workers()


def test_auth_request_lets_in_and_refuses(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{
            ws_pass {echo.address};
            auth_request /auth;
            auth_request_set $user $upstream_http_x_user;
            add_header X-User $user always;
        }}
        location /auth {{ proxy_pass http://127.0.0.1:@PORT@/$http_x_status; }}
        location /204 {{ add_header X-User me; return 204; }}
        location /401 {{ return 401; }}
        location /403 {{ return 403; }}
        """)
    client = raw(front.port)
    response = client.handshake("/", fields=(("X-Status", "204"),), then=frame(BINARY, b"early"))
    assert (response.status, response.get("x-user")) == (101, "me")
    assert client.read_data(5) == b"early"
    assert_relays(client)
    close_normally(client)
    for status in (401, 403):
        client = raw(front.port)
        assert client.handshake("/", fields=(("X-Status", status),)).status == status
    assert len(echo.connections) == 1


def test_location_as_the_target_of_a_subrequest_is_an_error_and_no_more(gateway, echo, raw):
    front = gateway(
        f"""
        location /asks {{ auth_request /ws; root @PREFIX@; try_files /nginx.conf =404; }}
        location /ws {{ ws_pass {echo.address}; }}
        location /both {{ auth_request /ws; ws_pass {echo.address}; }}
        location /adds {{ add_before_body /ws; default_type text/html; root @PREFIX@;
                          try_files /nginx.conf =404; }}
        """)
    for path in ("/asks", "/both"):
        client = raw(front.port)
        assert client.handshake(path).status == 500
    client = raw(front.port)
    client.send(client.request("/adds"))
    assert client.read_response().status == 200
    client.close()
    front.wait_log(r"\[error\] .*ws: ws_pass cannot serve a subrequest")
    assert not echo.connections
    client = raw(front.port)
    client.open("/ws")
    assert_relays(client)


class Mirror(ScriptedBackend):
    """An HTTP server that takes its time to answer."""

    def __init__(self, **options):
        self.answer = threading.Event()
        super().__init__(self._serve, **options)

    def _serve(self, connection):
        connection.read()
        self.answer.wait(20)
        connection.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("end", ["close", "reset", "backend", "violation"])
def test_session_that_ends_before_its_mirror(gateway, backend, raw, end):
    """The request lives on while its background subrequest does, and its session does not."""
    def serve(connection):
        while data := connection.read():
            if data == b"end":
                return
            connection.send(data)

    service, mirror = backend(ScriptedBackend, serve), backend(Mirror)
    front = gateway(
        f"""
        location / {{ ws_pass {service.address}; mirror /mirror; ws_close_timeout 200ms; }}
        location /mirror {{ internal; proxy_pass http://{mirror.address}; }}
        """,
        server="lingering_timeout 300ms;", log_format="$uri $status $ws_close_code")
    worker = front.workers()
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    mirror.wait_connection()
    if end == "close":
        client.send_close(1000)
        assert client.read_close() == (1000, "")
    elif end == "backend":
        client.send_frame(BINARY, b"end")
        assert client.read_close() == (1000, "")
    elif end == "violation":
        client.send(b"\xff\xff")
        assert client.read_close()[0] == 1002
    else:
        client.reset()
    if end != "backend":
        service.connections[0].wait_ended()
    for _ in range(3):  # the client goes on talking to a session that is over
        try:
            client.send(frame(BINARY, b"late"))
            time.sleep(0.1)
        except OSError:
            break
    client.close()
    mirror.answer.set()
    assert re.fullmatch(r"/ 101 \d+", front.access_log(1)[0])
    assert front.workers() == worker
    client = raw(front.port)
    client.open("/")
    assert_relays(client)


def test_mirror_that_ends_first_leaves_the_session_alone(gateway, backend, echo, raw):
    mirror = backend(Mirror)
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; mirror /mirror; }}
        location /mirror {{ internal; log_subrequest on; proxy_pass http://{mirror.address}; }}
        """, log_format="$uri $status")
    client = raw(front.port)
    client.open("/")
    mirror.wait_connection()
    mirror.answer.set()
    assert front.access_log(1)[0].startswith("/mirror 204")
    assert_relays(client)
    close_normally(client)


@pytest.mark.parametrize("end", [close_normally, lambda client: client.reset()],
                         ids=["closed", "reset"])
def test_post_action_after_a_session(gateway, echo, raw, end):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; post_action /after; }}
        location /after {{ internal; proxy_pass http://127.0.0.1:@PORT@/seen; }}
        location /seen {{ return 204; }}
        """)
    worker = front.workers()
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    end(client)
    echo.connections[0].wait_ended()
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    assert front.workers() == worker


def test_post_action_at_the_shutdown_of_the_worker(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; post_action /after; }}
        location /after {{ internal; proxy_pass http://{echo.address}; }}
        """,
        main="worker_shutdown_timeout 200ms;")
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    front.quit()
    assert client.read_close() == (1001, "gateway is shutting down")
    front.wait()
