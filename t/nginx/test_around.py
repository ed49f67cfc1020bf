"""The rest of nginx around a location with ws_pass works, and crashes nothing."""

import re
import time

import pytest

from harness.backends import EchoBackend
from harness.gateway import client_tls
from harness.raw import BINARY, frame
from harness.sessions import plain_and_tls

EVIL = (("Origin", "https://evil.example"),)


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def closed_port(backend):
    """A port that refuses: one that was listened on a moment ago."""
    service = backend(EchoBackend)
    service.stop()
    return service.port


def assert_relays(client, data=b"through"):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def get(client, path, **how):
    """A plain request; the status, the fields and the body."""
    response = client.handshake(path, without=("Upgrade", "Connection"), **how)
    return response, client.read(int(response.get("content-length") or 0))


def close_normally(client):
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"
    client.close()


# --- error_page and internal redirects

def test_error_page_for_each_refusal(gateway, echo, raw, closed_port):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; error_page 400 403 405 426 /sorry; }}
        location /named {{ ws_pass {echo.address}; error_page 403 = @sorry; }}
        location /gone {{ ws_pass 127.0.0.1:{closed_port}; error_page 502 =200 /sorry; }}
        location /sorry {{ internal; return 200 "sorry"; }}
        location @sorry {{ return 410 "named"; }}
        """)
    for path, how, status, body in (
            ("/", {"fields": EVIL}, 403, b"sorry"),
            ("/", {"without": ("Upgrade",)}, 426, b"sorry"),
            ("/", {"without": ("Sec-WebSocket-Key",)}, 400, b"sorry"),
            ("/", {"method": "POST"}, 405, b"sorry"),
            ("/named", {"fields": EVIL}, 410, b"named"),
            ("/gone", {}, 200, b"sorry")):
        client = raw(front.port)
        response = client.handshake(path, **how)
        # "return" in the page of an error keeps the error's status, unless "=" replaces it.
        assert (response.status, client.read(len(body))) == (status, body), path
        client.close()
    front.access_log(6)
    warned = [line for line in front.error_log().splitlines() if "[warn]" in line]
    assert len(warned) == 2


def test_page_for_visitors_without_a_websocket(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; error_page 426 =200 /page; }}
        location /page {{ default_type text/html; return 200 "a page"; }}
        """)
    client = raw(front.port)
    response, body = get(client, "/")
    assert (response.status, body) == (200, b"a page")
    client = raw(front.port)
    client.open("/")
    assert_relays(client)


def test_fallback_to_another_ws_pass(gateway, echo, raw, closed_port):
    front = gateway(
        f"""
        location / {{ ws_pass 127.0.0.1:{closed_port}; error_page 502 = @second; }}
        location @second {{ ws_pass {echo.address}; }}
        """,
        log_format="$status $upstream_addr $ws_bytes_in $ws_close_code")
    client = raw(front.port)
    assert client.handshake("/", then=frame(BINARY, b"early")).status == 101
    assert client.read_data(5) == b"early"
    assert_relays(client)
    close_normally(client)
    line, = front.access_log(1)
    assert line == f"101 127.0.0.1:{closed_port} : {echo.address} 12 1000"


@pytest.mark.parametrize("how, status", [("", 502), ("=451", 451), ("=200", 500)])
def test_error_page_with_a_status_of_its_own_is_no_session(gateway, echo, raw, closed_port, how,
                                                           status):
    """nginx would put that status in the place of the 101."""
    front = gateway(f"""
        location / {{ ws_pass 127.0.0.1:{closed_port}; error_page 502 {how} /second; }}
        location /second {{ internal; ws_pass {echo.address}; }}
    """)
    client = raw(front.port)
    response = client.handshake("/")
    assert response.status == status
    assert response.get("sec-websocket-accept") is None
    front.wait_log("ws: an error page keeps its status")
    assert not echo.connections


def test_fallback_does_not_forget_the_origin(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; ws_origin none; error_page 403 = @second; }}
        location @second {{ ws_pass {echo.address}; ws_origin none; }}
        """)
    client = raw(front.port)
    assert client.handshake("/").status == 403
    assert not echo.connections


def test_try_files_serves_files_and_upgrades(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{ root @PREFIX@; try_files $uri @websocket; }}
        location @websocket {{ ws_pass {echo.address}; }}
        """)
    client = raw(front.port)
    response, body = get(client, "/nginx.conf")
    assert response.status == 200 and b"@websocket" in body
    client = raw(front.port)
    client.open("/console")
    assert_relays(client)
    client = raw(front.port)
    assert client.handshake("/console", fields=EVIL).status == 403


def test_rewrite_and_index_lead_to_the_location(gateway, echo, raw):
    front = gateway(
        f"""
        location /old {{ rewrite ^/old(.*)$ /ws$1 last; }}
        location /ws {{ internal; ws_pass {echo.address}; }}
        location = / {{ index ws; root @PREFIX@; try_files /none /ws; }}
        """)
    for path in ("/old/a?b=c", "/"):
        client = raw(front.port)
        client.open(path)
        assert_relays(client)
    client = raw(front.port)
    assert client.handshake("/ws").status == 404


