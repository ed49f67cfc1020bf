"""Which backend a session gets: by subprotocol, by a token, by a signed link, by an application."""

import base64
import hashlib
import time

import pytest

from harness.backends import EchoBackend, RecordingBackend, SpeakFirstBackend
from harness.raw import BINARY


def named(backend, name):
    """A backend that begins with its name."""
    return backend(SpeakFirstBackend, name.encode())


def reaches(raw, front, path="/", **how):
    """The name that the backend at the other end says, which has three letters."""
    client = raw(front.port)
    response = client.open(path, **how)
    return client.read_data(3).decode(), response


def offer(text):
    return {"fields": [("Sec-WebSocket-Protocol", text)]}


# --- by subprotocol

@pytest.mark.parametrize(("offered", "name", "answered"), [
    ("mqtt", "mqt", "mqtt"),
    ("binary", "vnc", "binary"),
    ("binary, mqtt", "vnc", "binary"),
    ("unknown, mqtt", "mqt", "mqtt"),
])
@pytest.mark.parametrize("target", ["address", "upstream"])
def test_subprotocol_chooses_the_backend(gateway, backend, raw, offered, name, answered, target):
    addresses = {"mqtt": named(backend, "mqt").address, "binary": named(backend, "vnc").address}
    http = ""
    if target == "upstream":
        for key, address in addresses.items():
            http += f"upstream the_{key} {{ server {address}; }}"
            addresses[key] = f"the_{key}"
    entries = "".join(f"{key} {address};" for key, address in addresses.items())
    front = gateway("location / { ws_pass $backend; ws_subprotocol mqtt binary; }",
                    http=f"{http} map $ws_subprotocol $backend {{ {entries} }}")
    said, response = reaches(raw, front, **offer(offered))
    assert said == name
    assert response.get("sec-websocket-protocol") == answered


@pytest.mark.parametrize("offered", [None, "", "unknown", "mqtt2", "127.0.0.1"])
def test_subprotocol_without_a_backend_is_502_and_one_line(gateway, backend, raw, offered):
    record = backend(RecordingBackend)
    front = gateway("location / { ws_pass $backend; }",
                    http=f"map $ws_subprotocol $backend {{ mqtt {record.address}; }}")
    response = raw(front.port).handshake("/", **(offer(offered) if offered is not None else {}))
    assert response.status == 502
    assert response.get("sec-websocket-protocol") is None
    assert not record.connections
    [line] = [one for one in front.error_log().splitlines() if "[error]" in one]
    assert 'ws: invalid address in ws_pass "$backend": it is empty' in line


# --- by a token

def test_token_chooses_the_backend_and_nothing_else_does(gateway, backend, raw):
    one, two = named(backend, "one"), named(backend, "two")
    front = gateway("location / { ws_pass $backend; }", http=(
        "map $arg_token $backend {"
        f" 5f3a {one.address}; 77c0 {two.address}; volatile; }}"))
    assert reaches(raw, front, "/?token=5f3a")[0] == "one"
    assert reaches(raw, front, "/?token=77c0")[0] == "two"
    for wrong in ("", "?token=", "?token=5f3", "?token=5f3a0", f"?token={one.address}",
                  f"?backend={one.address}", "?token=5f3a%20"):
        assert raw(front.port).handshake("/" + wrong).status == 502, wrong
    assert (len(one.connections), len(two.connections)) == (1, 1)
    assert "5f3a" not in "".join(
        line for line in front.error_log().splitlines() if " ws: " in line)


@pytest.mark.parametrize("target", ["", "nonsense", "127.0.0.1", "127.0.0.1:99999", "a b:80",
                                    "http://127.0.0.1:80"])
def test_map_that_gives_no_address_is_502_and_one_line(gateway, raw, target):
    front = gateway("location / { ws_pass $backend; }",
                    http=f'map $arg_token $backend {{ default "{target}"; }}')
    assert raw(front.port).handshake("/?token=secret").status == 502
    [line] = [one for one in front.error_log().splitlines() if "[error]" in one]
    assert 'ws: invalid address in ws_pass "$backend": ' in line
    assert "secret" not in line


