"""RFC 6455, section 1.9: the answer is one that the client offered, or absent."""

import pytest
import websockets

from harness.backends import EchoBackend, SpeakFirstBackend

FIELD = "Sec-WebSocket-Protocol"


@pytest.fixture
def echo(backend):
    return backend(EchoBackend)


@pytest.fixture
def answer(gateway, echo, raw):
    """answer(settings, *offers): status and subprotocol for these field lines."""
    started = {}

    def ask(settings, *offers):
        if settings not in started:
            started[settings] = gateway(f"location / {{ ws_pass {echo.address}; {settings} }}")
        with raw(started[settings].port) as client:
            response = client.handshake("/", fields=[(FIELD, offer) for offer in offers])
            return response.status, response.get(FIELD)

    return ask


WITHOUT_A_LIST = {
    "nothing_offered": ((), None),
    "one": (("mqtt",), "mqtt"),
    "first_of_two": (("mqtt, binary",), "mqtt"),
    "no_blank": (("mqtt,binary",), "mqtt"),
    "tabs_and_blanks": ((" \t mqtt\t , binary ",), "mqtt"),
    "first_of_two_lines": (("binary", "mqtt"), "binary"),
    "empty_elements_before": ((", ,\t,mqtt",), "mqtt"),
    "empty_line_before": (("", "mqtt"), "mqtt"),
    "only_empty_elements": ((", ,",), None),
    "resume_alone": (("v1.resume.ngx-ws-filter",), None),
    "resume_first": (("v1.resume.ngx-ws-filter, mqtt",), "mqtt"),
    "empty_field": (("",), None),
    "case_is_kept": (("MQTT",), "MQTT"),
    "every_mark_of_a_token": (("a!#$%&'*+-.^_`|~9",), "a!#$%&'*+-.^_`|~9"),
    "same_twice": (("mqtt, mqtt",), "mqtt"),
    "very_long": (("m" * 4000,), "m" * 4000),
    "very_many": ((", ".join(f"p{i}" for i in range(800)),), "p0"),
}


@pytest.mark.parametrize(("offers", "chosen"), WITHOUT_A_LIST.values(), ids=WITHOUT_A_LIST)
def test_without_a_list_the_first_offer_is_taken(answer, offers, chosen):
    assert answer("", *offers) == (101, chosen)


WITH_A_LIST = {
    "nothing_offered": ((), None),
    "none_of_ours": (("v1, v2",), None),
    "ours": (("binary",), "binary"),
    "the_clients_order_counts": (("base64, binary",), "base64"),
    "foreign_first": (("mqtt, binary",), "binary"),
    "in_the_second_line": (("mqtt", "v1, base64"), "base64"),
    "another_case": (("Binary",), None),
    "a_prefix": (("bin",), None),
    "longer": (("binary2",), None),
    "longer_in_front": (("xbinary",), None),
}


@pytest.mark.parametrize(("offers", "chosen"), WITH_A_LIST.values(), ids=WITH_A_LIST)
def test_with_a_list_the_first_offer_of_it_is_taken(answer, offers, chosen):
    assert answer("ws_subprotocol binary base64;", *offers) == (101, chosen)


@pytest.mark.parametrize("offers", [(), ("",), ("v1",), ("Binary", "bin")],
                         ids=["none", "empty", "foreign", "similar"])
def test_required_refuses_who_offers_none_of_ours(answer, echo, offers):
    assert answer("ws_subprotocol binary required;", *offers) == (400, None)
    assert not echo.connections


def test_required_lets_in_who_offers_one_of_ours(answer):
    assert answer("ws_subprotocol binary required;", "v1, binary") == (101, "binary")


def test_required_is_no_subprotocol_of_the_list(answer):
    assert answer("ws_subprotocol binary required;", "required") == (400, None)


MALFORMED = {
    "blank_inside": ("mqtt binary",),
    "parameter": ("mqtt;q=1",),
    "quoted": ('"mqtt"',),
    "open_quote": ('mqtt, "binary',),
    "slash": ("a/b",),
    "not_ascii": ("mq\xe9",),
    "after_a_good_one": ("mqtt, a b",),
    "in_another_line": ("mqtt", "a=b"),
}


@pytest.mark.parametrize("offers", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("settings", ["", "ws_subprotocol mqtt;"], ids=["free", "list"])
def test_refuses_offers_that_are_no_tokens(answer, echo, settings, offers):
    assert answer(settings, *offers) == (400, None)
    assert not echo.connections


async def test_python_client_gets_its_subprotocol(gateway, echo):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_subprotocol chat.v2 chat.v1; }}")
    async with websockets.connect(front.url("/"), subprotocols=["chat.v1", "chat.v2"]) as client:
        assert client.subprotocol == "chat.v1"
        await client.send(b"works")
        assert await client.recv() == b"works"


