"""ws_framing in nginx.conf: what is refused, with which words, and what is inherited."""

import pytest

from harness.backends import RecordingBackend
from harness.gateway import line_named
from harness.raw import BINARY, CONTINUATION, frame

KINDS = 'expected "stream", "line", "delimiter", "length" or "typed"'
LINE = 'expected "lf", "crlf", "split" or "max=SIZE" after "line"'
LENGTH = 'expected "u8", "u16", "u32", "varint", "be", "le", "self" or "max=SIZE" after "length"'
DELIMITED = 'expected "max=SIZE" after "delimiter"'
BYTES = r'expected 1 to 8 bytes, such as "\0", "\x03" or "\x1c\r"'
TYPED = 'expected "max=SIZE" after "typed"'
SIZE = "expected a size such as max=65536, max=64k or max=1m"
AGAIN = "repeats or contradicts an earlier parameter"


@pytest.mark.parametrize("value, said", [
    ("", "invalid number of arguments"),
    ("lines", f'invalid value "lines" in "ws_framing": {KINDS}'),
    ("LINE", f'invalid value "LINE" in "ws_framing": {KINDS}'),
    ('""', f'invalid value "" in "ws_framing": {KINDS}'),
    ("stream lf", 'invalid parameter "lf" in "ws_framing": expected no parameter after'),
    ("stream max=1k", 'invalid parameter "max=1k" in "ws_framing": expected no parameter'),
    ("line u8", f'invalid parameter "u8" in "ws_framing": {LINE}'),
    ("line cr", f'invalid parameter "cr" in "ws_framing": {LINE}'),
    ("line max", f'invalid parameter "max" in "ws_framing": {LINE}'),
    ("line max=", f'invalid parameter "max=" in "ws_framing": {SIZE}'),
    ("line max=-1", f'invalid parameter "max=-1" in "ws_framing": {SIZE}'),
    ("line max=1x", f'invalid parameter "max=1x" in "ws_framing": {SIZE}'),
    ("line max=99999999999999999999", f'in "ws_framing": {SIZE}'),
    ("line lf crlf", f'parameter "crlf" in "ws_framing" {AGAIN}'),
    ("line split split", f'parameter "split" in "ws_framing" {AGAIN}'),
    ("line max=1k max=2k", f'parameter "max=2k" in "ws_framing" {AGAIN}'),
    ("length", '"ws_framing length" needs the size of a length: expected "u8", "u16", "u32" or "varint"'),
    ("length le max=5", '"ws_framing length" needs the size of a length'),
    ("length u24", f'invalid parameter "u24" in "ws_framing": {LENGTH}'),
    ("length u8 split", f'invalid parameter "split" in "ws_framing": {LENGTH}'),
    ("length u8 u16", f'parameter "u16" in "ws_framing" {AGAIN}'),
    ("length u8 be le", f'parameter "le" in "ws_framing" {AGAIN}'),
    ("length u8 max=256", '"max=256" in "ws_framing" is more than a length of 8 bits can say'),
    ("length u16 max=64k", '"max=65536" in "ws_framing" is more than a length of 16 bits can say'),
    ("length u32 max=4096m", '"max=4294967296" in "ws_framing" is more than a length of 32 bits can say'),
    ("length u16 self max=65534", '"max=65534" in "ws_framing" is more than a length of 16 bits'),
    ("length self", '"ws_framing length" needs the size of a length'),
    ("length u8 self self", f'parameter "self" in "ws_framing" {AGAIN}'),
    ("length u8 varint", f'parameter "varint" in "ws_framing" {AGAIN}'),
    ("length varint be", '"varint" in "ws_framing" cannot stand beside "be", "le" or "self"'),
    ("length self varint", '"varint" in "ws_framing" cannot stand beside "be", "le" or "self"'),
    ("length varint; ws_max_message_size 0", '"ws_max_message_size 0" sets no limit'),
    ("line self", f'invalid parameter "self" in "ws_framing": {LINE}'),
    ("delimiter", f'invalid delimiter "" in "ws_framing": {BYTES}'),
    ('delimiter ""', f'invalid delimiter "" in "ws_framing": {BYTES}'),
    ("delimiter max=5", f'invalid delimiter "max=5" in "ws_framing": {BYTES}'),
    ("delimiter 123456789", f'invalid delimiter "123456789" in "ws_framing": {BYTES}'),
    (r'delimiter "\x3"', rf'invalid delimiter "\x3" in "ws_framing": {BYTES}'),
    (r'delimiter "\01"', rf'invalid delimiter "\01" in "ws_framing": {BYTES}'),
    (r'delimiter "\0" crlf', f'invalid parameter "crlf" in "ws_framing": {DELIMITED}'),
    (r'delimiter "\0" max=1x', f'invalid parameter "max=1x" in "ws_framing": {SIZE}'),
    ("typed u32", f'invalid parameter "u32" in "ws_framing": {TYPED}'),
    ("line; ws_framing line", '"ws_framing" directive is duplicate'),
    ("length u32; ws_max_message_size 0", '"ws_max_message_size 0" sets no limit'),
    ("typed; ws_max_message_size 0", '"ws_max_message_size 0" sets no limit'),
])
def test_wrong_value_is_refused(config_check, value, said):
    accepted, words = config_check(f"location / {{ ws_pass 127.0.0.1:9; ws_framing {value}; }}")
    assert not accepted
    assert said in words and "nginx.conf:" in words


