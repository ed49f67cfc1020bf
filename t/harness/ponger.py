"""A client that answers pings when the test likes."""

from harness.raw import BINARY, PING, PONG


class Ponger:
    """Reads frames and keeps the pings, which the test answers when it likes."""

    def __init__(self, client):
        self.payload, self.pings = bytearray(), []
        self._client = client

    def read_until_quiet(self, quiet=0.4):
        """Reads all that comes without an answer."""
        self._wait_at_most(quiet)
        try:
            while True:
                self.read()
        except AssertionError as error:
            if "nothing came" not in str(error):
                raise
        return len(self.payload)

    def read_some(self):
        """The first of it, however late."""
        self._wait_at_most(10)
        self.read()

    def _wait_at_most(self, seconds):
        self._client.timeout = seconds
        self._client.sock.settimeout(seconds)

    def read(self):
        got = self._client.read_frame()
        if got.opcode == PING:
            self.pings.append(got.payload)
        else:
            assert got.opcode == BINARY, got
            self.payload += got.payload

    def pong(self, payload):
        self._client.send_frame(PONG, payload)
