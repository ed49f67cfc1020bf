"""Services that speak in lines and records, and clients that read whole messages."""

import struct

from harness.backends import Backend, ScriptedBackend
from harness.raw import CONTINUATION, PING, PONG


class LineBackend(Backend):
    """Answers each line with a longer one, as a real service of lines would: it reads up to the
    line's end, and knows no other."""

    def __init__(self, end=b"\n", **options):
        self.end = end
        self.lines = []
        super().__init__(**options)

    def serve(self, connection):
        unread = b""
        while data := connection.read():
            *lines, unread = (unread + data).split(self.end)
            for line in lines:
                self.lines.append(line)
                connection.send(b"heard: " + line + self.end)
        self.unread = unread


class RecordBackend(Backend):
    """Answers each record with its payload backwards, and of the same type if it is typed."""

    def __init__(self, length="!H", typed=False, **options):
        self.length, self.typed = length, typed
        self.records = []
        super().__init__(**options)

    def record(self, payload, type_=2):
        return struct.pack(self.length, len(payload)) + bytes([type_] * self.typed) + payload

    def serve(self, connection):
        size = struct.calcsize(self.length) + self.typed
        while header := connection.read_exactly(size):
            length, = struct.unpack(self.length, header[:size - self.typed])
            payload = connection.read_exactly(length)
            assert len(header) == size and len(payload) == length, "a record is cut"
            type_ = header[-1] if self.typed else 2
            self.records.append((type_, payload) if self.typed else payload)
            connection.send(self.record(payload[::-1], type_))


class StompBackend(Backend):
    """A broker that knows CONNECT, SEND to anywhere and DISCONNECT, as STOMP 1.2 has them: each
    frame ends with a NUL, behind which line ends may stand."""

    def serve(self, connection):
        unread = b""
        while data := connection.read():
            *frames, unread = (unread + data).split(b"\0")
            for frame in frames:
                head, _, body = frame.lstrip(b"\r\n").partition(b"\n\n")
                command, *headers = head.split(b"\n")
                if command == b"CONNECT":
                    connection.send(b"CONNECTED\nversion:1.2\n\n\0\n")
                elif command == b"SEND":
                    connection.send(b"\n".join([b"MESSAGE", *headers]) + b"\n\n" + body + b"\0\n")
                else:
                    connection.send(b"RECEIPT\n\n\0\n")
                    connection.finish()


class CountedBackend(Backend):
    """Answers each record with its payload backwards. `read` and `write` do what is peculiar to the
    lengths: the first gives the next payload or None."""

    def __init__(self, read, write, **options):
        self.read_payload, self.write_record = read, write
        self.records = []
        super().__init__(**options)

    def serve(self, connection):
        while (payload := self.read_payload(connection)) is not None:
            self.records.append(payload)
            connection.send(self.write_record(payload[::-1]))


def read_counted(connection):
    """As PostgreSQL and SMPP count: 32 bits that include themselves."""
    header = connection.read_exactly(4)
    return connection.read_exactly(struct.unpack("!I", header)[0] - 4) if header else None


def write_counted(payload):
    return struct.pack("!I", len(payload) + 4) + payload


def read_varint(connection):
    """As protobuf delimits messages."""
    length = shift = 0
    while byte := connection.read_exactly(1):
        length |= (byte[0] & 0x7f) << shift
        shift += 7
        if byte[0] < 0x80:
            return connection.read_exactly(length)
    return None


def write_varint(payload):
    length, header = len(payload), b""
    while length >= 0x80:
        header += bytes([length & 0x7f | 0x80])
        length >>= 7
    return header + bytes([length]) + payload


class SayingBackend(ScriptedBackend):
    """Says something, piece by piece if it is a list, and closes; reads to the end."""

    def __init__(self, said, **options):
        self._said = said if isinstance(said, list) else [said]
        super().__init__(self._say, **options)

    def _say(self, connection):
        for piece in self._said:
            connection.send(piece)
        connection.finish()
        connection.read_all()


def read_message(client):
    """Opcode and payload of the next message, however it is fragmented; pings are answered."""
    opcode, parts = None, []
    while True:
        got = client.read_frame()
        if got.opcode == PING:
            client.send_frame(PONG, got.payload)
            continue
        assert (got.opcode == CONTINUATION) == (opcode is not None), got
        opcode = opcode or got.opcode
        assert opcode < 8, got
        parts.append(got.payload)
        if got.fin:
            return opcode, b"".join(parts)


def read_mixed(client, messages, pongs):
    """The payloads of so many messages and pongs, each in order, however they are mixed."""
    got, answers, part = [], [], b""
    while len(got) < messages or len(answers) < pongs:
        came = client.read_frame()
        if came.opcode == PONG:
            answers.append(came.payload)
            continue
        part += came.payload
        if came.fin:
            got.append(part)
            part = b""
    return got, answers


def read_messages(client, count):
    """The payloads of the next messages."""
    return [read_message(client)[1] for _ in range(count)]