def test_missing_limit_names_the_line_of_the_size(config_check, tmp_path):
    _, said = config_check("location / {\nws_pass 127.0.0.1:9; ws_framing typed;\n"
                           "ws_max_message_size 0;\nws_receipts on;\n}")
    assert line_named(tmp_path / "config_check", said) == "ws_max_message_size 0;"


@pytest.mark.parametrize("value", [
    "stream", "line", "line lf", "line crlf", "line split crlf max=512", "line max=0",
    "length u8", "length be u16", "length u32 le max=1m", "length max=255 u8", "length u16 max=65535",
    "typed", "typed max=64k", "length u32 max=1m; ws_max_message_size 0",
    "length u16 self max=65533", "length be self u32", "length varint", "length varint max=1m",
    r'delimiter "\0"', r"delimiter \0", r'delimiter "\x1c\r" max=1m', "delimiter ]]>]]> max=0",
    r'delimiter "\r\n.\r\n"; ws_max_message_size 0',
    "length u16; ws_max_message_size 0", "line; ws_max_message_size 0",
])
def test_right_value_is_taken(config_check, value):
    accepted, words = config_check(f"location / {{ ws_pass 127.0.0.1:9; ws_framing {value}; }}")
    assert accepted, words


def test_is_inherited_as_a_whole(gateway, backend, raw):
    service = backend(RecordingBackend)
    front = gateway(f"""
        ws_framing line crlf max=10;
        location /inherits {{ ws_pass {service.address}; }}
        location /own {{ ws_framing line; ws_pass {service.address}; }}
        location /none {{ ws_framing stream; ws_pass {service.address}; }}
        location /outer {{ ws_framing length u8;
            location /outer/inner {{ ws_pass {service.address}; }} }}""")
    for number, (path, got) in enumerate([("/inherits", b"line\r\n"), ("/own", b"line\n"),
                                          ("/none", b"line"), ("/outer/inner", b"\4line")]):
        client = raw(front.port)
        client.open(path)
        client.send_frame(BINARY, b"line")
        connection = service.wait_connection(number)
        assert connection.wait_received(len(got)) == got
        client.send_frame(BINARY, bytes(11))
        if path == "/inherits":
            assert client.read_close()[0] == 1009
        else:
            connection.wait_received(len(got) + 11)


@pytest.mark.parametrize("around, inside, limit", [
    ("", "ws_framing length u32;", 1 << 20),
    ("ws_framing typed;", "", 1 << 20),
    ("ws_max_message_size 2k;", "ws_framing length u32;", 2048),
    ("ws_framing length u32;", "ws_max_message_size 3k;", 3072),
    ("ws_framing length u32;", "ws_framing line max=2m;", 2 << 20),
])
def test_limit_of_a_message_depends_on_the_framing(gateway, backend, raw, around, inside, limit):
    """1m where messages may have to be held, if nothing else is said at any level."""
    service = backend(RecordingBackend)
    front = gateway(f"{around} location / {{ ws_pass {service.address}; {inside} }}")
    client = raw(front.port)
    client.open("/")
    client.send(frame(BINARY, bytes(limit - 5), fin=False) + frame(CONTINUATION, bytes(5)))
    service.wait_connection().wait_received(limit)
    client.send_frame(BINARY, bytes(limit + 1))
    assert client.read_close() == (1009, "message is too big")
