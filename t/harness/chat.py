"""The chat room of demo/chat, as its guests over plain TCP see it."""

import socket

from harness.gateway import wait_until


class Guest:
    """Somebody with a socket."""

    def __init__(self, port, name=None, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", port))
        self._file = self.sock.makefile("rb")
        greeting = [self.line() for _ in range(4)]
        self.name = greeting[1].removeprefix("* you are ")
        self.here = greeting[3].removeprefix("* here: ").split()
        if name:
            self.send(f"/nick {name}")
            self.lines_up_to(f"* {self.name} is now {name}")
            self.name = name

    def line(self):
        line = self._file.readline()
        assert line.endswith(b"\r\n"), f"no whole line: {line!r}"
        return line[:-2].decode()

    def lines_up_to(self, last):
        lines = []
        while not lines or last not in lines[-1]:
            lines.append(self.line())
        return lines

    def send(self, line):
        self.sock.sendall(line.encode() + b"\n")

    def close(self):
        self._file.close()
        self.sock.close()


def until_empty(port):
    """Nobody of one test is there in the next."""
    here = []

    def alone():
        probe = Guest(port)
        probe.close()
        here[:] = probe.here
        return here == [probe.name]

    try:
        wait_until(alone, 20)
    except AssertionError:
        raise AssertionError(f"the room is not empty: {here}") from None
