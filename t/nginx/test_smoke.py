"""The module loads, a message comes back, and a wrong value is refused."""

import http.server
import threading

import pytest
import websockets

from harness import checker
from harness.backends import EchoBackend
from harness.gateway import client_tls
from harness.raw import BINARY, PING, PONG

TIMEOUT = 10 * checker.SLOWNESS
PAGE = b"<!doctype html><title>a page</title>"


def test_configuration_is_accepted(config_check):
    accepted, said = config_check("location / { ws_pass 127.0.0.1:9; }")
    assert accepted, said
    assert "test is successful" in said


def test_wrong_value_is_refused_with_file_and_line(config_check):
    accepted, said = config_check("location / { ws_pass 127.0.0.1:9; ws_frame_type images; }")
    assert not accepted
    assert "images" in said and "nginx.conf:" in said


async def test_message_comes_back(gateway, backend):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}")
    async with websockets.connect(front.url("/"), open_timeout=TIMEOUT) as client:
        await client.send(b"a message")
        assert await client.recv() == b"a message"


async def test_message_comes_back_over_tls_and_a_unix_socket(gateway, backend):
    echo = backend(EchoBackend, unix=True)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}", tls=True)
    async with websockets.connect(front.url("/", "wss"), ssl=client_tls(),
                                  open_timeout=TIMEOUT) as client:
        await client.send(b"a message")
        assert await client.recv() == b"a message"


def test_raw_client_is_answered(gateway, backend, raw):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}")
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"first")
    assert client.read_data(5) == b"first"
    client.send_frame(PING, b"are you there")
    answer = client.read_frame()
    assert (answer.opcode, answer.payload) == (PONG, b"are you there")
    client.send_close(1000)
    assert client.read_close() == (1000, "")
    assert client.read_end() == "eof"


def test_ws_package_is_answered(gateway, backend, node):
    echo = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {echo.address}; }}")
    got = node.run(
        """
        const { WebSocket } = require('ws');
        const { once } = require('node:events');
        const socket = new WebSocket(args.url);
        await once(socket, 'open');
        socket.send(Buffer.from('a message'));
        const [data] = await once(socket, 'message');
        socket.close(1000);
        const [code] = await once(socket, 'close');
        return { data: data.toString(), code };
        """,
        url=front.url("/"),
    )
    assert got == {"data": "a message", "code": 1000}


@pytest.fixture
def page_server():
    """The address of a page that no gateway serves."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_browser_opens_a_page(browser, page_server):
    assert browser.run("await page.goto(args.url); return page.title();", url=page_server) == "a page"
