"""Streams that fill every buffer on their way."""

import hashlib
import os
import threading
import time

from harness.raw import BINARY, CLOSE, Closed, frame

MEGABYTE = 1 << 20


def noise(size):
    """Bytes of which none can be lost, doubled or moved unnoticed."""
    return os.urandom(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def frames(data, size=100_000):
    """The data as masked binary messages of at most `size` bytes."""
    return [frame(BINARY, data[at:at + size], mask=os.urandom(4))
            for at in range(0, len(data), size)]


class Flood:
    """Sends pieces with `send` from a thread of its own, until all are gone or `send` fails."""

    def __init__(self, send, pieces):
        self.sent = 0  # bytes of the pieces that were taken whole
        self.error = None
        self._send, self._pieces = send, pieces
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            for piece in self._pieces:
                self._send(piece)
                self.sent += len(piece)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            self.error = error

    def running(self):
        return self._thread.is_alive()

    def wait_stalled(self, quiet=0.4, timeout=20):
        """Waits until nothing more is taken, and returns how much was."""
        end = time.monotonic() + timeout
        sent, since = self.sent, time.monotonic()
        while time.monotonic() - since < quiet:
            assert time.monotonic() < end, f"taken without an end: {self.sent} bytes"
            if self.sent != sent:
                sent, since = self.sent, time.monotonic()
            time.sleep(0.02)
        assert self.running(), f"all was taken, {self.sent} bytes: {self.error!r}"
        return sent

    def wait_done(self, timeout=30):
        self._thread.join(timeout)
        assert not self.running(), f"only {self.sent} bytes were taken in {timeout} s"
        assert self.error is None, repr(self.error)


class Reader:
    """Reads a RawClient's frames to the end, in a thread of its own. Answers no ping: its frame
    could get into the middle of another's."""

    def __init__(self, client):
        self.payload = bytearray()
        self.controls = []
        self.end = None  # "eof" or "reset"
        self.error = None
        self._client = client
        self._news = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                got = self._client.read_frame()
                with self._news:
                    if got.opcode < CLOSE:
                        self.payload += got.payload
                    else:
                        self.controls.append(got)
                    self._news.notify_all()
        except Closed as closed:
            self._tell("end", closed.how)
        except Exception as error:  # pylint: disable=broad-except
            self._tell("error", error)

    def _tell(self, name, value):
        with self._news:
            setattr(self, name, value)
            self._news.notify_all()

    def _wait(self, condition, timeout, what):
        with self._news:
            self._news.wait_for(lambda: condition() or self.error, timeout)
            if not condition():
                raise AssertionError(f"waited {timeout} s for {what}, {len(self.payload)} bytes "
                                     f"came: {self.error!r}")

    def wait_payload(self, size, timeout=30):
        self._wait(lambda: len(self.payload) >= size, timeout, f"{size} bytes")
        return bytes(self.payload)

    def wait_end(self, timeout=30):
        self._wait(lambda: self.end, timeout, "the end")
        return self.end
