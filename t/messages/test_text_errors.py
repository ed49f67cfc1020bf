"""ws_text_errors: what becomes of a backend's bytes that are no UTF-8 where text was promised."""

import random

import pytest
import websockets

from harness.backends import EchoBackend
from harness.framing import SayingBackend, read_message, read_messages
from harness.raw import BINARY, CLOSE, TEXT

REPLACE = "ws_frame_type text; ws_text_errors replace;"
HOSTILE = b"ok \xff\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82 gr\xfc\xdfe \xe2\x82\xac\x80"


def text_of(client):
    """All text up to the Close, each message of which has to be UTF-8, and the code."""
    text = ""
    while (got := client.read_frame()).opcode != CLOSE:
        assert got.opcode == TEXT and got.fin
        text += got.payload.decode()
    return text, got.close[0]


def repaired(data):
    return data.decode(errors="replace")


@pytest.mark.parametrize("settings", ["", "ws_text_errors close;"])
def test_by_default_the_session_ends(session, settings):
    one = session(SayingBackend, b"caf\xe9 ", settings=f"ws_frame_type text; {settings}")
    assert one.client.read_data(3, opcode=TEXT) == b"caf"
    assert one.client.read_close() == (1011, "backend sent bytes that are not UTF-8")


@pytest.mark.parametrize("said", [
    b"caf\xe9 au lait", b"\x80", b"\xff" * 1000, HOSTILE, b"cut at the end \xf0\x9f\x98", b"\xe2",
], ids=["latin-1", "lone", "many", "hostile", "cut", "only a cut"])
@pytest.mark.parametrize("parts", ["whole", "bytes"])
def test_bad_bytes_are_replaced(session, said, parts):
    pieces = [said] if parts == "whole" else [bytes([byte]) for byte in said]
    one = session(SayingBackend, pieces, settings=REPLACE)
    assert text_of(one.client) == (repaired(said), 1000)


def test_good_text_stays_as_it_is(session):
    one = session(EchoBackend, settings=REPLACE)
    sent = "grüße € 😀".encode() * 20_000
    one.client.send_frame(TEXT, sent)
    assert one.client.read_data(len(sent), opcode=TEXT) == sent


@pytest.mark.parametrize("deflate", ["", "ws_deflate on; ws_deflate_min_length 0;"],
                         ids=["plain", "deflate"])
@pytest.mark.parametrize("buffer", ["4k", "128k"])
async def test_flood_of_bad_bytes_is_repaired_whole(gateway, backend, deflate, buffer):
    said = random.Random(1).randbytes(1_000_000) + "grüße €".encode() * 20_000
    service = backend(SayingBackend, said)
    front = gateway(f"location / {{ ws_pass {service.address}; {REPLACE} {deflate} }}",
                    http=f"ws_buffer_size {buffer};")
    async with websockets.connect(front.url(), max_size=None,
                                  compression="deflate" if deflate else None) as client:
        text = "".join([message async for message in client])
    assert text == repaired(said)


@pytest.mark.parametrize("framing, said, messages", [
    ("line", b"caf\xe9\nok\n\xe2\x82\n\xac\n", ["caf\ufffd", "ok", "\ufffd", "\ufffd"]),
    ("line crlf", b"\xff\r\nlast \xe2\x82", ["\ufffd", "last \ufffd"]),
    (r'delimiter "\xff"', b"one\xfftw\xfe\xff\xff", ["one", "tw\ufffd", ""]),
    ("length u8", b"\x04caf\xe9\x02\xe2\x82\x01\xac", ["caf\ufffd", "\ufffd", "\ufffd"]),
    ("length u8 self", b"\x05caf\xe9", ["caf\ufffd"]),
    ("length varint", b"\x81\x00\xff", ["\ufffd"]),
    ("typed", b"\0\0\0\1\1\xff\0\0\0\3\1\xe2\x82\xac", ["\ufffd", "€"]),
])
@pytest.mark.parametrize("parts", ["whole", "bytes"])
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
async def test_each_message_is_repaired_by_itself(gateway, backend, framing, said, messages, parts,
                                                  deflate):
    pieces = [said] if parts == "whole" else [bytes([byte]) for byte in said]
    service = backend(SayingBackend, pieces)
    front = gateway(f"location / {{ ws_pass {service.address}; {REPLACE} ws_framing {framing};"
                    f" ws_deflate {'on' if deflate else 'off'}; ws_deflate_min_length 0; }}")
    async with websockets.connect(front.url(),
                                  compression="deflate" if deflate else None) as client:
        assert [message async for message in client] == messages
        assert client.close_code == 1000


@pytest.mark.parametrize("deflate", ["", "ws_deflate on; ws_deflate_min_length 0;"],
                         ids=["plain", "deflate"])
@pytest.mark.parametrize("buffer", ["4k", "128k"])
async def test_bad_lines_of_any_length(gateway, backend, deflate, buffer):
    rand = random.Random(2)
    lines = [rand.randbytes(rand.choice((0, 1, 2, 100, 5_000, 60_000))).replace(b"\n", b"")
             for _ in range(100)]
    service = backend(SayingBackend, b"\n".join(lines) + b"\n")
    front = gateway(f"location / {{ ws_pass {service.address}; {REPLACE} {deflate}"
                    " ws_framing line; }", http=f"ws_buffer_size {buffer};")
    async with websockets.connect(front.url(), max_size=None,
                                  compression="deflate" if deflate else None) as client:
        assert [message async for message in client] == [repaired(line) for line in lines]


def test_binary_stays_as_it_is(session):
    one = session(SayingBackend, HOSTILE, settings="ws_text_errors replace;")
    assert one.client.read_data(len(HOSTILE)) == HOSTILE


def test_binary_records_stay_as_they_are(session):
    one = session(SayingBackend, b"\0\0\0\1\2\xff\0\0\0\1\1\xff",
                  settings="ws_text_errors replace; ws_framing typed;")
    assert read_message(one.client) == (BINARY, b"\xff")
    assert read_messages(one.client, 1) == ["\ufffd".encode()]


def test_what_came_early_is_repaired(session):
    """A backend that speaks before it is seen to be connected."""
    one = session(SayingBackend, b"\xff" * 1000, settings=REPLACE, unix=True,
                  parts={"http": "ws_buffer_size 4k;"})
    assert text_of(one.client) == ("\ufffd" * 1000, 1000)


def test_text_of_a_client_has_to_be_good_all_the_same(session):
    one = session(EchoBackend, settings=REPLACE)
    one.client.send_frame(TEXT, b"caf\xe9 ")
    assert one.client.read_to_close()[1:] == (1007, "text is not UTF-8")
