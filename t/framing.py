"""Services that speak in lines and records, and clients that read whole messages."""

import struct

from backends import Backend, ScriptedBackend
from raw import CONTINUATION, PING, PONG


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
