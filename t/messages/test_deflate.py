"""permessage-deflate: what is agreed, messages in pieces, and broken rules."""

import itertools

import pytest

from harness.backends import EchoBackend, RecordingBackend
from harness.deflate_client import RSV1, TAKEOVER, DeflateClient, Deflater, deflated, text_of
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

__all__ = ["deflated"]  # a fixture


# --- what is agreed


@pytest.mark.parametrize("settings, offer, answer", [
    ("", "permessage-deflate",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    (TAKEOVER, "permessage-deflate", "permessage-deflate"),
    (TAKEOVER, "permessage-deflate; client_max_window_bits", "permessage-deflate"),
    (TAKEOVER + "ws_deflate_window_bits 11;", "permessage-deflate; client_max_window_bits",
     "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11"),
    (TAKEOVER + "ws_deflate_window_bits 11;", "permessage-deflate",
     "permessage-deflate; server_max_window_bits=11"),
    (TAKEOVER, "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; server_max_window_bits=10"),
    (TAKEOVER, "permessage-deflate; level=9, permessage-deflate; client_no_context_takeover",
     "permessage-deflate; client_no_context_takeover"),
    ("", "permessage-deflate; server_max_window_bits=8", None),
    ("", "x-webkit-deflate-frame", None),
    ("", "permessage-deflate;", None),
    ("ws_deflate off;", "permessage-deflate", None),
])
def test_answer_to_an_offer(gateway, backend, settings, offer, answer):
    echo = backend(EchoBackend)
    settings = settings if "ws_deflate off" in settings else "ws_deflate on;" + settings
    front = gateway(f"location / {{ ws_pass {echo.address}; {settings} }}")
    with DeflateClient(front.port) as client:
        client.open(offer=offer)
        assert client.answer == answer
        client.send_frame(TEXT, b"plain")
        assert client.read_data(5) == b"plain"


def test_nothing_is_agreed_without_the_directive(session):
    one = session(EchoBackend)
    fresh = DeflateClient(one.front.port)
    fresh.open()
    assert fresh.answer is None
    fresh.send_frame(TEXT, b"x", rsv=RSV1)
    assert fresh.read_close() == (1002, "reserved bit is set")
    fresh.close()


@pytest.mark.parametrize("setting", [
    "ws_deflate maybe;",
    "ws_deflate_level 0;",
    "ws_deflate_level 10;",
    "ws_deflate_window_bits 8;",
    "ws_deflate_window_bits 16;",
    "ws_deflate_memory_level 0;",
    "ws_deflate_min_length few;",
    "ws_deflate_memory 1m;",
])
def test_wrong_setting_is_refused(config_check, setting):
    accepted, said = config_check(f"location / {{ ws_pass 127.0.0.1:9; {setting} }}")
    assert not accepted and "nginx.conf:" in said


# --- messages in pieces, with and without compression


def test_messages_that_came_with_the_handshake_are_inflated(deflated):
    deflate = Deflater(takeover=False)
    early = (frame(TEXT, deflate(b"early "), rsv=RSV1) + frame(PING, b"?")
             + frame(TEXT, deflate(b"bytes" * 20), rsv=RSV1)[:9])
    rest = frame(TEXT, deflate(b"bytes" * 20), rsv=RSV1)[9:]
    _, service, client = deflated(RecordingBackend, then=early)
    client.send(rest)
    assert service.wait_connection().wait_received(106) == b"early " + b"bytes" * 20


def test_uncompressed_messages_are_legal_after_negotiation(deflated):
    _, service, client = deflated(RecordingBackend, settings=TAKEOVER)
    deflate = Deflater()
    client.send(frame(TEXT, b"plain, ") + frame(TEXT, deflate(b"deflated, "), rsv=RSV1)
                + frame(BINARY, b"plain, ") + frame(BINARY, deflate(b"deflated"), rsv=RSV1))
    assert service.wait_connection().wait_received(32) == b"plain, deflated, plain, deflated"


def test_controls_between_compressed_fragments_are_answered(deflated):
    _, service, client = deflated(RecordingBackend)
    data = text_of(100_000)
    whole = Deflater(takeover=False)(data)
    cuts = [0, 1, 2, 500, 501, len(whole) - 1, len(whole)]
    pieces = [whole[begin:end] for begin, end in itertools.pairwise(cuts)]
    for number, piece in enumerate(pieces):
        client.send(frame(TEXT if number == 0 else CONTINUATION, piece, fin=False,
                          rsv=RSV1 if number == 0 else 0))
        client.send(frame(PING, b"%d" % number))
        got = client.read_frame()
        assert (got.opcode, got.payload) == (PONG, b"%d" % number)
    client.send(frame(CONTINUATION, b""))
    assert service.wait_connection().wait_received(len(data)) == data


def test_every_ping_of_one_read_is_answered(deflated):
    _, _, client = deflated(RecordingBackend)
    client.send(b"".join(frame(PING, b"%d" % number) for number in range(500)))
    for number in range(500):
        assert client.read_frame().payload == b"%d" % number


def test_end_of_a_message_that_fills_a_buffer_is_not_late(deflated):
    """All of it was received and none of it is left, and yet there is more to inflate."""
    _, service, client = deflated(RecordingBackend, http="ws_buffer_size 4k;")
    deflate = Deflater(takeover=False)
    total = 0
    for size in range(4090, 4360, 3):
        client.send(frame(BINARY, deflate(bytes(size)), rsv=RSV1))
        total += size
        service.wait_connection().wait_received(total)


def test_byte_by_byte(deflated):
    _, service, client = deflated(RecordingBackend)
    data = text_of(2000)
    for byte in frame(TEXT, Deflater(takeover=False)(data), rsv=RSV1):
        client.send(bytes([byte]))
    assert service.wait_connection().wait_received(len(data)) == data


def test_short_messages_go_out_as_they_are(deflated):
    _, service, client = deflated(EchoBackend, settings="ws_deflate_min_length 100;")
    client.send_frame(BINARY, b"a" * 99)
    assert client.read_data(99) == b"a" * 99
    assert client.compressed == 0
    client.send_frame(BINARY, b"a" * 100)
    assert client.read_data(100) == b"a" * 100
    assert client.compressed == 1


# --- broken rules


@pytest.mark.parametrize("sent, code, reason", [
    (frame(TEXT, b"\x06", rsv=RSV1), 1007, "compressed message is broken"),
    (frame(BINARY, b"\xf2\x48\xcd", rsv=RSV1), 1007, "compressed message is broken"),
    (frame(TEXT, Deflater()(b"ok\xff"), rsv=RSV1), 1007, "text is not UTF-8"),
    (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=RSV1), 1002,
     "reserved bit is set"),
    (frame(TEXT, b"\xf2\x48", fin=False, rsv=RSV1) + frame(CONTINUATION, b"\xcd", rsv=RSV1), 1002,
     "reserved bit is set"),
    (frame(PING, b"", rsv=RSV1), 1002, "reserved bit is set"),
    (frame(CLOSE, b"", rsv=RSV1), 1002, "reserved bit is set"),
    (frame(TEXT, b"", rsv=2), 1002, "reserved bit is set"),
    (frame(TEXT, Deflater()(bytes(1001)), rsv=RSV1), 1009, "message is too big"),
])
def test_broken_rule_has_its_code(deflated, sent, code, reason):
    _, service, client = deflated(RecordingBackend, settings="ws_max_message_size 1000;")
    client.send(frame(BINARY, b"good") + sent)
    assert client.read_close() == (code, reason)
    assert service.wait_connection().wait_received(4)[:4] == b"good"
    client.send_close(code)
    assert client.read_end() == "eof"
    assert service.wait_connection().wait_ended() == "eof"


def test_no_message_refers_to_one_before_without_takeover(deflated):
    _, service, client = deflated(RecordingBackend)
    deflate = Deflater()
    client.send(frame(BINARY, deflate(b"Hello, hello, hello"), rsv=RSV1))
    assert service.wait_connection().wait_received(19)
    client.send(frame(BINARY, deflate(b"Hello, hello, hello"), rsv=RSV1))
    assert client.read_close() == (1007, "compressed message is broken")
