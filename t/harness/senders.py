"""Backends that have much to say."""

import time

from harness.backends import ScriptedBackend
from harness.flood import Flood


class SendingBackend(ScriptedBackend):
    """Sends it all, reads meanwhile to the end, and then closes."""

    def __init__(self, data, **options):
        self.flood = None
        self._data = data
        super().__init__(self._send, **options)

    def _send(self, connection):
        pieces = [self._data[at:at + 65536] for at in range(0, len(self._data), 65536)]
        self.flood = Flood(connection.send, pieces)
        connection.read_all()


class SendingFirstBackend(ScriptedBackend):
    """Sends it all, then FIN, and reads nothing before; at a reset it reads what it has."""

    def __init__(self, data, **options):
        self.sent = 0
        self._data = memoryview(data)
        super().__init__(self._flood, **options)

    def _flood(self, connection):
        try:
            for at in range(0, len(self._data), 65536):
                connection.send(self._data[at:at + 65536])
                self.sent = at + 65536
            connection.finish()
        except OSError:
            pass
        connection.read_all()

    def wait_stalled(self, quiet=0.4):
        sent, since = self.sent, time.monotonic()
        while time.monotonic() - since < quiet or sent == 0:
            if self.sent != sent:
                sent, since = self.sent, time.monotonic()
            assert self.sent < len(self._data), "all was taken"
            time.sleep(0.02)
        return sent
