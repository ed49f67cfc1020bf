"""A request may outlive its session, as long as one of its subrequests does."""

from backends import EchoBackend, SilentBackend
from raw import BINARY, frame


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
