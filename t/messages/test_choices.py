"""ws_frame_type and ws_deflate with variables: each session has what its request says."""

import pytest

from harness.backends import EchoBackend
from harness.deflate_client import OFFER, DeflateClient
from harness.raw import BINARY, TEXT

IRC = """
    map $ws_subprotocol $type { text.ircv3.net text; default binary; }
"""


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


def test_subprotocol_decides_the_type(gateway, echo, raw):
    """IRCv3 has two subprotocols, which differ in nothing else."""
    front = gateway(f"""
        location / {{
            ws_pass {echo.address}; ws_frame_type $type;
            ws_subprotocol text.ircv3.net binary.ircv3.net;
            location /fixed {{ ws_pass {echo.address}; ws_frame_type text; }}
            location /inherits {{ ws_pass {echo.address}; }}
        }}""", http=IRC)
    for path, name, type_ in (("/", "text.ircv3.net", TEXT), ("/", "binary.ircv3.net", BINARY),
                              ("/", None, BINARY), ("/fixed", "binary.ircv3.net", TEXT),
                              ("/inherits", "text.ircv3.net", TEXT)):
        with raw(front.port) as client:
            fields = [("Sec-WebSocket-Protocol", name)] if name else []
            assert client.open(path, fields=fields).get("sec-websocket-protocol") == name
            client.send_frame(BINARY, b"PING x")
            assert client.read_data(6, opcode=type_) == b"PING x"


def test_user_agent_decides_on_compression(gateway, echo):
    front = gateway(f"""
        location / {{ ws_pass {echo.address}; ws_deflate $compress; ws_deflate_min_length 0; }}
    """, http="map $http_user_agent $compress { ~Version/15 off; default on; }")
    for agent, agreed in (("Version/15.1 Safari/605", False), ("Version/16.0 Safari/605", True)):
        with DeflateClient(front.port) as client:
            client.open(fields=[("User-Agent", agent)])
            assert bool(client.answer) == agreed
            client.send_frame(BINARY, b"a" * 1000)
            assert client.read_data(1000) == b"a" * 1000
            assert bool(client.compressed) == agreed


WRONG = {
    "type": ("ws_frame_type $arg_v;", "txt", '"text", "binary"', "ws_frame_type $arg_v"),
    "type of another case": ("ws_frame_type $arg_v;", "Text", '"text", "binary"',
                             "ws_frame_type $arg_v"),
    "empty type": ("ws_frame_type $arg_v;", "", '"text", "binary"', "ws_frame_type $arg_v"),
    "deflate": ("ws_deflate $arg_v;", "yes", '"on", "off"', "ws_deflate $arg_v"),
    "part of a word": ("ws_deflate o$arg_v;", "nn", '"on", "off"', "ws_deflate o$arg_v"),
    "long": ("ws_deflate $arg_v;", "x" * 100, '"on", "off"', "ws_deflate $arg_v"),
}


@pytest.mark.parametrize("setting, value, expected, directive", WRONG.values(), ids=WRONG)
def test_wrong_value_is_refused_before_the_backend_and_named(gateway, echo, raw, setting, value,
                                                             expected, directive):
    front = gateway(f"location / {{ ws_pass {echo.address}; {setting} }}")
    with raw(front.port) as client:
        response = client.handshake(f"/?v={value}", fields=[("Sec-WebSocket-Extensions", OFFER[1])])
        assert response.status == 500
    front.access_log(1)
    line, = [line for line in front.error_log().splitlines() if "[error]" in line]
    said = value if len(value) <= 64 else value[:64] + "..."
    said = "o" + said if "o$" in setting else said
    assert f'ws: invalid value "{said}" in "{directive}": expected {expected}, client:' in line
    assert not echo.connections


def test_value_made_of_parts(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_frame_type te$arg_rest; }}")
    with raw(front.port) as client:
        client.open("/?rest=xt")
        client.send_frame(BINARY, b"through")
        assert client.read_data(7, opcode=TEXT) == b"through"


@pytest.mark.parametrize("settings", [
    "ws_frame_type $args; ws_frame_type text;", "ws_frame_type text; ws_frame_type $args;",
    "ws_deflate $args; ws_deflate $args;", "ws_deflate off; ws_deflate $args;",
])
def test_is_said_once(config_check, settings):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; {settings} }}")
    assert not accepted and "duplicate" in said


@pytest.mark.parametrize("settings", ["ws_frame_type $nothing_known;", "ws_deflate $nothing_known;"])
def test_unknown_variable_is_refused(config_check, settings):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; {settings} }}")
    assert not accepted and "nothing_known" in said
