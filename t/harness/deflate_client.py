"""What a client compresses, and a client made by hand that reads compressed messages. RFC 7692."""

import os
import random
import zlib

import pytest

from harness.flood import MEGABYTE
from harness.raw import BINARY, CONTINUATION, TEXT, RawClient

RSV1 = 4
OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate")
TAKEOVER = "ws_deflate_context_takeover on;"


def text_of(size, seed=1):
    """Text that compresses well, and is UTF-8 however long."""
    words = ["price", "12.50", '{"name": ', "}, ", "\n", "true", "0123456789", "a", "zero"]
    pick = random.Random(seed)
    text = "".join(pick.choices(words, k=size // 2 + 1))
    return text[:size].encode()


def half_noise(size):
    """Bytes that compress badly."""
    noise = random.Random(2).randbytes(size)
    return noise.translate(bytes(at % 64 for at in range(256)))


KINDS = {
    "well": text_of,
    "badly": half_noise,
    "not at all": os.urandom,
    "zeros": bytes,
}


class Deflater:
    """A client's compressor, with or without takeover."""

    def __init__(self, bits=15, takeover=True, level=6):
        self._new = lambda: zlib.compressobj(level, zlib.DEFLATED, -bits)
        self._takeover = takeover
        self._state = self._new()

    def __call__(self, data):
        if not self._takeover:
            self._state = self._new()
        deflated = self._state.compress(data) + self._state.flush(zlib.Z_SYNC_FLUSH)
        assert deflated.endswith(b"\0\0\xff\xff")
        return deflated[:-4]


class DeflateClient(RawClient):
    """Reads compressed messages too, and counts them."""

    compressed = 0

    def open(self, path="/", *, offer=OFFER[1], fields=(), **how):
        response = super().open(path, fields=[(OFFER[0], offer), *fields], **how)
        self.answer = response.get("sec-websocket-extensions")
        self._takeover = self.answer and "server_no_context_takeover" not in self.answer
        self._inflater = zlib.decompressobj(-15)
        return response

    def read_frame(self):
        first = self.read(1)[0]
        compressed = first >> 4 & RSV1
        self.buffer = bytes([first & 0xbf]) + self.buffer
        got = super().read_frame()
        if compressed:
            assert self.answer and got.opcode in (TEXT, BINARY) and got.fin
            self.compressed += 1
            if not self._takeover:
                self._inflater = zlib.decompressobj(-15)
            got.payload = self._inflater.decompress(got.payload + b"\0\0\xff\xff")
            assert not self._inflater.unconsumed_tail
        return got

    def read_message(self):
        """The payload of the next message, compressed or not, over all its fragments."""
        first = self.read(1)[0]
        compressed = first >> 4 & RSV1
        self.buffer = bytes([first & 0xbf]) + self.buffer
        got = super().read_frame()
        payload = bytearray(got.payload)
        while not got.fin:
            got = super().read_frame()
            assert got.opcode == CONTINUATION, got
            payload += got.payload
        if not compressed:
            return bytes(payload)
        self.compressed += 1
        if not self._takeover:
            self._inflater = zlib.decompressobj(-15)
        return self._inflater.decompress(payload + b"\0\0\xff\xff")


@pytest.fixture
def deflated(gateway, backend):
    """Opens a DeflateClient through a gateway: deflated(EchoBackend, settings="...")."""
    opened = []

    def start(kind, *args, settings="", http="", offer=OFFER[1], then=b"", client=None, **options):
        service = backend(kind, *args, **options)
        front = gateway(f"location / {{ ws_pass {service.address}; ws_deflate on; {settings} }}",
                        http=http)
        opened.append(DeflateClient(front.port, **(client or {})))
        opened[-1].open(offer=offer, then=then)
        return front, service, opened[-1]

    yield start
    for one in opened:
        one.close()


def bomb(size):
    """Zeros of this size, compressed: about a thousandth of it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [deflate.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join(parts) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
