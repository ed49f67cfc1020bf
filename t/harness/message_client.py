"""A client of docs/resume-protocol.md whose messages mean something to the service: section 8."""

import struct

from harness.raw import BINARY, frame
from harness.resume_client import DATA, EMPTY, MAX_DATA, PART, ResumeClient, number, sized


class MessageClient(ResumeClient):
    """`messages` are those of the service that have come whole."""

    def __init__(self, connect, *, piece=MAX_DATA, **how):
        super().__init__(connect, **how)
        self.piece = piece  # bytes of a DATA or PART, at most
        self.messages = []
        self._said = []  # each message with its position, and its ordinal if it is empty
        self._ordinals = 0
        self._part = b""  # of the service's message that goes on
        self._empties = 0  # of the service, so far

    # --- to the gateway

    def send_message(self, message):
        for command in self._commands(*self._remember(message)):
            self.say(command)

    def send_and_cut(self, message, share):
        """The link dies behind this share of the bytes that the message has on the wire."""
        commands = self._commands(*self._remember(message))
        wire = b"".join(frame(BINARY, command) for command in commands)
        self.leg.send(wire[:int(len(wire) * share)])
        self.leg.finish()
        self.cut()

    def _remember(self, message):
        self._said.append((len(self.sent), message, self._ordinals))
        self._ordinals += not message
        self.sent += message
        return self._said[-1]

    def _commands(self, position, message, ordinal):
        """What brings the gateway all that it has not taken of it."""
        if not message:
            return [number(EMPTY, ordinal)] if position >= self.taken else []
        rest = message[max(self.taken - position, 0):]
        starts = range(0, len(rest), self.piece)
        return [sized(PART if at + self.piece < len(rest) else DATA, rest[at:at + self.piece])
                for at in starts]

    def _send_again(self):
        for said in self._said:
            for command in self._commands(*said):
                self.say(command)

    # --- from the gateway

    def step(self):
        tag, body = self.command()
        if tag == EMPTY:
            self._note_empty(*struct.unpack("!Q", body))
        elif tag in (DATA, PART):
            self._note_data(body)
            self._part += body[4:]
            if tag == DATA:
                self.messages.append(self._part)
                self._part = b""
        else:
            self.take(tag, body)
        return tag

    def _note_empty(self, ordinal):
        assert ordinal <= self._empties and not self._part, (ordinal, self._empties, self._part)
        if ordinal == self._empties:
            self.messages.append(b"")
            self._empties += 1

    def receive_messages(self, count):
        """All messages of the service, once there are so many."""
        while len(self.messages) < count:
            if self.step() in (DATA, PART):
                self.ack()
        assert len(self.messages) == count and not self._part
        return self.messages