def test_ws_pass_in_an_if_block(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{
            ws_origin same;
            ws_subprotocol ours;
            if ($http_upgrade = websocket) {{ ws_pass {echo.address}; }}
            return 200 "page";
        }}
        location /kept {{
            ws_pass {echo.address};
            if ($http_user_agent) {{ set $seen 1; }}
            add_header X-Seen "$seen" always;
        }}
        """)
    client = raw(front.port)
    assert client.handshake("/", fields=EVIL).status == 200  # "return" is before ws_pass
    client = raw(front.port)
    client.open("/kept", fields=(("User-Agent", "x"),))
    assert_relays(client)


def test_if_block_inherits_the_settings_of_its_location(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{
            root @PREFIX@;
            ws_origin same;
            ws_subprotocol ours;
            if ($http_upgrade = websocket) {{ ws_pass {echo.address}; }}
        }}
        """)
    client = raw(front.port)
    assert get(client, "/nginx.conf")[0].status == 200
    client = raw(front.port)
    assert client.handshake("/", fields=EVIL).status == 403
    client = raw(front.port)
    same = ("Origin", "http://localhost")
    response = client.open("/", fields=(same, ("Sec-WebSocket-Protocol", "other, ours")))
    assert response.get("sec-websocket-protocol") == "ours"
    assert_relays(client)


# --- limits and access

def test_limit_conn_counts_a_session_while_it_lasts(gateway, echo, raw):
    front = gateway(
        f"location / {{ ws_pass {echo.address}; limit_conn sessions 2; }}",
        http="limit_conn_zone $server_port zone=sessions:32k;")
    clients = [raw(front.port) for _ in range(2)]
    for client in clients:
        client.open("/")
    third = raw(front.port)
    assert third.handshake("/").status == 503
    close_normally(clients[0])
    front.access_log(2)
    third = raw(front.port)
    third.open("/")
    assert_relays(third)
    clients[1].reset()
    front.access_log(3)
    raw(front.port).open("/")


def test_limit_req_refuses_and_delays(gateway, echo, raw):
    front = gateway(
        f"""
        location /refuse {{ ws_pass {echo.address}; limit_req zone=refuse; }}
        location /delay {{ ws_pass {echo.address}; limit_req zone=delay burst=5; }}
        """,
        http="limit_req_zone $server_port zone=refuse:32k rate=1r/m;"
             "limit_req_zone $server_port zone=delay:32k rate=3r/s;")
    statuses = [raw(front.port).handshake("/refuse").status for _ in range(2)]
    assert statuses == [101, 503]
    clients = [raw(front.port) for _ in range(3)]
    for client in clients:  # the frames are there before the requests are let through
        client.send(client.request("/delay") + frame(BINARY, b"early"))
    for client in clients:
        assert client.read_response().status == 101
        assert client.read_data(5) == b"early"
        assert_relays(client)
    assert "delaying request" in front.error_log()


def test_deny_and_return_come_before_any_backend(gateway, echo, raw):
    front = gateway(
        f"""
        location /deny {{ ws_pass {echo.address}; deny all; }}
        location /return {{ ws_pass {echo.address}; return 418; }}
        location /close {{ ws_pass {echo.address}; return 444; }}
        location /any {{ ws_pass {echo.address}; satisfy any; deny all; auth_request /yes; }}
        location /yes {{ return 204; }}
        """)
    assert raw(front.port).handshake("/deny").status == 403
    assert raw(front.port).handshake("/return").status == 418
    client = raw(front.port)
    client.send(client.request("/close"))
    assert client.read_rest() == b""
    assert not echo.connections
    client = raw(front.port)
    client.open("/any")
    assert_relays(client)


# --- the answer

def test_add_header_is_in_the_answer(gateway, echo, raw):
    front = gateway(
        f"""location / {{ ws_pass {echo.address};
            add_header X-Always "of $host" always; add_header Set-Cookie a=b always; }}""")
    client = raw(front.port)
    response = client.open("/")
    assert (response.get("x-always"), response.get("set-cookie")) == ("of localhost", "a=b")
    assert_relays(client)
    client = raw(front.port)
    assert client.handshake("/", fields=EVIL).get("x-always") == "of localhost"


@plain_and_tls
@pytest.mark.parametrize("size", [0, 1000, 1500, 3000, 20000])
def test_answer_of_any_length_is_sent_at_once(gateway, echo, raw, size, tls):
    header = "add_header X-Long $http_x_long always;"
    front = gateway(f"location / {{ ws_pass {echo.address}; {header} }}",
                    server="large_client_header_buffers 4 64k;", tls=tls)
    client = raw(front.ssl_port if tls else front.port, tls=client_tls() if tls else None)
    response = client.open("/", fields=(("X-Long", "x" * size),))
    assert len(response.get("x-long") or "") == size
    assert_relays(client)