def test_ws_package_gets_its_subprotocol(gateway, echo, node):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_subprotocol chat.v2 chat.v1; }}")
    chosen = node.run(
        """
        const { WebSocket } = require('ws');
        const { once } = require('node:events');
        const socket = new WebSocket(args.url, ['chat.v3', 'chat.v2']);
        await once(socket, 'open');
        socket.terminate();
        return socket.protocol;
        """,
        url=front.url("/"),
    )
    assert chosen == "chat.v2"


def test_subprotocol_chooses_the_backend(gateway, backend, raw):
    names = ("mqtt", "stomp", "any")
    services = {name: backend(SpeakFirstBackend, name.encode()) for name in names}
    front = gateway(
        "location / { ws_pass $chosen; }",
        http=f"""map $ws_subprotocol $chosen {{
            mqtt    {services["mqtt"].address};
            stomp   {services["stomp"].address};
            default {services["any"].address};
        }}""",
    )
    offers = {"mqtt": "mqtt", "stomp, mqtt": "stomp", "v9": "any", "": "any"}
    for offer, name in offers.items():
        client = raw(front.port)
        client.open("/", fields=((FIELD, offer),))
        assert client.read_data(len(name)) == name.encode()


def test_list_decides_what_the_map_sees(gateway, backend, raw):
    ours, other = backend(SpeakFirstBackend, b"ours"), backend(SpeakFirstBackend, b"other")
    front = gateway(
        "location / { ws_pass $chosen; ws_subprotocol ours; }",
        http=f"map $ws_subprotocol $chosen {{ ours {ours.address}; default {other.address}; }}",
    )
    client = raw(front.port)
    assert client.open("/", fields=((FIELD, "first, ours"),)).get(FIELD) == "ours"
    assert client.read_data(4) == b"ours"


def test_variable_tells_what_was_agreed(gateway, echo, raw):
    front = gateway(
        f"""
        location / {{ ws_pass {echo.address}; add_header X-Agreed "<$ws_subprotocol>" always; }}
        location /list {{ ws_pass {echo.address}; ws_subprotocol b; }}
        """,
        log_format="$uri [$ws_subprotocol]")
    with raw(front.port) as client:
        assert client.open("/", fields=((FIELD, "a, b"),)).get("x-agreed") == "<a>"
    assert front.access_log(1)[0] == "/ [a]"
    with raw(front.port) as client:
        client.open("/list", fields=((FIELD, "a, b"),))
    assert front.access_log(2)[1] == "/list [b]"
    with raw(front.port) as client:
        client.open("/list", fields=((FIELD, "a"),))
    assert front.access_log(3)[2] == "/list [-]"
    with raw(front.port) as client:
        assert client.handshake("/", fields=((FIELD, "a b"),)).status == 400
    assert front.access_log(4)[3] == "/ [-]"


def test_list_is_inherited_as_a_whole(gateway, echo, raw):
    front = gateway(
        f"""
        location /server {{ ws_pass {echo.address}; }}
        location /own {{ ws_pass {echo.address}; ws_subprotocol own; }}
        """,
        server="ws_subprotocol server required;",
        http="ws_subprotocol http;")
    expected = {
        ("/server", "http"): (400, None),
        ("/server", "http, server"): (101, "server"),
        ("/own", "server"): (101, None),  # what is required is not inherited without the list
        ("/own", "server, own"): (101, "own"),
    }
    for (path, offer), outcome in expected.items():
        with raw(front.port) as client:
            response = client.handshake(path, fields=((FIELD, offer),))
            assert (response.status, response.get(FIELD)) == outcome


def test_offers_are_in_no_line_of_the_error_log(gateway, echo, raw):
    front = gateway(f"location / {{ ws_pass {echo.address}; ws_subprotocol a required; }}")
    for offer in ("secret-token, a", "secret-token", "secret token"):
        with raw(front.port) as client:
            client.handshake("/", fields=((FIELD, offer),))
    front.access_log(3)
    assert "secret" not in front.error_log()


def test_nothing_of_the_offers_is_relayed(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"location / {{ ws_pass {service.address}; }}")
    with raw(front.port) as client:
        client.open("/", fields=((FIELD, "mqtt"),))
        service.wait_connection()
        client.send_frame(2, b"first")
        assert client.read_data(5) == b"first"
    assert service.connections[0].wait_ended() == "eof"
    assert service.wait_connection().wait_received(len(b"first")) == b"first"
