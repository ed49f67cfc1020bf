"""The connection to the backend: 101 means that it stands, and upstream{} works as everywhere."""

import socket
import time
from pathlib import Path

import pytest

from harness.backends import Backend, EchoBackend, ResetBackend, has_ipv6
from harness.black_hole import BlackHole
from harness.gateway import wait_until
from harness.raw import BINARY

TARGETS = {"log_format": "$status $upstream_addr"}


def connects(client, path="/"):
    """Whether a session begins, and bytes go there and back."""
    client.open(path)
    client.send_frame(BINARY, b"there and back")
    return client.read_data(14) == b"there and back"


@pytest.fixture
def dead():
    """Addresses at which nobody listens, bound so that nobody begins to."""
    sockets = []

    def make():
        sockets.append(socket.socket())
        sockets[-1].bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sockets[-1].getsockname()[1]}"

    yield make
    for one in sockets:
        one.close()


@pytest.fixture
def black_hole():
    hole = BlackHole()
    yield hole
    hole.close()


def upstream(*servers):
    """One that shall be tried behind the others is a backup: nginxes begin with any server."""
    return "upstream service {" + "".join(f" server {one};" for one in servers) + "}"


# --- the client hears what became of it


def test_refused_connection_is_502(gateway, raw, dead):
    front = gateway(f"location / {{ ws_pass {dead()}; }}")
    client = raw(front.port)
    response = client.handshake("/")
    assert response.status == 502
    assert response.get("upgrade") is None and response.get("sec-websocket-accept") is None


def test_missing_unix_socket_is_502(gateway, raw, tmp_path):
    front = gateway(f"location / {{ ws_pass unix:{tmp_path}/none; }}")
    front.allow(r"\[crit\].*connect\(\) to unix:")
    assert raw(front.port).handshake("/").status == 502


def test_backend_that_does_not_answer_is_504_in_time(gateway, raw, black_hole):
    front = gateway(f"location / {{ ws_pass {black_hole.address}; ws_connect_timeout 300ms; }}",
                    **TARGETS)
    began = time.monotonic()
    assert raw(front.port).handshake("/").status == 504
    assert 0.25 < time.monotonic() - began < 5
    assert front.access_log(1) == [f"504 {black_hole.address}"]


def test_no_101_before_the_backend_stands(gateway, raw, black_hole):
    front = gateway(f"location / {{ ws_pass {black_hole.address}; }}")
    client = raw(front.port)
    client.send(client.request("/"))
    client.nothing_comes(0.3)
    black_hole.serve()
    assert client.read_response().status == 101
    client.send_frame(BINARY, b"late")
    assert client.read_data(4) == b"late"


def test_frames_sent_before_the_backend_stands_arrive(gateway, raw, black_hole):
    front = gateway(f"location / {{ ws_pass {black_hole.address}; }}")
    client = raw(front.port)
    client.send(client.request("/"))
    client.send_frame(BINARY, b"impatient, ")
    client.nothing_comes(0.1)
    client.send_frame(BINARY, b"very")
    black_hole.serve()
    assert client.read_response().status == 101
    assert client.read_data(15) == b"impatient, very"


def test_client_that_leaves_before_the_backend_stands_is_noticed(gateway, raw, black_hole):
    front = gateway(f"location / {{ ws_pass {black_hole.address}; }}", **TARGETS)
    client = raw(front.port)
    client.send(client.request("/"))
    client.nothing_comes(0.1)
    client.close()
    assert front.access_log(1) == [f"499 {black_hole.address}"]


def test_connection_stands_before_the_backend_accepts(gateway, raw):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    with listener:
        front = gateway(f"location / {{ ws_pass 127.0.0.1:{listener.getsockname()[1]}; }}")
        client = raw(front.port)
        client.open("/")
        client.send_frame(BINARY, b"x" * 50000)
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(10)
            data = b""
            while len(data) < 50000:
                data += accepted.recv(65536)
            accepted.sendall(b"here I am")
            assert client.read_data(9) == b"here I am"


# --- upstream{}


def test_dead_server_is_passed_over(gateway, backend, raw, dead):
    first, echo = dead(), backend(EchoBackend)
    front = gateway("location / { ws_pass service; }", http=upstream(first, f"{echo.address} backup"),
                    **TARGETS)
    client = raw(front.port)
    assert connects(client)
    client.close()
    assert front.access_log(1) == [f"101 {first}, {echo.address}"]


def test_all_servers_dead_is_502(gateway, raw, dead):
    first, second = dead(), dead()
    front = gateway("location / { ws_pass service; }", http=upstream(first, second), **TARGETS)
    assert raw(front.port).handshake("/").status == 502
    assert raw(front.port).handshake("/").status == 502
    # The second time none is asked.
    both, none = front.access_log(2)
    assert both in (f"502 {first}, {second}", f"502 {second}, {first}")
    assert none == "502 service"


def test_dead_server_is_left_out_for_a_while(gateway, backend, raw, dead):
    first, echo = dead(), backend(EchoBackend)
    front = gateway(
        "location / { ws_pass service; }", **TARGETS,
        http=upstream(f"{first} max_fails=2 fail_timeout=60s", f"{echo.address} backup"))
    for _ in range(8):
        client = raw(front.port)
        assert connects(client)
        client.close()
    lines = front.access_log(8)
    assert lines.count(f"101 {first}, {echo.address}") == 2
    assert lines.count(f"101 {echo.address}") == 6


