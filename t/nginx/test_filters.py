"""Other modules' filters in the location of a session: one that refuses the 101, and one that keeps
it back. The client gets what any upstream's client would get, and the backend is let go."""

import re
from pathlib import Path

import pytest

from harness.backends import Backend, EchoBackend
from harness.gateway import BUILT
from harness.raw import BINARY, Closed, frame

MODULES = Path(re.search(r"--modules-path=(\S+)", BUILT)[1])
NDK, LUA, IMAGES = (MODULES / f"{name}_module.so"
                    for name in ("ndk_http", "ngx_http_lua", "ngx_http_image_filter"))

lua = pytest.mark.skipif(not LUA.exists(), reason="no Lua module for this nginx")
images = pytest.mark.skipif(not IMAGES.exists(), reason="no image filter for this nginx")

REFUSE = "header_filter_by_lua_block { if ngx.status == 101 then ngx.exit(503) end }"


def load(*modules):
    return "".join(f"load_module {module};" for module in modules)


class Recording(Backend):
    """An HTTP server for the error pages, that tells who it is."""

    def serve(self, connection):
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\npage")
        connection.read_all()


PAGES = {
    "none": "",
    "static": "error_page 503 /page;",
    "status": "error_page 503 =200 /page;",
    "proxied": "error_page 503 /proxied;",
    "named": "error_page 503 @named;",
    "session": "error_page 503 /open;",
    "refused": "error_page 503 /refused;",
}


@lua
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_header_filter_may_refuse_the_session(gateway, backend, raw, page):
    echo, pages = backend(EchoBackend), backend(Recording)
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; {REFUSE} {page} }}
        location /page {{ internal; return 200 "page"; }}
        location /proxied {{ internal; proxy_pass http://{pages.address}; }}
        location @named {{ proxy_pass http://{pages.address}; }}
        location /open {{ ws_pass {echo.address}; }}
        location /refused {{ ws_pass {echo.address}; {REFUSE} }}
        """,
        main=load(NDK, LUA), log_format="$status $ws_close_code $upstream_addr")
    worker = front.workers()
    for number in range(5):
        client = raw(front.port)
        try:
            response = client.handshake("/", then=frame(BINARY, b"early"))
            assert response.status in (503, 200), response
            assert response.get("sec-websocket-accept") is None
            client.read_rest()
        except Closed:
            # nginx resets what it has not sent of a page that another content handler made.
            assert page not in ("", PAGES["static"])
        client.close()
        echo.wait_connection(number).wait_ended()
    assert front.workers() == worker
    client = raw(front.port)
    client.open("/open")
    client.send_frame(BINARY, b"on it goes")
    assert client.read_data(10) == b"on it goes"
    assert not re.search("ws: .* closed", front.error_log())


@lua
def test_refused_session_may_have_another_as_its_error_page(gateway, backend, raw):
    first, second = backend(EchoBackend), backend(EchoBackend)
    front = gateway(
        f"""
        location / {{ ws_pass {first.address}; {REFUSE} error_page 503 = /second; }}
        location /second {{ internal; ws_pass {second.address}; }}
        """, main=load(NDK, LUA))
    client = raw(front.port)
    client.open("/", then=frame(BINARY, b"early"))
    assert client.read_data(5) == b"early"
    first.wait_connection().wait_ended()
    client.send_close(4000)
    assert client.read_close() == (4000, "")
    assert client.read_end() == "eof"
    assert second.wait_connection().wait_received(len(b"early")) == b"early"


@lua
def test_other_phases_of_lua_leave_the_session_alone(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(
        f"""
        location / {{
            ws_pass {echo.address};
            rewrite_by_lua_block {{ ngx.sleep(0.01) }}
            access_by_lua_block {{ ngx.location.capture("/aside") ngx.ctx.who = "me" }}
            header_filter_by_lua_block {{ ngx.header["X-Who"] = ngx.ctx.who }}
            log_by_lua_block {{ ngx.log(ngx.NOTICE, "code ", ngx.var.ws_close_code) }}
        }}
        location /aside {{ return 200 "aside"; }}
        """, main=load(NDK, LUA))
    client = raw(front.port)
    response = client.open("/", then=frame(BINARY, b"early"))
    assert response.get("x-who") == "me"
    assert client.read_data(5) == b"early"
    client.send_close(4001)
    assert client.read_close() == (4001, "")
    client.close()
    front.wait_log("code 4001")


@images
@pytest.mark.parametrize("kind", ["test", "size", "resize 10 10"])
@pytest.mark.parametrize("page", ["", "error_page 500 /page;"], ids=["plain", "page"])
def test_image_filter_makes_an_error_of_the_session(gateway, backend, raw, kind, page):
    echo = backend(EchoBackend)
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; image_filter {kind}; {page} }}
        location /page {{ internal; return 200 "page"; }}
        location /beside {{ ws_pass {echo.address}; }}
        """, main=load(IMAGES))
    client = raw(front.port)
    response = client.handshake("/", then=frame(BINARY, b"early"))
    assert response.status == 500
    assert response.get("sec-websocket-accept") is None
    assert response.get("upgrade") is None
    echo.wait_connection().wait_ended()
    front.wait_log(r"\[error\] .*ws: another module's filter, as image_filter, kept the 101 back")
    assert not re.search("ws: .* closed", front.error_log())
    client = raw(front.port)
    client.open("/beside")
