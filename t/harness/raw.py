"""A WebSocket client made by hand, for what a proper one would never send."""

import base64
import hashlib
import os
import socket
import struct
import time
from dataclasses import dataclass

from harness import checker

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

IP_BIND_ADDRESS_NO_PORT = 24  # the port is chosen when the other end is known

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", form=None,
          length=None):
    """One frame as bytes. `mask` None sends it unmasked; `form` 7, 16 or 64 forces an encoding of
    the length, and `length` claims another one than the payload's."""
    size = len(payload) if length is None else length
    if form is None:
        form = 7 if size < 126 else 16 if size < 65536 else 64
    masked = 0 if mask is None else 0x80
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if form == 7:
        head += bytes([masked | size])
    elif form == 16:
        head += struct.pack("!BH", masked | 126, size)
    else:
        head += struct.pack("!BQ", masked | 127, size)
    if mask is None:
        return head + payload
    return head + mask + apply_mask(payload, mask)


def apply_mask(payload, mask):
    """The payload XOR the repeated key, as one big number: quick for large ones."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


def accept_for(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


@dataclass
class Response:
    status: int
    reason: str
    fields: list  # of (lower-case name, value)

    def all(self, name):
        return [value for field, value in self.fields if field == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


@dataclass
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def close(self):
        """Code and reason of a Close; no code is None."""
        assert self.opcode == CLOSE, f"no Close: {self}"
        if not self.payload:
            return None, ""
        return struct.unpack("!H", self.payload[:2])[0], self.payload[2:].decode()


class Closed(Exception):
    """The gateway ended the connection where something else was due: "eof" or "reset"."""

    def __init__(self, how, rest=b""):
        super().__init__(f"{how}, after {rest!r}" if rest else how)
        self.how = how
        self.rest = rest


class RawClient:
    """A socket to the gateway. Whatever reads fails after `timeout` seconds."""

    def __init__(self, port, host="127.0.0.1", *, tls=None, timeout=10, receive_buffer=None,
                 connect=True, source=None):
        self.timeout = timeout * checker.SLOWNESS
        self.buffer = b""
        self._read_size, self._pause = 262144, 0
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(self.timeout)
        if source:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            self.sock.bind((source, 0))
        if connect:
            self.sock.connect((host, port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # --- sending

    def send(self, data):
        self.sock.sendall(data)

    def send_frame(self, opcode, payload=b"", **how):
        self.send(frame(opcode, payload, **how))

    def send_close(self, code=None, reason=b""):
        self.send_frame(CLOSE, b"" if code is None else close_payload(code, reason))

    def finish(self):
        """Sends a FIN; reading goes on."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    # --- the handshake

    @staticmethod
    def request(path="/", *, method="GET", version="HTTP/1.1", fields=(), without=(),
                key="dGhlIHNhbXBsZSBub25jZQ==", host="localhost"):
        """The text of an upgrade request. `fields`, pairs, come after the usual ones; a usual one
        is left out if `without` names it."""
        usual = [
            ("Host", host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ]
        left_out = {name.lower() for name in without}
        lines = [f"{method} {path} {version}"]
        lines += [f"{name}: {value}" for name, value in usual if name.lower() not in left_out]
        lines += [f"{name}: {value}" for name, value in fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def handshake(self, path="/", *, then=b"", **how):
        """Sends an upgrade request, with the bytes `then` right behind it, and reads the answer."""
        self.send(self.request(path, **how) + then)
        return self.read_response()

    def open(self, path="/", **how):
        """A handshake that must succeed."""
        key = how.setdefault("key", base64.b64encode(os.urandom(16)).decode())
        response = self.handshake(path, **how)
        assert response.status == 101, response
        assert response.get("sec-websocket-accept") == accept_for(key)
        return response

    def read_response(self):
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        _, status, reason = (status_line.split(" ", 2) + [""])[:3]
        fields = []
        for line in lines:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
        return Response(int(status), reason, fields)

    # --- reading

    def read_slowly(self, size, pause):
        """From now on, takes at most `size` bytes from the socket after each `pause` seconds."""
        self._read_size, self._pause = size, pause

    def _fill(self):
        time.sleep(self._pause)
        try:
            data = self.sock.recv(self._read_size)
        except ConnectionResetError:
            raise Closed("reset", self.buffer) from None
        except TimeoutError:
            raise AssertionError(
                f"nothing came in {self.timeout} s; unread: {self.buffer[:80]!r}") from None
        if not data:
            raise Closed("eof", self.buffer)
        self.buffer += data

    def read(self, size):
        while len(self.buffer) < size:
            self._fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_frame(self):
        """The next frame, held to every rule that binds a server."""
        first, second = self.read(2)
        opcode, fin, rsv = first & 15, bool(first & 0x80), first >> 4 & 7
        size = second & 127
        assert not second & 0x80, "a server's frame is masked"
        assert rsv == 0, f"RSV bits {rsv} without an extension"
        assert opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), f"opcode {opcode}"
        if opcode >= CLOSE:
            assert fin and size <= 125, "a control frame is fragmented or too long"
        if size == 126:
            size, = struct.unpack("!H", self.read(2))
            assert size > 125, "length not minimal"
        elif size == 127:
            size, = struct.unpack("!Q", self.read(8))
            assert 65535 < size < 2**63, "length not minimal, or its top bit is set"
        return Frame(opcode, self.read(size), fin, rsv)

    def read_data(self, size, opcode=BINARY, pings=True):
        """At least `size` payload bytes of data messages of this type. Pings on the way are
        answered unless `pings` says they are not."""
        data = bytearray()
        continued = False
        while len(data) < size:
            got = self.read_frame()
            if got.opcode == PING and pings:
                self.send_frame(PONG, got.payload)
                continue
            assert got.opcode == (CONTINUATION if continued else opcode), got
            continued = not got.fin
            data += got.payload
        return bytes(data)

    def read_close(self):
        """Code and reason of the next frame, which must be a Close."""
        return self.read_frame().close

    def read_to_close(self):
        """All data up to a Close, then its code and reason."""
        data = b""
        while (got := self.read_frame()).opcode != CLOSE:
            data += got.payload
        return data, *got.close

    def read_rest(self):
        """Everything up to the end of the connection, whichever end it is."""
        try:
            while True:
                self._fill()
        except Closed as end:
            return end.rest

    def read_end(self):
        """How the gateway ended the connection, "eof" or "reset"; nothing may come before."""
        assert not self.buffer, f"unread: {self.buffer!r}"
        try:
            self._fill()
        except Closed as end:
            return end.how
        raise AssertionError(f"came instead of the end: {self.buffer!r}")

    def nothing_comes(self, seconds=0.3):
        """Asserts that the gateway sends nothing for a while and keeps the connection open."""
        assert not self.buffer, f"unread: {self.buffer!r}"
        self.sock.settimeout(seconds)
        end = time.monotonic() + seconds
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return
        finally:
            self.sock.settimeout(self.timeout)
        left = end - time.monotonic()
        raise AssertionError(f"{data!r} came {left:.2f} s too early")