def test_session_that_ends_badly_is_no_failure_of_its_server(gateway, backend, raw):
    wild = backend(ResetBackend, 4)
    other = backend(EchoBackend)
    front = gateway(
        "location / { ws_pass service; }", **TARGETS,
        http=upstream(f"{wild.address} max_fails=1 fail_timeout=60s", f"{other.address} backup"))
    for _ in range(3):
        client = raw(front.port)
        client.open("/")
        client.send_frame(BINARY, b"kill")
        assert client.read_close()[0] == 1011
        client.close()
    assert front.access_log(3) == [f"101 {wild.address}"] * 3


def test_next_upstream_off_tries_one(gateway, backend, raw, dead):
    first, echo = dead(), backend(EchoBackend)
    front = gateway("location / { ws_pass service; ws_next_upstream off; }",
                    http=upstream(first, f"{echo.address} backup"), **TARGETS)
    assert raw(front.port).handshake("/").status == 502
    assert front.access_log(1) == [f"502 {first}"]


@pytest.mark.parametrize("tries, status", [(1, 502), (2, 502), (3, 101), (0, 101)])
def test_next_upstream_tries_are_counted(gateway, backend, raw, dead, tries, status):
    one, two, echo = dead(), dead(), backend(EchoBackend).address
    front = gateway(f"location / {{ ws_pass service; ws_next_upstream_tries {tries}; }}",
                    http=upstream(one, two, f"{echo} backup"), **TARGETS)
    client = raw(front.port)
    assert client.handshake("/").status == status
    client.close()
    [line] = front.access_log(1)
    assert line in [f"{status} " + ", ".join(servers[:tries or 3])
                    for servers in ((one, two, echo), (two, one, echo))]


def test_server_that_does_not_answer_is_passed_over(gateway, backend, raw, black_hole):
    echo = backend(EchoBackend)
    front = gateway("location / { ws_pass service; ws_connect_timeout 200ms; }",
                    http=upstream(black_hole.address, f"{echo.address} backup"), **TARGETS)
    client = raw(front.port)
    assert connects(client)
    client.close()
    assert front.access_log(1) == [f"101 {black_hole.address}, {echo.address}"]


@pytest.mark.parametrize("settings", ["ws_next_upstream error;", "ws_next_upstream_timeout 100ms;"])
def test_server_that_does_not_answer_may_be_the_last(gateway, backend, raw, black_hole, settings):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass service; ws_connect_timeout 200ms; {settings} }}",
                    http=upstream(black_hole.address, f"{echo.address} backup"), **TARGETS)
    assert raw(front.port).handshake("/").status == 504
    assert front.access_log(1) == [f"504 {black_hole.address}"]


def test_server_is_free_again_after_its_session(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway("location / { ws_pass service; }",
                    http=upstream(f"{echo.address} max_conns=1"), **TARGETS)
    for number in range(3):
        client = raw(front.port)
        assert connects(client)
        assert raw(front.port).handshake("/").status == 502
        client.close()
        front.access_log(2 * number + 2)


def test_connection_of_a_session_is_not_kept_for_another(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway("location / { ws_pass service; }",
                    http="upstream service { server %s; keepalive 4; }" % echo.address)
    for number in range(3):
        client = raw(front.port)
        assert connects(client)
        client.send_close(1000)
        assert client.read_close() == (1000, "")
        assert echo.wait_connection(number).wait_ended() == "eof"
    assert len(echo.connections) == 3


# --- kinds of addresses


def test_unix_socket(gateway, backend, raw):
    echo = backend(EchoBackend, unix=True)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", **TARGETS)
    client = raw(front.port)
    assert connects(client)
    client.close()
    assert front.access_log(1) == [f"101 {echo.address}"]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(gateway, backend, raw):
    echo = backend(EchoBackend, host="::1")
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", **TARGETS)
    client = raw(front.port)
    assert connects(client)
    client.close()
    assert front.access_log(1) == [f"101 {echo.address}"]


# --- options of the socket


class PeerBackend(Backend):
    """Says from where it was dialled."""

    def serve(self, connection):
        connection.send(connection.sock.getpeername()[0].encode())
        connection.read_all()


@pytest.mark.parametrize("bind, seen", [
    ("ws_bind 127.0.0.2;", b"127.0.0.2"),
    ("set $from 127.0.0.3; ws_bind $from;", b"127.0.0.3"),
    ("ws_bind off;", b"127.0.0.1"),
    ("", b"127.0.0.1"),
])
def test_backend_is_dialled_from_the_bound_address(gateway, backend, raw, bind, seen):
    peer = backend(PeerBackend)
    front = gateway(f"location / {{ ws_pass {peer.address}; {bind} }}")
    client = raw(front.port)
    client.open("/")
    assert client.read_data(9) == seen


def test_bind_is_inherited_and_ended(gateway, backend, raw):
    peer = backend(PeerBackend)
    front = gateway(f"location /a {{ ws_pass {peer.address}; }}"
                    f"location /b {{ ws_pass {peer.address}; ws_bind off; }}",
                    server="ws_bind 127.0.0.2;")
    for path, seen in (("/a", b"127.0.0.2"), ("/b", b"127.0.0.1")):
        client = raw(front.port)
        client.open(path)
        assert client.read_data(9) == seen


def timer_of_connection_to(port):
    """The kernel's timer of the only connection to this port of 127.0.0.1: 0 is none, 2 is the one
    for keepalive probes."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    [row] = [row for row in rows if row[2] == f"0100007F:{port:04X}" and row[3] == "01"]
    return int(row[5].split(":")[0])


@pytest.mark.parametrize("setting, timer", [
    ("ws_socket_keepalive on;", 2), ("ws_socket_keepalive off;", 0), ("", 0)])
def test_socket_keepalive_is_asked_for(gateway, backend, raw, setting, timer):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; {setting} }}")
    client = raw(front.port)
    assert connects(client)
    wait_until(lambda: timer_of_connection_to(echo.port) == timer, what=f"timer {timer}")
