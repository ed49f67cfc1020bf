"""A TLS stream that ends without a close_notify was cut, by whoever or whatever."""

import socket

import pytest

from harness.backends import ScriptedBackend
from harness.pki import server_tls
from harness.raw import BINARY, CONTINUATION, TEXT
from harness.tls_backend import TlsBackend

REQUIRED = "ws_ssl_require_close_notify on;"
LOG = "$ws_closed_by $ws_close_code"


class TlsScriptedBackend(TlsBackend, ScriptedBackend):
    pass


def ending(data, notify):
    def speak(connection):
        connection.send(data)
        if notify:
            try:
                connection.sock.unwrap()
            except OSError:
                pass
        else:
            connection.below.shutdown(socket.SHUT_WR)
            connection.read_all()

    return speak


@pytest.fixture
def ended(gateway, backend, raw):
    """What the client of such a backend sees: its frames and the Close; and the log."""

    def run(data, notify=False, settings=""):
        service = backend(TlsScriptedBackend, ending(data, notify), tls=server_tls())
        front = gateway(f"location / {{ ws_pass {service.address}; ws_ssl on; {settings} }}",
                        log_format=LOG)
        client = raw(front.port)
        client.open("/")
        got = []
        while (came := client.read_frame()).opcode in (CONTINUATION, TEXT, BINARY):
            got.append(came)
        client.send_close(1000)
        client.close()
        [line] = front.access_log(lines=1)
        code, reason = came.close
        assert line.split()[1] == str(code)
        return got, code, reason, line.split()[0]

    return run


def payload(got):
    return b"".join(frame.payload for frame in got)


def test_cut_is_an_end_unless_told_otherwise(ended):
    got, *end = ended(b"all of it")
    assert payload(got) == b"all of it"
    assert end == [1000, "", "backend"]


@pytest.mark.parametrize("settings", ["", "ws_framing line;", "ws_half_close on;"],
                         ids=["stream", "line", "half-close"])
def test_cut_is_1011_where_close_notify_is_required(ended, settings):
    got, *end = ended(b"a line\n", settings=REQUIRED + settings)
    assert payload(got).rstrip() == b"a line"
    assert end == [1011, "backend closed without close_notify", "backend"]


@pytest.mark.parametrize("settings", ["", "ws_framing line;"], ids=["stream", "line"])
def test_close_notify_is_an_end_where_it_is_required(ended, settings):
    got, *end = ended(b"a line", notify=True, settings=REQUIRED + settings)
    assert payload(got) == b"a line"
    assert end == [1000, "", "backend"]


@pytest.mark.parametrize("framing, data, reason", [
    ("line", b"whole\nhal", "backend was cut off inside a line"),
    ("line crlf", b"whole\r\n\r", "backend was cut off inside a line"),
    ("length u16", b"\0\5whole\0\5hal", "backend closed inside a record"),
    ("typed", b"\0\0\0\5\1whole\0\0\0\5\1hal", "backend closed inside a record"),
])
def test_cut_inside_a_message_is_1011(ended, framing, data, reason):
    got, *end = ended(data, settings=f"ws_framing {framing};")
    assert got[0].payload == b"whole"
    assert not any(frame.fin for frame in got[1:])
    assert end == [1011, reason, "backend"]


def test_cut_between_two_messages_is_an_end(ended):
    got, *end = ended(b"one\ntwo\n", settings="ws_framing line;")
    assert [frame.payload for frame in got] == [b"one", b"two"]
    assert end == [1000, "", "backend"]


def test_cut_inside_a_code_point_is_1011(ended):
    got, *end = ended("na\u00efve".encode()[:3], settings="ws_frame_type text;")
    assert payload(got) == b"na"
    assert end == [1011, "backend closed inside a UTF-8 code point", "backend"]