def test_filters_of_responses_leave_the_session_alone(gateway, echo, raw):
    front = gateway(
        f"""location / {{ ws_pass {echo.address};
            gzip on; gzip_types *; gzip_min_length 0; sub_filter a b; sub_filter_types *;
            ssi on; ssi_types *; charset utf-8; charset_types *; expires 1h; etag on;
            add_after_body /more; addition_types *; chunked_transfer_encoding on;
            postpone_output 1460; output_buffers 1 4k; default_type text/html; }}
            location /more {{ return 200 "more"; }}""")
    client = raw(front.port)
    response = client.open("/", fields=(("Accept-Encoding", "gzip"),))
    for name in ("content-encoding", "transfer-encoding", "content-length"):
        assert response.get(name) is None
    assert_relays(client, b"a" * 1000)
    close_normally(client)


def test_limit_rate_holds_neither_the_answer_nor_the_data(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; limit_rate 100; }}"
                    f" location /set {{ ws_pass {echo.address}; set $limit_rate 100; }}")
    for path in ("/", "/set"):
        client = raw(front.port)
        begin = time.monotonic()
        client.open(path)
        assert_relays(client, b"x" * 100_000)
        assert time.monotonic() - begin < 20


def test_settings_of_http_connections_do_not_end_a_session(gateway, echo, raw):
    front = gateway(
        f"location / {{ ws_pass {echo.address}; }}",
        server="keepalive_timeout 0; keepalive_requests 1; client_header_timeout 200ms;"
               "client_body_timeout 200ms; send_timeout 200ms; lingering_close always;"
               "lingering_timeout 200ms; reset_timedout_connection on; tcp_nodelay off;")
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    client.nothing_comes(0.6)
    assert_relays(client)
    close_normally(client)


def test_upstream_with_keepalive_caches_no_session(gateway, echo, raw):
    front = gateway("location / { ws_pass services; }",
                    http=f"upstream services {{ server {echo.address}; keepalive 8; }}")
    for number in range(2):
        client = raw(front.port)
        client.open("/")
        assert_relays(client)
        assert len(echo.connections) == number + 1
        close_normally(client)
        assert echo.connections[number].wait_ended() == "eof"


# --- the log

def test_access_log_has_the_right_status(gateway, echo, raw, closed_port):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; }}
        location /gone {{ ws_pass 127.0.0.1:{closed_port}; }}
        """,
        log_format="$status [$upstream_status] [$ws_closed_by] [$ws_close_code] [$ws_bytes_in]"
                   " [$ws_bytes_out] [$ws_frames_in] [$ws_frames_out]")
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    close_normally(client)
    line = front.access_log(1)[0]
    assert re.fullmatch(r"101 \[[^]]*\] \[client\] \[1000\] \[7\] \[7\] \[2\] \[2\]", line), line
    nothing = " [-] [-] [-] [-] [-] [-]"
    for number, (path, how, start) in enumerate((
            ("/gone", {}, "502 [502]"), ("/", {"fields": EVIL}, "403 [-]"),
            ("/", {"without": ("Upgrade",)}, "426 [-]"), ("/", {"method": "PUT"}, "405 [-]")), 2):
        client = raw(front.port)
        client.handshake(path, **how)
        client.close()
        assert front.access_log(number)[-1] == start + nothing


def test_variables_can_be_read_in_every_phase(gateway, echo, raw):
    names = ("close_code", "closed_by", "frames_in", "frames_out", "bytes_in", "bytes_out",
             "subprotocol", "origin_verdict")
    every = "|".join(f"$ws_{name}" for name in names)
    front = gateway(
        f"""
        location / {{ set $early "{every}"; add_header X-Early "<$early>" always;
            add_header X-Then "<{every}>" always; ws_pass {echo.address}; }}
        location /plain {{ return 200 "{every}"; }}
        """,
        server=f'set $first "{every}"; if ($ws_subprotocol = x) {{ return 404; }}')
    client = raw(front.port)
    response = client.open("/", fields=(("Sec-WebSocket-Protocol", "mqtt"),))
    assert response.get("x-early") == "<||||||mqtt|>"
    assert re.fullmatch(r"<\d*\|[a-z]*\|0?\|0?\|0?\|0?\|mqtt\|missing>", response.get("x-then"))
    client = raw(front.port)
    assert get(client, "/plain")[1] == b"|||||||"
    client = raw(front.port)
    assert client.handshake("/", fields=(("Sec-WebSocket-Protocol", "x"),)).status == 404


def test_debug_log_of_a_session_is_no_crash(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", log_level="debug")
    client = raw(front.port)
    client.open("/")
    assert_relays(client)
    close_normally(client)
    front.access_log(1)
