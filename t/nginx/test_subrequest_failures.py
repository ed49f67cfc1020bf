"""Subrequests that fail, come late or are delayed beside a session: nginx then changes the handlers
and timers of the client's connection, and the session goes on."""

import time

import pytest

from harness.backends import EchoBackend, ScriptedBackend, SilentBackend
from harness.gateway import wait_until
from harness.ports import free_port
from harness.raw import BINARY, CLOSE, PING, frame

# What becomes of the mirrored request. @CLOSED@ is a port where nobody listens.
FAILURES = {
    "refused": "proxy_pass http://127.0.0.1:@CLOSED@;",
    "timed out": "proxy_pass http://@SILENT@; proxy_read_timeout 200ms;",
    "forbidden": "deny all;",
    "returned": "return 503;",
    "redirected": "return 302 /elsewhere;",
    "intercepted": "proxy_pass http://127.0.0.1:@PORT@/status; proxy_intercept_errors on;"
                   " error_page 500 502 = /other;",
    "missing": "root @PREFIX@/nowhere;",
}


@pytest.fixture(params=FAILURES.values(), ids=FAILURES.keys())
def mirrored(request, gateway, backend, raw):
    """Opens a session whose mirror has failed already: mirrored(settings, kind of its backend)."""
    def start(settings="", kind=EchoBackend, *arguments, **parts):
        service, silent = backend(kind, *arguments), backend(SilentBackend)
        target = request.param.replace("@CLOSED@", str(free_port()))
        target = target.replace("@SILENT@", silent.address)
        front = gateway(
            f"""
            location / {{ ws_pass {service.address}; mirror /mirror; {settings} }}
            location /mirror {{ internal; log_subrequest on; {target} }}
            location /other {{ internal; log_subrequest on; deny all; }}
            location /status {{ return 500; }}
            """, log_format="$uri $status $ws_close_code", **parts)
        client = raw(front.port, receive_buffer=8192)
        client.open("/")
        wait_until(lambda: any(line.startswith(("/mirror", "/other"))
                               for line in front.access_log()), what="the end of the mirror")
        return front, service, client

    return start


def assert_relays(client, data=b"through"):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def test_session_outlives_a_subrequest_that_fails(mirrored):
    front, service, client = mirrored()
    assert_relays(client)
    assert_relays(client, b"x" * 300_000)
    client.send_close(4000)
    assert client.read_close() == (4000, "")
    assert client.read_end() == "eof"
    assert service.wait_connection().wait_ended() == "eof"
    client.close()
    wait_until(lambda: "/ 101 4000" in front.access_log(), what="the session's line")


def test_clock_goes_on_after_a_subrequest_that_fails(mirrored):
    _, service, client = mirrored("ws_ping_interval 300ms; ws_pong_timeout 300ms;")
    got = client.read_frame()
    assert got.opcode == PING
    assert client.read_close() == (1008, "no pong in time")
    client.close()
    assert service.wait_connection().wait_ended() == "eof"


def test_client_that_vanishes_after_a_failed_subrequest_is_noticed(mirrored):
    front, service, client = mirrored()
    files = front.open_files()
    client.reset()
    service.wait_connection().wait_ended()
    wait_until(lambda: front.open_files() < files, what="the end of both connections")


def test_backend_is_slow_after_a_failed_subrequest(mirrored):
    """The client's own send timer works, and stops when the client reads again."""
    data = b"y" * 8_000_000
    front, _, client = mirrored("ws_send_timeout 400ms;", ScriptedBackend,
                                lambda connection: connection.send(data))
    front.wait_log("client takes no data")
    client.close()


def test_worker_that_ends_tells_a_client_whose_subrequest_failed(mirrored):
    front, _, client = mirrored(main="worker_shutdown_timeout 200ms;")
    front.quit()
    assert client.read_close() == (1001, "gateway is shutting down")
    assert front.wait() == 0


def test_subrequest_that_connects_late_leaves_the_clock_alone(gateway, backend, raw):
    """Then nginx deletes the timer of the client's connection, as it does for any request."""
    def late(connection):
        connection.read()
        time.sleep(0.4)
        connection.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    echo, slow, target = backend(EchoBackend), backend(ScriptedBackend, late), backend(SilentBackend)
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; mirror /mirror; ws_ping_interval 1s;
                      ws_pong_timeout 1s; }}
        location /mirror {{ internal; auth_request /slow; proxy_pass http://{target.address}; }}
        location /slow {{ internal; proxy_pass http://{slow.address}; }}
        """)
    client = raw(front.port, receive_buffer=8192)
    client.open("/")
    target.wait_connection()
    assert client.read_frame().opcode == PING
    assert client.read_close() == (1008, "no pong in time")


@pytest.mark.parametrize("rate", ["1r/m", "4r/s"])
def test_rate_limit_of_a_subrequest_does_not_hold_the_session_up(gateway, backend, raw, rate):
    echo = backend(EchoBackend)
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; mirror /mirror; ws_ping_interval 1s; }}
        location /mirror {{ internal; limit_req zone=few burst=20;
                            proxy_pass http://127.0.0.1:@PORT@/ok; }}
        location /ok {{ return 204; }}
        """, http=f"limit_req_zone $binary_remote_addr zone=few:1m rate={rate};",
        log_format="$uri $status $ws_close_code")
    for _ in range(3):
        client = raw(front.port, timeout=5)
        client.open("/", then=frame(BINARY, b"early"))
        assert client.read_data(5) == b"early"
        assert_relays(client, b"x" * 300_000)
        # Beyond the delay, for the shorter one.
        assert client.read_frame().opcode == PING
        assert_relays(client)
        client.send_frame(CLOSE, b"")
        assert client.read_close() == (None, "")
        assert client.read_end() == "eof"
        client.close()
    assert len(echo.connections) == 3