# --- by a signed link

SIGNED = r"""
location ~ ^/to/(?<target>\w+)$ {
    secure_link     $arg_sign,$arg_until;
    secure_link_md5 "$secure_link_expires $uri a-long-random-secret";
    if ($secure_link = "")  { return 403; }
    if ($secure_link = "0") { return 410; }
    ws_pass $target;
}
"""


def link(name, until, secret="a-long-random-secret"):
    digest = hashlib.md5(f"{until} /to/{name} {secret}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_signed_link_reaches_its_target_until_it_is_over(gateway, backend, raw):
    one, two = named(backend, "one"), named(backend, "two")
    front = gateway(SIGNED, http=f"upstream first {{ server {one.address}; }}"
                                 f"upstream second {{ server {two.address}; }}")
    soon, over = int(time.time()) + 600, int(time.time()) - 1
    good = f"/to/first?sign={link('first', soon)}&until={soon}"
    assert reaches(raw, front, good)[0] == "one"
    assert reaches(raw, front, f"/to/second?sign={link('second', soon)}&until={soon}")[0] == "two"
    for status, path in (
            (403, f"/to/second?sign={link('first', soon)}&until={soon}"),
            (403, f"/to/first?sign={link('first', soon)}&until={soon + 1}"),
            (403, f"/to/first?sign={link('first', soon, 'guess')}&until={soon}"),
            (403, "/to/first"),
            (410, f"/to/first?sign={link('first', over)}&until={over}")):
        assert raw(front.port).handshake(path).status == status, path
    assert (len(one.connections), len(two.connections)) == (1, 1)


# --- by an application

class Application(EchoBackend):
    """Answers an authorising subrequest with the address for the cookie's user."""

    def __init__(self, users, **options):
        self._users = users
        super().__init__(**options)

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.read()
            if not data:
                return
            head += data
        user = next((line.split(b"=", 1)[1].strip().decode() for line in head.split(b"\r\n")
                     if line.lower().startswith(b"cookie: user=")), None)
        if user not in self._users:
            connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.send(f"HTTP/1.1 204 No Content\r\nX-Backend: {self._users[user]}\r\n\r\n".encode())


def test_application_chooses_the_backend(gateway, backend, raw):
    users = {"ann": named(backend, "one").address, "bob": named(backend, "two").address, "eve": "",
             "joe": "no address"}
    application = backend(Application, users)
    front = gateway(f"""
        location / {{
            auth_request     /who;
            auth_request_set $backend $upstream_http_x_backend;
            ws_pass          $backend;
        }}
        location = /who {{
            internal;
            proxy_pass              http://{application.address};
            proxy_pass_request_body off;
            proxy_set_header        Content-Length "";
        }}""", log_format="$status $upstream_addr")

    def cookie(name):
        return {"fields": [("Cookie", f"user={name}")]}

    assert reaches(raw, front, **cookie("ann"))[0] == "one"
    assert reaches(raw, front, **cookie("bob"))[0] == "two"
    assert reaches(raw, front, **cookie("ann"))[0] == "one"
    assert raw(front.port).handshake("/", **cookie("mallory")).status == 403
    assert raw(front.port).handshake("/").status == 403
    for name, why in (("eve", "it is empty"), ("joe", "it has blanks or control characters")):
        assert raw(front.port).handshake("/", **cookie(name)).status == 502
        front.wait_log(f'ws: invalid address in ws_pass ".backend": {why}')


def test_session_goes_on_when_its_token_is_over(gateway, backend, raw):
    # The token is for the door, not for the stay.
    echo = backend(EchoBackend)
    front = gateway("location / { ws_pass $backend; }",
                    http=f"map $arg_token $backend {{ good {echo.address}; }}")
    client = raw(front.port)
    client.open("/?token=good")
    front.reload(http="map $arg_token $backend { default ''; }")
    assert raw(front.port).handshake("/?token=good").status == 502
    client.send_frame(BINARY, b"still here")
    assert client.read_data(10) == b"still here"
